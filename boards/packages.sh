#!/bin/sh
# SPDX-License-Identifier: MIT
# boards/packages.sh PACKAGE...     sees to it that these Debian packages are installed, or says how to
# No service is started: while apt runs, a policy-rc.d forbids it, which is how Debian says that.
set -eu
mkdir -p build
if command -v flock >/dev/null && [ -z "${TANDEM_LOCKED:-}" ]; then     # two at a time would take away each other's policy-rc.d
	TANDEM_LOCKED=1 exec flock build/packages.lock "$0" "$@"
fi
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "This is no Debian: tandem's build and tests need, under the names that your system has for them: $*" >&2
	exit 0
fi
missing=
for p; do
	dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
as_root=
if [ "$(id -u)" != 0 ]; then
	as_root="sudo -n"
	if ! $as_root true 2>/dev/null; then
		echo "Packages are missing. Please run as root: apt-get install --no-install-recommends$missing" >&2
		exit 1
	fi
fi
echo "Installing:$missing" >&2
log=$(mktemp)
policy=/usr/sbin/policy-rc.d ours=
trap '[ -z "$ours" ] || $as_root rm -f $policy; rm -f "$log"' EXIT
trap 'exit 1' INT TERM HUP
if [ ! -e $policy ]; then
	ours=1
	printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
	$as_root chmod 755 $policy
fi
apt() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" </dev/null >"$log" 2>&1; }
# The lists on a fresh machine are absent or old: only then are they fetched.
apt install -y --no-install-recommends $missing ||
	{ apt update && apt install -y --no-install-recommends $missing; } || {
		tail -n 20 "$log" >&2
		echo "boards/packages.sh: apt-get could not install:$missing" >&2
		exit 1
	}
# They came for the tests; nor shall the next start of the machine bring them up.
for service in nginx haproxy keepalived; do
	case "$missing " in *" $service "*) $as_root update-rc.d $service disable >/dev/null 2>&1 || : ;; esac
done
