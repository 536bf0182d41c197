# SPDX-License-Identifier: MIT
"""What two nodes disagree in is said once, with both values, and taken back when it heals. Debian's keepalived is the other node
wherever it can be configured so."""
import socket
import time

from lab import VIP, InHost, Tandem, sh, vrrp_conf, wait_for
from test_interop import Keepalived
from test_vrrp import advert, fast


def instance(name, more="", advert_int="1", vrid=51, version=2, addresses=f"{VIP}/24", state="MASTER", priority=200):
    return f"""vrrp_instance {name} {{
 state {state}
 interface eth0
 virtual_router_id {vrid}
 version {version}
 priority {priority}
 advert_int {advert_int}
 {more}
 virtual_ipaddress {{
  {addresses}
 }}
}}
"""


class Other(Keepalived):
    """keepalived on lb01 with priority 200 and what the test wants of it."""

    def __init__(self, lab, **wants):
        super().__init__(lab, "lb01", "global_defs {\n router_id lb01\n}\n" + instance("VI_1", **wants))


PASS = "authentication {\n auth_type PASS\n auth_pass s3cret\n }"
LOST = ": its adverts do not count, both nodes may become master: "


# Of each case the routers have an id and addresses of their own, 10.7.case.10 and so on, so that all can be side by side.
CASES = [
    ("    auth_pass other", dict(more=PASS), "192.168.1.11 sends adverts with another auth_pass" + LOST),
    ("    auth_pass other", dict(), "192.168.1.11 sends adverts without authentication, ours are with it" + LOST),
    ("", dict(more=PASS), "192.168.1.11 sends adverts with authentication, ours are without it" + LOST),
    ("", dict(advert_int="2"), "192.168.1.11 has advert_int 2 s, ours is 1 s" + LOST),
    ("    version 3", dict(version=3, advert_int="0.5"), "192.168.1.11 has advert_int 500 ms, ours is 1 s: the master's counts"),
    ("", dict(version=3), "192.168.1.11 sends VRRP version 3, ours is 2" + LOST),
    ("", dict(vrid=52), "192.168.1.11 advertises NET.10 under virtual_router_id 52, we use OURS"),
    ("", dict(addresses="NET.10/24\n NET.13/24"), "192.168.1.11 advertises NET.13 as well, which we do not have"),
    ("    virtual_ipaddress NET.14/24", dict(), "192.168.1.11 does not advertise NET.14, which we have"),
    ("", dict(addresses="NET.13/24"), "192.168.1.11 uses our virtual_router_id OURS for other addresses, such as NET.13"),
    ("    unicast_src_ip 192.168.1.12\n    unicast_peer 192.168.1.11", dict(),
     "192.168.1.11 sends adverts by multicast, we use unicast" + LOST),
    ("", dict(more="unicast_src_ip 192.168.1.11\n unicast_peer {\n 192.168.1.12\n }"),
     "192.168.1.11 sends adverts by unicast, we use multicast" + LOST),
    ("    unicast_src_ip 192.168.1.12\n    unicast_peer 192.168.1.21",
     dict(more="unicast_src_ip 192.168.1.11\n unicast_peer {\n 192.168.1.12\n }"),
     "192.168.1.11 sends unicast adverts, but is no unicast_peer of ours"),
]


def test_what_keepalived_does_otherwise_is_named_once(lab):
    ours, theirs, sentences = "", "global_defs {\n router_id lb01\n}\n", []
    for i, (mine, other, sentence) in enumerate(CASES):
        def own(text):
            return text.replace("NET", f"10.7.{i}").replace("OURS", str(101 + i))
        ours += own(f"vrrp V{i}\n    interface eth0\n    virtual_router_id OURS\n    priority 90\n"
                    f"    virtual_ipaddress NET.10/24\n{mine}\n")
        theirs += own(instance(f"V{i}", **{"vrid": 101 + i, "addresses": "NET.10/24", "priority": 255, **other}))
        sentences.append(own(f"(V{i}) {sentence}"))
    lb02 = Tandem(lab, "lb02", ours).start()
    Keepalived(lab, "lb01", theirs).start()             # an owner speaks at once
    for sentence in sentences:
        lb02.wait_log(sentence, 12)
    time.sleep(2.5)                     # the slowest repeats itself
    assert [lb02.log().count(sentence) for sentence in sentences] == [1] * len(CASES)
    assert "healed" not in lb02.log()


def test_what_has_healed_is_said(lab):
    lb02 = Tandem(lab, "lb02", vrrp_conf()).start()
    keepalived = Other(lab, priority=255).start()       # an owner speaks at once
    lb02.wait_log("192.168.1.11 sends adverts without authentication, ours are with it", 12)
    keepalived.stop()
    Other(lab, more=PASS, priority=255).start()
    lb02.wait_log("(VI_1) 192.168.1.11: healed: auth_type, after ", 12)


def test_two_masters_are_a_split_brain_until_one_yields(lab):
    """A weaker master that does not hear us. It is no keepalived: that falls silent while it hears adverts that it rejects."""
    lb02 = Tandem(lab, "lb02", fast()).start()
    lb02.wait_master()
    with InHost("client"):
        mouth = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(lab.client.address))
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    for _ in range(10):
        mouth.sendto(advert(priority=50), ("224.0.0.18", 0))
        time.sleep(0.2)
    mouth.close()
    lb02.wait_log(f"(VI_1) 192.168.1.100 is master as well, with priority 50, ours is 90: split brain, both hold {VIP}")
    lb02.wait_log("(VI_1) 192.168.1.100: healed: split brain, after ", 15)
    assert lb02.log().count("split brain, both hold") == 1


def test_a_take_over_is_no_split_brain(lab):
    """Preemption there and back, with keepalived, whose adverts cross ours."""
    lb02 = Tandem(lab, "lb02", fast()).start()
    lb02.wait_master()
    keepalived = Other(lab, version=3, advert_int="0.2").start()
    wait_for(lambda: not lab.lb02.holds(), 10, "lb02 yields")
    time.sleep(1)                       # five adverts
    keepalived.stop()
    lb02.wait_master()
    time.sleep(1)
    assert "split brain" not in lb02.log()


def test_another_machine_that_answers_for_the_address_is_named(lab):
    """Its MAC, whether it asks or answers by ARP; and the master says once more where the address is."""
    lb01 = Tandem(lab, "lb01", vrrp_conf("", p1=255)).start()
    lb01.wait_master()
    time.sleep(2.2)                     # what follows a takeover is not held against anybody
    sh(f"ip -n client addr add {VIP}/32 dev eth0")
    lab.client.run("arping", "-c", "3", "-w", "4", "-U", "-I", "eth0", VIP, check=False)
    lb01.wait_log(f"another machine, 02:00:00:00:00:64, answers for {VIP}, which we hold")
    assert lb01.log().count("another machine") == 1
    assert lab.lb01.holds()


def test_another_machine_that_answers_for_an_ipv6_address_is_named(lab):
    """keepalived on a third node has the same address under another virtual_router_id, and tells the neighbours of it."""
    lb01 = Tandem(lab, "lb01", vrrp_conf("", p1=255).replace("192.168.1.10/24", "fd00::10/64") + "    version 3\n").start()
    wait_for(lambda: lab.lb01.holds("fd00::10"), 5, lb01.log())
    Keepalived(lab, "client", f"""global_defs {{
 router_id other
}}
vrrp_instance VI_1 {{
 state MASTER
 interface eth0
 virtual_router_id 99
 priority 255
 virtual_ipaddress {{
  fd00::10/64
 }}
}}
""").start()
    lb01.wait_log("another machine, 02:00:00:00:00:64, answers for fd00::10, which we hold", 12)
    assert lb01.log().count("another machine") == 1
    assert lab.lb01.holds("fd00::10")


def test_two_nodes_with_one_address_of_their_own_are_told(lab):
    """Each takes the other's adverts for its own: no election can help, so both say it, with the other's MAC."""
    sh("ip -n lb02 addr del 192.168.1.12/24 dev eth0")
    sh("ip -n lb02 addr add 192.168.1.11/24 brd + dev eth0")
    nodes = [Tandem(lab, name, fast()).start() for name in ("lb01", "lb02")]
    for node, mac in zip(nodes, ("02:00:00:00:00:0c", "02:00:00:00:00:0b")):
        node.wait_log(f"another machine, {mac}, sends from our own address 192.168.1.11: no peer can tell us apart")
        assert node.log().count("sends from our own address") == 1
