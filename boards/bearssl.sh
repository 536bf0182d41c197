#!/bin/sh
# SPDX-License-Identifier: MIT
# boards/bearssl.sh SOURCES DIR CC CFLAGS...     makes DIR/libbearssl.a and DIR/include from Debian's source package
# Only what we call: HMAC with SHA-256. Compiled with our flags, so that the linker drops what is not reached.
set -eu
sources=$1 dir=$2 cc=$3; shift 3
ar=$("$cc" -print-prog-name=ar)
mkdir -p "$dir/include"
rm -f "$dir"/*.o "$dir/libbearssl.a"
for f in mac/hmac hash/sha2small codec/dec32be codec/enc32be; do
	"$cc" "$@" -std=gnu11 -I"$sources/src" -I"$sources/inc" -c "$sources/src/$f.c" -o "$dir/${f##*/}.o"
done
cp "$sources"/inc/*.h "$dir/include/"
"$ar" rcs "$dir/libbearssl.a" "$dir"/*.o
