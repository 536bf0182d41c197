#!/bin/sh
# SPDX-License-Identifier: MIT
# boards/apt.sh DIR source PACKAGE            Debian's source package, unpacked as DIR/PACKAGE
# boards/apt.sh DIR binary SUITE PACKAGE:ARCH  the files of Debian's binary package, unpacked as DIR/PACKAGE
# Asks apt with lists and settings of its own under DIR: nothing outside DIR changes, no root is needed, and apt checks the
# chain Release signature -> index -> sha256 of each file. What is already there is not fetched again.
set -eu
dir=$1 kind=$2
mkdir -p "$dir"; dir=$(cd "$dir" && pwd)
apt=$dir/apt-$kind
[ "$kind" = binary ] && { apt=$apt-$3; set -- "$1" "$2" "$4" "$3"; }
name=${3%%:*}
[ -d "$dir/$name" ] && exit 0
mkdir -p "$apt/parts" "$apt/state/lists/partial" "$apt/cache/archives/partial" "$apt/get"

# Debian's own entries only, turned into what is wanted; third parties' have nothing that we need.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
	grep -oE 'https?://[^ ]*/debian/?( |$)' | head -n 1 | tr -d ' ')
mirror=${mirror:-http://deb.debian.org/debian}
key=/usr/share/keyrings/debian-archive-keyring.gpg
suite=$(. /etc/os-release; echo "${VERSION_CODENAME:-bookworm}")
if [ "$kind" = source ]; then
	echo "deb-src [signed-by=$key] $mirror $suite main" >"$apt/sources.list"
else
	arch=${3#*:}
	echo "deb [signed-by=$key arch=$arch] $mirror $4 main" >"$apt/sources.list"
fi
set -- -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts="$apt/parts" -o Dir::State="$apt/state" \
	-o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache="$apt/cache" -o APT::Sandbox::User= \
	-o Acquire::Languages=none -o Acquire::Retries=3 "$@"
while [ "${1#-}" != "$1" ]; do opts="${opts:-} $1 $2"; shift 2; done
exec 3>&2 >"$apt/log" 2>&1
trap '[ $? = 0 ] || { grep "^E:" "$apt/log"; echo "boards/apt.sh: cannot get $name ($kind) from $mirror"; } >&3' EXIT
[ -f "$apt/updated" ] || { apt-get $opts update; : >"$apt/updated"; }
cd "$apt/get"
if [ "$kind" = source ]; then
	apt-get $opts --only-source --download-only source "$name"
	dpkg-source --no-check -x "$name"_*.dsc "$name.new"     # apt has checked the files
else
	apt-get $opts download "$name:$arch"
	dpkg-deb -x "$name"_*.deb "$name.new"
fi
mv "$name.new" "$dir/$name"
