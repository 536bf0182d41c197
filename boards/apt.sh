#!/bin/sh
# SPDX-License-Identifier: MIT
# boards/apt.sh DIR source PACKAGE               Debian's source package, unpacked as DIR/PACKAGE
# boards/apt.sh DIR binary PACKAGE:ARCH SUITE    the files of Debian's binary package, unpacked as DIR/PACKAGE
# Asks apt with lists and settings of its own under DIR: nothing outside DIR changes and no root is needed. apt checks the
# chain from Debian's signature over the index to the sha256 of each file. DIR/PACKAGE.version then holds the version, and
# says that the package is there and need not be fetched again.
set -eu
mkdir -p "$1"
dir=$(cd "$1" && pwd) kind=$2 name=${3%%:*} arch=${3#*:} suite=${4:-}
[ -f "$dir/$name.version" ] && exit 0
apt=$dir/apt-$kind-$name
log=$apt/log
rm -rf "$apt"
mkdir -p "$apt/none" "$apt/state/lists/partial" "$apt/cache/archives/partial" "$apt/get"
: >"$log"

key=/usr/share/keyrings/debian-archive-keyring.gpg
if [ -z "$suite" ]; then
	suite=bookworm
	[ "$(. /etc/os-release; echo "$ID")" = debian ] && suite=$(. /etc/os-release; echo "${VERSION_CODENAME:-$suite}")
fi

# Of the system's settings only how to fetch (proxies, retries): its hooks would act on the system.
{
	apt-config dump | grep '^Acquire::' | grep -v '^Acquire::IndexTargets' || :
	cat <<-CONF
		Dir::State "$apt/state";
		Dir::State::status "/var/lib/dpkg/status";
		Dir::Cache "$apt/cache";
		Dir::Etc::main "$apt/none/none";
		Dir::Etc::parts "$apt/none";
		Dir::Etc::sourcelist "$apt/sources.list";
		Dir::Etc::sourceparts "$apt/none";
		APT::Sandbox::User "";
		Acquire::Languages "none";
		Acquire::Retries "3";
	CONF
} >"$apt/apt.conf"
export APT_CONFIG="$apt/apt.conf"

# The mirrors that this system uses, the likeliest first, then Debian's own. Whatever they are, only what Debian's key
# has signed is taken, so a third party's entry that gets in here costs a moment and nothing else.
mirrors() {
	sed 's/#.*//' /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
		grep -oE '(https?|ftp|file):/[^] 	]*debian[^] 	]*' | grep -v security >"$apt/mirrors" || :
	grep -E '^[a-z]+://[^/]+/debian/?$' "$apt/mirrors" || :
	cat "$apt/mirrors"
	echo http://deb.debian.org/debian
}

get() {
	if [ "$kind" = source ]; then
		echo "deb-src [signed-by=$key] $1 $suite main" >"$apt/sources.list"
	else
		echo "deb [signed-by=$key arch=$arch] $1 $suite main" >"$apt/sources.list"
	fi
	apt-get update || return 1
	cd "$apt/get" || return 1
	rm -rf ./* "$apt/new"
	if [ "$kind" = source ]; then
		# apt has checked the files; dpkg-source would look for the maintainer's key as well
		apt-get --only-source --download-only source "$name" || return 1
		dpkg-source --no-check -x "$name"_*.dsc "$apt/new" && sed -n 's/^Version: //p' "$name"_*.dsc >"$apt/version"
	else
		apt-get download "$name:$arch" || return 1
		dpkg-deb -x "$name"_*.deb "$apt/new" && dpkg-deb -f "$name"_*.deb Version >"$apt/version"
	fi
}

for mirror in $(mirrors | sed 's,/*$,,' | awk '!seen[$0]++'); do
	echo "== $mirror" >>"$log"
	if get "$mirror" >>"$log" 2>&1; then
		rm -rf "$dir/$name" "$apt/state" "$apt/cache"
		mv "$apt/new" "$dir/$name"
		cat "$apt/version" >"$dir/$name.version"
		exit 0
	fi
	tried="${tried:+$tried, }$mirror"
done
grep '^[EW]:' "$log" >&2 || tail -n 5 "$log" >&2
echo "boards/apt.sh: no $kind package $name of Debian $suite from $tried (log: $log)" >&2
exit 1
