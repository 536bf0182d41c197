#!/bin/sh
# SPDX-License-Identifier: MIT
# make demo: two nodes, two web servers and a client on one machine; the master is stopped, killed and frozen in turn.
# Everything happens in network namespaces of its own, so no root is needed where user namespaces are allowed.
cd "$(dirname "$0")/../.." || exit 2
for tool in ip unshare nsenter setpriv python3; do
	command -v $tool >/dev/null || { echo "demo: $tool is missing (Debian: iproute2, util-linux, python3)" >&2; exit 2; }
done
if [ "$(id -u)" = 0 ]; then
	set -- unshare -nm
elif unshare -Urnm true 2>/dev/null; then
	set -- unshare -Urnm
else
	echo "demo: this user may not make user namespaces ($(unshare -Urnm true 2>&1)): run it as root, or allow them" \
		"(sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)" >&2
	exit 2
fi
[ "$(id -u)" = 0 ] && export DEMO_ROOT=1
exec "$@" python3 test/demo/demo.py
