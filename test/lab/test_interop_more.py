# SPDX-License-Identifier: MIT
"""Debian's keepalived as the other node, where nobody preempts, and in sync groups. After each change a third node asks who has
the addresses."""
import itertools
import signal
import time

import pytest
from lab import HOSTS, MASTER_DOWN, SKEW, Tandem, sh, wait_for
from test_interop import Keepalived, Play, took
from wire import MACS, who_answers

# ---- nopreempt: three ways to speak, and each node is the stronger one of three routers ----

WAYS = {"v2-pass-multicast": ("    auth_pass s3cret\n", " authentication {\n auth_type PASS\n auth_pass s3cret\n }\n"),
        "v3-unicast": ("    version 3\n    unicast_src_ip 192.168.1.{me}\n    unicast_peer 192.168.1.{other}\n",
                       " version 3\n unicast_src_ip 192.168.1.{me}\n unicast_ttl 255\n unicast_peer {{\n 192.168.1.{other}\n }}\n"),
        "ipv6-multicast": ("    version 3\n", " version 3\n")}
STRONGER = ("lb01", "lb02")
ROUTERS = list(itertools.product(WAYS, STRONGER))
VRIDS = {r: 81 + i for i, r in enumerate(ROUTERS)}
VIPS = {r: f"fd00::{v}" if "ipv6" in r[0] else f"192.168.1.{v}" for r, v in VRIDS.items()}


def conf(name, program):
    text = ""
    for (way, stronger), v in VRIDS.items():
        priority = 100 if stronger == name else 90
        words = WAYS[way][program == "keepalived"]
        words = words.format(me=HOSTS[name], other=23 - HOSTS[name]) if "{me}" in words else words
        vip = VIPS[way, stronger]
        if program == "tandem":
            text += f"vrrp V{v}\n    interface eth0\n    virtual_router_id {v}\n    priority {priority}\n    nopreempt\n{words}" \
                    f"    virtual_ipaddress {vip}/{64 if ':' in vip else 24}\n"
        else:
            text += f"vrrp_instance V{v} {{\n state BACKUP\n interface eth0\n virtual_router_id {v}\n priority {priority}\n nopreempt\n" \
                    f" advert_int 1\n{words} virtual_ipaddress {{\n {vip}/{64 if ':' in vip else 24}\n }}\n}}\n"
    return text


@pytest.fixture(scope="module")
def nobody_preempts(wires):
    """tandem on lb01, keepalived on lb02; each comes when the other one is master already, and each leaves."""
    wires.clean()
    play = Play(wires, list(VIPS.values()))
    keepalived = Keepalived(wires, "lb02", conf("lb02", "keepalived")).start()
    play.expect("keepalived alone", "lb02", 12)
    tandem = Tandem(wires, "lb01", conf("lb01", "tandem")).start()
    play.stay("tandem comes", "lb02", 4.5)
    since = time.monotonic()
    keepalived.stop()
    play.expect("keepalived stops", "lb01", 4, since)
    keepalived.start()
    play.stay("keepalived comes", "lb01", 5.5)
    since = time.monotonic()
    tandem.send(signal.SIGKILL)
    play.expect("tandem dies", "lb02", 6, since)
    play.end()
    play.logs = keepalived.log() + tandem.log()
    yield play
    wires.clean()


@pytest.mark.parametrize("i", range(len(ROUTERS)), ids=[f"{way}-{'tandem' if stronger == 'lb01' else 'keepalived'}-is-stronger"
                                                         for way, stronger in ROUTERS])
def test_nopreempt(nobody_preempts, i):
    play = nobody_preempts
    took(play, "keepalived alone", i)
    assert not play.strays["tandem comes"][i] and not play.strays["keepalived comes"][i]
    took(play, "keepalived stops", i, SKEW[90] + 0.3)
    took(play, "tandem dies", i, MASTER_DOWN[90] + 0.3, two=0)


# ---- sync groups: a router on each of two networks; one group has its master in tandem, the other in keepalived ----

PRIORITY = {"lb01": 100, "lb02": 90}
PROGRAMS = {"lb01": {"G1": "tandem", "G2": "keepalived"}, "lb02": {"G1": "keepalived", "G2": "tandem"}}
MEMBERS = {"G1": (("A", "eth0", 51, "192.168.1.10"), ("B", "eth1", 52, "10.9.9.10")),
           "G2": (("A", "eth0", 53, "192.168.1.20"), ("B", "eth1", 54, "10.9.9.20"))}
GROUP_VIPS = [vip for members in MEMBERS.values() for _, _, _, vip in members]


def group_conf(name, group):
    program = PROGRAMS[name][group]
    text = "vrrp_sync_group G\n    group A B\n" if program == "tandem" else "vrrp_sync_group G {\n group {\n A\n B\n }\n}\n"
    for member, interface, vrid, vip in MEMBERS[group]:
        if program == "tandem":
            text += f"vrrp {member}\n    interface {interface}\n    virtual_router_id {vrid}\n    priority {PRIORITY[name]}\n" \
                    f"    version 3\n    advert_int 0.2\n    virtual_ipaddress {vip}/24\n"
        else:
            text += f"vrrp_instance {member} {{\n state BACKUP\n interface {interface}\n virtual_router_id {vrid}\n" \
                    f" priority {PRIORITY[name]}\n version 3\n advert_int 0.2\n virtual_ipaddress {{\n {vip}/24\n }}\n}}\n"
    return text


@pytest.fixture
def two_networks(lab):
    """A second switch, to which the nodes have a second cable."""
    sh("ip link add br1 type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
    sh("ip link set br1 up")
    for name in PRIORITY:
        sh(f"ip link add {name}b type veth peer name eth1 netns {name}")
        sh(f"ip link set {name}b master br1 up")
        sh(f"ip -n {name} addr add 10.9.9.{HOSTS[name]}/24 dev eth1")
        sh(f"ip -n {name} link set eth1 up")
    try:
        yield lab
    finally:
        for name in PRIORITY:
            lab.hosts[name].kill_all()
            sh(f"ip link del {name}b", check=False)
        sh("ip link del br1", check=False)


def test_sync_groups_of_both(two_networks):
    lab = two_networks
    nodes = {(n, g): {"tandem": Tandem, "keepalived": Keepalived}[PROGRAMS[n][g]](lab, n, group_conf(n, g)).start()
             for n in PRIORITY for g in MEMBERS}

    def placed(name):
        return all(lab.hosts[n].holds(vip) == (n == name) for n in PRIORITY for vip in GROUP_VIPS)

    def all_with(name, seconds, what):
        wait_for(lambda: placed(name), seconds, f"{what}: all addresses are on {name}\n" + "\n".join(x.log() for x in nodes.values()))
        time.sleep(1)                   # and stay there
        assert placed(name), what
        answers = who_answers([v for v in GROUP_VIPS if v.startswith("192")])
        assert all(a == [MACS[name]] for a in answers.values()), answers
    all_with("lb01", 12, "start")
    sh("ip link set lb01b down")
    all_with("lb02", 6, "the second cable is out")
    sh("ip link set lb01b up")
    all_with("lb01", 8, "and in again")
    sh("ip link set lb02b down")
    all_with("lb01", 3, "a cable of the backups is out")
    sh("ip link set lb02b up")
    time.sleep(1)
    for group in MEMBERS:
        nodes["lb01", group].stop()
    all_with("lb02", 4, "lb01 stops")
