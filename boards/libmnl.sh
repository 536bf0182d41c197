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
objcopy=$("$cc" -print-prog-name=objcopy) ar=$("$cc" -print-prog-name=ar)
mkdir -p "$dir/include"; dir=$(cd "$dir" && pwd)
rm -f "$dir/libmnl.a" "$dir"/*.o

if "$here/apt.sh" "$dir" source libmnl 2>"$dir/source.log"; then
	: >"$dir/config.h"
	for f in attr callback nlmsg; do
		"$cc" "$@" -std=gnu11 -D_GNU_SOURCE -DHAVE_VISIBILITY_HIDDEN -I"$dir" -I"$dir/libmnl/include" -c "$dir/libmnl/src/$f.c" -o "$dir/$f.o"
	done
	from="$(cat "$dir/libmnl.version") from Debian source"
	headers=$dir/libmnl/include/libmnl
else
	echo "libmnl: Debian's source package cannot be had here; trying Debian 13's library"
	"$here/apt.sh" "$dir" binary "libmnl-dev:$arch" trixie || { cat "$dir/source.log" >&2; exit 1; }
	(cd "$dir" && "$ar" x "$(find libmnl-dev -name libmnl.a)" attr.o callback.o nlmsg.o)
	for s in malloc free fwrite __fprintf_chk __ctype_b_loc stdout stderr; do
		"$objcopy" --redefine-sym "$s=tandem_never" "$dir/nlmsg.o"
	done
	printf '%s\n' '_Noreturn void tandem_never(void);' 'void tandem_never(void) { __builtin_trap(); }' >"$dir/never.c"
	"$cc" "$@" -c "$dir/never.c" -o "$dir/never.o"
	from="$(cat "$dir/libmnl-dev.version") from the Debian 13 library"
	headers=$dir/libmnl-dev/usr/include/libmnl
fi
for o in "$dir"/*.o; do "$objcopy" -g -R .eh_frame -R .comment "$o"; done     # unwind tables, which nobody here reads
cp -R "$headers" "$dir/include/"
"$ar" rcs "$dir/libmnl.a" "$dir"/*.o
echo "$from" >"$dir/origin"
