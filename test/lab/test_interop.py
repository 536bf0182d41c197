# SPDX-License-Identifier: MIT
"""Debian's keepalived as the other node, in both roles."""
import os
import pathlib
import signal
import time

import pytest
from lab import SKEW, VIP, Sampler, Tandem, sh, vrrp_conf, wait_for

KEEPALIVED = """
global_defs {{
    router_id {name}
}}
vrrp_instance VI_1 {{
    state BACKUP
    interface eth0
    virtual_router_id 51
    version {version}
    priority {priority}
    advert_int 1
{cast}
{auth}
    virtual_ipaddress {{
        192.168.1.10/24
    }}
}}
"""
VARIANTS = [(v, auth, cast) for v, auth in ((2, True), (2, False), (3, False)) for cast in ("multicast", "unicast")]


class Keepalived:
    def __init__(self, lab, name, priority, version, auth, cast):
        self.lab, self.host = lab, lab.hosts[name]
        peer = "192.168.1.12" if name == "lb01" else "192.168.1.11"
        self.log_path = lab.folder / f"{name}.keepalived.log"
        self.conf = lab.folder / f"{name}.keepalived.conf"
        self.conf.write_text(KEEPALIVED.format(
            name=name, priority=priority, version=version,
            cast="" if cast == "multicast" else f"    unicast_src_ip {self.host.address}\n    unicast_ttl 255\n    unicast_peer {{\n        {peer}\n    }}",
            auth="    authentication {\n        auth_type PASS\n        auth_pass s3cret\n    }" if auth else ""))
        self.process = None

    def start(self):
        pids = [f"{self.lab.folder}/{self.host.name}.{x}.pid" for x in "prc"]
        for path in pids:
            pathlib.Path(path).unlink(missing_ok=True)
        with open(self.log_path, "a") as log:
            self.process = self.host.spawn("keepalived", "-n", "-l", "-D", "-f", self.conf, "-p", pids[0], "-r", pids[1], "-c", pids[2],
                                           stdout=log, stderr=log)
        return self

    def stop(self):
        os.kill(self.process.pid, signal.SIGTERM)
        self.process.wait(10)


def tandem_conf(version, auth, cast):
    lines = f"    version {version}\n" + ("    auth_pass s3cret\n" if auth else "")
    if cast == "unicast":
        lines += """
    @lb01 unicast_src_ip 192.168.1.11
    @lb01 unicast_peer 192.168.1.12
    @lb02 unicast_src_ip 192.168.1.12
    @lb02 unicast_peer 192.168.1.11
"""
    return vrrp_conf(lines)


def only(lab, name):
    other = "lb02" if name == "lb01" else "lb01"
    return lab.hosts[name].holds() and not lab.hosts[other].holds()


@pytest.mark.parametrize("version, auth, cast", VARIANTS)
def test_keepalived_is_backup(lab, version, auth, cast):
    tandem = Tandem(lab, "lb01", tandem_conf(version, auth, cast)).start()
    keepalived = Keepalived(lab, "lb02", 90, version, auth, cast).start()
    sampler = Sampler(lab)
    wait_for(lambda: only(lab, "lb01"), 10, "tandem is master")
    time.sleep(4)
    assert only(lab, "lb01"), keepalived.log_path.read_text()
    since = time.monotonic()
    tandem.stop()
    wait_for(lambda: only(lab, "lb02"), SKEW[90] + 1, "keepalived has taken over")
    assert time.monotonic() - since < SKEW[90] + 0.5
    tandem.start()
    wait_for(lambda: only(lab, "lb01"), 10, "tandem has preempted")
    tandem.send(signal.SIGKILL)
    wait_for(lambda: only(lab, "lb02"), 4.5, "keepalived has taken over")
    sampler.stop()
    assert sampler.never_two()
    text = keepalived.log_path.read_text()
    assert "bogus" not in text and "invalid" not in text.lower() and "mismatch" not in text, text


@pytest.mark.parametrize("version, auth, cast", VARIANTS)
def test_keepalived_is_master(lab, version, auth, cast):
    keepalived = Keepalived(lab, "lb01", 100, version, auth, cast).start()
    tandem = Tandem(lab, "lb02", tandem_conf(version, auth, cast)).start()
    wait_for(lambda: only(lab, "lb01"), 12, "keepalived is master")
    time.sleep(4)
    assert only(lab, "lb01") and "MASTER" not in tandem.log().split("ready")[1][-200:], tandem.log()
    since = time.monotonic()
    keepalived.stop()
    wait_for(lambda: only(lab, "lb02"), SKEW[90] + 1, "tandem has taken over")
    assert time.monotonic() - since < SKEW[90] + 0.5
    keepalived.start()
    wait_for(lambda: only(lab, "lb01"), 12, "keepalived has preempted")
    tandem.wait_log("192.168.1.11 has the higher priority 100, ours is 90", 2)
