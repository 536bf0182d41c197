#!/bin/sh
# SPDX-License-Identifier: MIT
# boards/libmnl.sh DIR DEBIAN_ARCH CC CFLAGS...     makes DIR/libmnl.a, DIR/include/libmnl and DIR/origin
# libmnl builds and parses netlink messages; we use neither its sockets nor its batches, which allocate. In this order:
# Debian's source package, compiled with our flags; Debian 13's libmnl.a, which is made for glibc: the three objects that
# we need are taken out of it, and what they want of glibc and of the allocator (for the calls that we never make) is
# given the name of a function that aborts.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$1 arch=$2 cc=$3; shift 3
mkdir -p "$dir"; dir=$(cd "$dir" && pwd)
[ -f "$dir/origin" ] && { touch "$dir/libmnl.a"; exit 0; }

if "$here/apt.sh" "$dir" source libmnl 2>"$dir/source.log"; then
	: >"$dir/config.h"
	for f in attr callback nlmsg; do
		"$cc" "$@" -DHAVE_CONFIG_H -I"$dir" -I"$dir/libmnl/include" -c "$dir/libmnl/src/$f.c" -o "$dir/$f.o"
	done
	from="$(sed -n 's/^libmnl (\([^)]*\)).*/\1/p' "$dir/libmnl/debian/changelog" | head -n 1) from Debian (source package)"
	headers=$dir/libmnl/include/libmnl
else
	"$here/apt.sh" "$dir" binary trixie "libmnl-dev:$arch"
	(cd "$dir" && ar x "$(find libmnl-dev -name libmnl.a)" attr.o callback.o nlmsg.o)
	for s in malloc free fwrite __fprintf_chk __ctype_b_loc stdout stderr; do
		objcopy --redefine-sym "$s=tandem_never" "$dir/nlmsg.o"
	done
	printf '%s\n' '_Noreturn void tandem_never(void);' 'void tandem_never(void) { __builtin_trap(); }' >"$dir/never.c"
	"$cc" "$@" -c "$dir/never.c" -o "$dir/never.o"
	from="$(ls "$dir"/apt-binary-trixie/get | sed -n 's/^libmnl-dev_\([^_]*\)_.*/\1/p' | head -n 1) from Debian 13 (libmnl-dev)"
	headers=$dir/libmnl-dev/usr/include/libmnl
fi
rm -f "$dir/libmnl.a"
ar rcs "$dir/libmnl.a" "$dir/attr.o" "$dir/callback.o" "$dir/nlmsg.o" $(ls "$dir/never.o" 2>/dev/null || :)
mkdir -p "$dir/include"
cp -R "$headers" "$dir/include/"
echo "$from" >"$dir/origin"
