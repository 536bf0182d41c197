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
nm=$("$cc" -print-prog-name=nm) objdump=$("$cc" -print-prog-name=objdump)
mkdir -p "$dir/include"; dir=$(cd "$dir" && pwd)
rm -f "$dir/libmnl.a" "$dir"/*.o

# cut NAME SYMBOL: NAME.o without its code from SYMBOL on. All functions of an object from Debian are one section, which the
# linker takes whole. The bytes in front stay where they are, with their names and relocations; a name that turns out to
# be missing does not link.
cut() {
	end=$("$nm" "$dir/$1.o" | sed -n "s/ T $2\$//p")
	"$objcopy" -O binary -j .text "$dir/$1.o" "$dir/$1.text"
	{
		echo ".section .note.GNU-stack, \"\"; .text; text: .incbin \"$dir/$1.text\", 0, 0x$end"
		"$nm" "$dir/$1.o" | awk -v end="x$end" \
			'$2 == "T" && "x" $1 < end { printf ".globl %s; .set %s, text + 0x%s\n", $3, $3, $1 }'
		"$objdump" -r -j .text "$dir/$1.o" | awk -v end="x$end" \
			'/^0/ && "x" $1 < end { printf ".reloc text + 0x%s, %s, %s\n", $1, $2, $3 }'
	} >"$dir/$1.s"
	"$cc" -c "$dir/$1.s" -o "$dir/$1.o"
}

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
	# mnl_nlmsg_fprintf and the batches behind it: 1.8 kB. Elsewhere symbols and relocations say more than this copies.
	[ "$arch" != amd64 ] || cut nlmsg mnl_nlmsg_fprintf
	printf '%s\n' '_Noreturn void tandem_never(void);' 'void tandem_never(void) { __builtin_trap(); }' >"$dir/never.c"
	"$cc" "$@" -c "$dir/never.c" -o "$dir/never.o"
	from="$(cat "$dir/libmnl-dev.version") from the Debian 13 library"
	headers=$dir/libmnl-dev/usr/include/libmnl
fi
for o in "$dir"/*.o; do "$objcopy" -g -R .eh_frame -R .comment "$o"; done     # unwind tables, which nobody here reads
cp -R "$headers" "$dir/include/"
"$ar" rcs "$dir/libmnl.a" "$dir"/*.o
echo "$from" >"$dir/origin"
