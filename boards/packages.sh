#!/bin/sh
# SPDX-License-Identifier: MIT
# boards/packages.sh PACKAGE...     sees to it that these Debian packages are installed, or says how to
# Nothing that the packages would start as a service is started: a policy-rc.d that forbids it stands in for the time.
set -eu
missing=
for p; do
	dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
if ! command -v apt-get >/dev/null; then
	echo "tandem needs these Debian packages, or what your system calls them:$missing" >&2
	exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
	as_root="sudo -n"
	if ! $as_root true 2>/dev/null; then
		echo "Packages are missing. Please run: apt-get install --no-install-recommends$missing" >&2
		exit 1
	fi
fi
echo "Installing:$missing" >&2
log=$(mktemp)
policy=/usr/sbin/policy-rc.d ours=
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
	$as_root chmod +x $policy
	ours=1
fi
trap '[ -z "$ours" ] || $as_root rm -f $policy; rm -f "$log"' EXIT
trap 'exit 1' INT TERM
install() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing >"$log" 2>&1
}
# The lists on a fresh machine are absent or old: only then are they fetched.
install || { $as_root apt-get -o DPkg::Lock::Timeout=300 update >"$log" 2>&1 && install; } || { tail -n 20 "$log" >&2; exit 1; }
