# SPDX-License-Identifier: MIT
"""VRRP over IPv6, and what moves beside the addresses of an advert: those of the other family, excluded ones, routes, virtual
MACs. As in test_interop.py, virtual routers side by side go through the same changes."""
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest
from lab import MASTER_DOWN, SKEW, InHost, Tandem, sh, wait_for
from test_interop import Keepalived, Play, took

# name, what keepalived is told, what tandem is told; {v} is the VRID
WAYS = {
    "multicast": (" virtual_ipaddress {{\n  fe80::{v}/64\n  fd00::{v}/64\n }}\n",
                  "    virtual_ipaddress fe80::{v}/64\n    virtual_ipaddress fd00::{v}/64\n"),
    "global-only": (" virtual_ipaddress {{\n  fd00::{v}\n }}\n", "    virtual_ipaddress fd00::{v}\n"),
    "unicast": (" virtual_ipaddress {{\n  fe80::{v}\n  fd00::{v}\n }}\n unicast_src_ip fd00::{me}\n unicast_peer {{\n  fd00::{other}\n }}\n",
                "    virtual_ipaddress fe80::{v}\n    virtual_ipaddress fd00::{v}\n"
                "    unicast_src_ip fd00::{me}\n    unicast_peer fd00::{other}\n"),
    "mixed": (" version 3\n virtual_ipaddress {{\n  192.168.1.{v}/24\n }}\n virtual_ipaddress_excluded {{\n  fd00::{v}/64\n }}\n",
              "    version 3\n    virtual_ipaddress 192.168.1.{v}/24\n    virtual_ipaddress fd00::{v}/64\n"),
}
WAYS["vmac"] = (" version 3\n use_vmac\n virtual_ipaddress {{\n  192.168.1.{v}\n }}\n",
                "    version 3\n    use_vmac\n    virtual_ipaddress 192.168.1.{v}\n")
WAYS["vmac-ipv6"] = (" use_vmac\n virtual_ipaddress {{\n  fe80::{v}\n  fd00::{v}\n }}\n",
                     "    use_vmac\n    virtual_ipaddress fe80::{v}\n    virtual_ipaddress fd00::{v}\n")
VRIDS = {name: 61 + i for i, name in enumerate(WAYS)}
ADDRESSES = [f"192.168.1.{v}" if way == "vmac" else f"fd00::{v}" for way, v in VRIDS.items()]
NUMBER = {"lb01": 11, "lb02": 12}


def keepalived_conf(name, ways=WAYS):
    text = f"global_defs {{\n router_id {name}\n}}\n"
    for way, v in VRIDS.items():
        if way in ways:
            text += f"""vrrp_instance V{v} {{
 state BACKUP
 interface eth0
 virtual_router_id {v}
 priority {100 if name == "lb01" else 90}
 advert_int 1
{ways[way][0].format(v=v, me=NUMBER[name], other=23 - NUMBER[name])}}}
"""
    return text


def tandem_conf(name, ways=WAYS):
    text = ""
    for way, v in VRIDS.items():
        if way in ways:
            text += f"""vrrp V{v}
    interface eth0
    virtual_router_id {v}
    priority {100 if name == "lb01" else 90}
{ways[way][1].format(v=v, me=NUMBER[name], other=23 - NUMBER[name])}"""
    return text


def one(text, advert_int="0.2"):
    """One router, with adverts so often that nothing takes long."""
    return f"vrrp V\n    interface eth0\n    virtual_router_id 71\n    @lb01 priority 100\n    @lb02 priority 90\n" \
           f"    version 3\n    advert_int {advert_int}\n{text}"


def start(lab, conf, name):
    return Tandem(lab, name, conf).start()


class Capture:
    """What passes the bridge, or an interface of a host, and what tshark says about it."""

    def __init__(self, lab, words, interface="br0"):
        self.path = lab.folder / "capture.pcap"
        self.path.unlink(missing_ok=True)
        # Without -s a ring has room for eight frames, and a burst is longer.
        command = ["tcpdump", "-Z", "root", "--immediate-mode", "-s", "2000", "-B", "8192", "-i", interface, "-U", "-w", self.path]
        self.process = subprocess.Popen([*command, *words.split()], stderr=subprocess.PIPE)
        self.process.stderr.readline()

    def read(self, *fields, match=""):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)
        chosen = [x for f in fields for x in ("-e", f)]
        done = subprocess.run(["tshark", "-r", self.path, "-o", "vrrp.v3_checksum_as_in_v2:false", *(["-Y", match] if match else []),
                               "-T", "fields", *chosen], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]


def serve_names(lab):
    """Each node answers on port 8080 of all of its addresses with its name."""
    for name in ("lb01", "lb02"):
        folder = lab.folder / f"{name}.www"
        folder.mkdir(exist_ok=True)
        (folder / "name").write_text(name)
        lab.hosts[name].spawn(sys.executable, "-m", "http.server", "--bind", "::", "--directory", folder, "8080",
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: ask(lab, lab.hosts[name].address) == name, 10, "the server of " + name)


def ask(lab, address):
    return lab.client.run("curl", "-s", "-m", "2", f"http://{address}:8080/name", check=False)


@pytest.fixture(scope="module")
def keepalived_backup(wires):
    wires.clean()
    play = Play(wires, ADDRESSES)
    capture = Capture(wires, "ip6 proto 112 or icmp6")
    tandem = Tandem(wires, "lb01", tandem_conf("lb01")).start()
    keepalived = Keepalived(wires, "lb02", keepalived_conf("lb02")).start()
    play.expect("start", "lb01", 10)
    play.capture = capture
    play.stay("calm", "lb01", 4)
    play.packets = capture.read("ipv6.src", "ipv6.dst", "ipv6.hlim", "ipv6.nxt", "vrrp.virt_rtr_id", "vrrp.checksum.status", "_ws.expert.message")
    play.failovers(tandem)
    play.logs = keepalived.log() + tandem.log()
    play.keepalived_log = keepalived.log()
    yield play
    wires.clean()


@pytest.fixture(scope="module")
def keepalived_master(wires):
    wires.clean()
    play = Play(wires, ADDRESSES)
    keepalived = Keepalived(wires, "lb01", keepalived_conf("lb01")).start()
    tandem = Tandem(wires, "lb02", tandem_conf("lb02")).start()
    play.expect("start", "lb01", 12)
    play.stay("calm", "lb01", 4)
    since = time.monotonic()
    keepalived.stop()
    play.expect("stop", "lb02", 4, since)
    play.stay("alone", "lb02", 1)
    keepalived.start()
    play.expect("preempt", "lb01", 12)
    play.end()
    play.logs = keepalived.log() + tandem.log()
    yield play
    wires.clean()


@pytest.mark.parametrize("i", range(len(WAYS)), ids=list(WAYS))
def test_keepalived_is_backup(keepalived_backup, i):
    play = keepalived_backup
    took(play, "start", i)
    assert not play.strays["calm"][i]
    took(play, "stop", i, SKEW[90] + 0.3)
    took(play, "preempt", i)
    took(play, "kill", i, MASTER_DOWN[90] + 0.3, two=0)


@pytest.mark.parametrize("i", range(len(WAYS)), ids=list(WAYS))
def test_keepalived_is_master(keepalived_master, i):
    play = keepalived_master
    took(play, "start", i)
    assert not play.strays["calm"][i]
    took(play, "stop", i, SKEW[90] + 0.3)
    assert not play.strays["alone"][i]
    took(play, "preempt", i)


def test_keepalived_finds_no_fault_with_our_adverts(keepalived_backup):
    for word in ("bogus", "invalid", "mismatch", "checksum", "error"):
        assert word not in keepalived_backup.keepalived_log.lower(), keepalived_backup.keepalived_log


def test_tshark_finds_no_fault_with_our_adverts(keepalived_backup):
    ours = [p for p in keepalived_backup.packets if p[4] and p[0] in ("fe80::11", "fd00::11")]
    assert {int(p[4]) for p in ours} == {VRIDS[w] for w in ("multicast", "global-only", "unicast", "vmac-ipv6")}
    for source, destination, hops, _, vrid, status, message in ours:
        assert (source, destination) == (("fd00::11", "fd00::12") if int(vrid) == VRIDS["unicast"] else ("fe80::11", "ff02::12"))
        assert (hops, status, message) == ("255", "1", ""), f"{vrid}: {status} {message}"


def test_tshark_finds_no_fault_with_our_neighbour_advertisements(keepalived_backup):
    fields = ("ipv6.src", "ipv6.dst", "ipv6.hlim", "icmpv6.nd.na.flag.r", "icmpv6.nd.na.flag.s", "icmpv6.nd.na.flag.o",
              "icmpv6.nd.na.target_address", "icmpv6.opt.linkaddr", "icmpv6.checksum.status", "_ws.expert.message", "eth.dst")
    seen = set()
    for p in keepalived_backup.capture.read(*fields, match="icmpv6.type == 136 && ipv6.dst == ff02::1"):
        if p[6] not in ADDRESSES[:4]:
            continue
        seen.add(p[6])
        assert [x.replace("True", "1").replace("False", "0") for x in p[1:]] == [
            "ff02::1", "255", "1", "0", "1", p[0], "02:00:00:00:00:0b", "1", "", "33:33:00:00:00:01"]
    assert seen == set(ADDRESSES[:4])


def test_ipv6_addresses_are_deprecated_and_have_a_lifetime(lab):
    conf = one("    virtual_ipaddress fe80::10/64\n    virtual_ipaddress fd00::10/64\n")
    nodes = [start(lab, conf, n) for n in ("lb01", "lb02")]
    wait_for(lambda: lab.lb01.holds("fd00::10"), 5, nodes[0].log())
    for _ in range(10):
        for line in ("inet6 fe80::10/64", "inet6 fd00::10/64"):
            text = lab.lb01.run("ip", "-6", "addr", "show", "dev", "eth0")
            assert line in text and "deprecated" in text.split(line)[1].split("\n")[0] and "tentative" not in text, text
            assert 1 <= lab.lb01.addresses()[line.split()[1].split("/")[0]] <= 3
        time.sleep(0.3)
    assert "fd00::10" not in lab.lb01.run("ip", "-6", "route", "get", "fd00::12")
    assert "fd00::/64 dev eth0" in lab.lb01.run("ip", "-6", "route", "show")
    lab.lb01.run("ip", "addr", "del", "fd00::10/64", "dev", "eth0")
    wait_for(lambda: lab.lb01.holds("fd00::10"), 3, "the address is back")
    nodes[0].wait_log("fd00::10/64 was removed from eth0 by somebody else: put back")
    nodes[0].stop()
    assert not lab.lb01.holds("fd00::10") and lab.lb01.holds("fd00::11") and lab.lb01.holds("fe80::11")
    assert "fd00::/64 dev eth0" in lab.lb01.run("ip", "-6", "route", "show")


def test_an_ipv6_address_left_behind_is_removed_and_one_for_ever_gets_a_lifetime(lab):
    conf = one("    virtual_ipaddress fe80::10/64\n    virtual_ipaddress fd00:1::10/64\n")
    sh("ip -n lb01 addr add fd00:1::10/64 dev eth0 nodad")
    lb01 = start(lab, conf, "lb01")
    lb01.wait_log("fd00:1::10/64 was left on eth0 by an earlier run: removed")
    wait_for(lambda: lab.lb01.holds("fd00:1::10"), 5, lb01.log())
    time.sleep(3)
    assert lab.lb01.addresses()["fd00:1::10"] <= 3
    assert "fd00:1::/64 dev eth0" in lab.lb01.run("ip", "-6", "route", "show")


def test_a_client_follows_an_ipv6_address(lab):
    """It talks to fd00::10, and keeps doing so over a failover, though a firewall on the nodes forbids protocol 112."""
    conf = one("    virtual_ipaddress fe80::10/64\n    virtual_ipaddress fd00::10/64\n")
    for name in ("lb01", "lb02"):
        lab.hosts[name].run("ip6tables", "-I", "INPUT", "-p", "112", "-j", "DROP")
    try:
        serve_names(lab)
        nodes = [start(lab, conf, n) for n in ("lb01", "lb02")]
        wait_for(lambda: lab.lb01.holds("fd00::10"), 5, nodes[0].log())
        assert ask(lab, "[fd00::10]") == "lb01"
        time.sleep(1)
        assert not lab.lb02.holds("fd00::10"), "the firewall hid the adverts"
        assert "02:00:00:00:00:0b" in lab.client.run("ip", "-6", "neigh", "show", "fd00::10")
        nodes[0].send(signal.SIGKILL)
        wait_for(lambda: lab.lb02.holds("fd00::10"), 3, nodes[1].log())
        assert ask(lab, "[fd00::10]") == "lb02"
        assert "02:00:00:00:00:0c" in lab.client.run("ip", "-6", "neigh", "show", "fd00::10")
    finally:
        for name in ("lb01", "lb02"):
            lab.hosts[name].run("ip6tables", "-D", "INPUT", "-p", "112", "-j", "DROP")


def test_without_ipv6_only_ipv6_routers_stand_still(lab):
    conf = one("    virtual_ipaddress 192.168.1.10/24\n") + one("    virtual_ipaddress fe80::10/64\n").replace("vrrp V", "vrrp W")
    lab.lb01.run("sysctl", "-w", "net.ipv6.conf.eth0.disable_ipv6=1")
    try:
        lb01 = start(lab, conf, "lb01")
        lb01.wait_master(5)
        lb01.wait_log("(W) Entering FAULT STATE (eth0 has no IPv6 address to send from (or is net.ipv6.conf.eth0.disable_ipv6 set?))")
        lab.lb01.run("sysctl", "-w", "net.ipv6.conf.eth0.disable_ipv6=0")
        lab.lb01.give_addresses()
        wait_for(lambda: lab.lb01.holds("fe80::10"), 5, lb01.log())
    finally:
        lab.lb01.run("sysctl", "-w", "net.ipv6.conf.eth0.disable_ipv6=0")


def test_excluded_addresses_move_and_are_not_advertised(lab):
    conf = one("    virtual_ipaddress 192.168.1.10/24\n    virtual_ipaddress_excluded 192.168.1.9/32 scope link\n"
               "    virtual_ipaddress_excluded fd00::9/64\n")
    capture = Capture(lab, "ip proto 112")
    nodes = [start(lab, conf, n) for n in ("lb01", "lb02")]
    extra = ("192.168.1.9", "fd00::9")
    wait_for(lambda: all(map(lab.lb01.holds, extra)), 5, nodes[0].log())
    assert "192.168.1.9/32 scope link" in lab.lb01.run("ip", "addr", "show", "dev", "eth0")
    nodes[0].stop()
    wait_for(lambda: all(map(lab.lb02.holds, extra)) and not any(map(lab.lb01.holds, extra)), 3, nodes[1].log())
    assert {p[0] for p in capture.read("vrrp.ip_addr")} == {"192.168.1.10"}


def test_routes_are_on_the_master_only(lab):
    conf = one("    virtual_ipaddress 192.168.1.10/24\n    virtual_ipaddress fd00::10/64\n"
               "    virtual_routes 10.7.0.0/16 via 192.168.1.21 src 192.168.1.10 metric 50\n"
               "    virtual_routes 10.8.0.0/16 dev eth0 table 100\n    virtual_routes default via fe80::15 dev eth0\n")
    sh("ip -n lb01 route add 10.7.0.0/16 via 192.168.1.22 metric 60")

    def routes(name):
        host = lab.hosts[name]
        text = host.run("ip", "route", "show", "proto", "112") + host.run("ip", "-6", "route", "show", "proto", "112")
        return text + host.run("ip", "route", "show", "table", "100", check=False)

    def has_all(name):
        return all(x in routes(name) for x in ("10.7.0.0/16 via 192.168.1.21 dev eth0 src 192.168.1.10 metric 50",
                                               "10.8.0.0/16 dev eth0", "default via fe80::15 dev eth0"))
    nodes = [start(lab, conf, n) for n in ("lb01", "lb02")]
    wait_for(lambda: has_all("lb01"), 5, nodes[0].log())
    assert "via" not in routes("lb02") and "10.8" not in routes("lb02")
    sh("ip -n lb01 route del 10.7.0.0/16 metric 50")
    wait_for(lambda: has_all("lb01"), 2, "the route is back")
    nodes[0].stop()
    wait_for(lambda: has_all("lb02"), 3, nodes[1].log())
    assert "via" not in routes("lb01") and "10.8" not in routes("lb01")
    assert "via 192.168.1.22" in lab.lb01.run("ip", "route", "show"), "somebody else's has gone as well"
    assert "cannot" not in nodes[0].log() + nodes[1].log()


VMACS = {"192.168.1.10": "00:00:5e:00:01:47", "fd00::10": "00:00:5e:00:02:47"}


@pytest.mark.parametrize("base", ["", "    vmac_xmit_base\n"], ids=["", "xmit_base"])
@pytest.mark.parametrize("vip", VMACS)
def test_the_virtual_mac_stays_the_same(lab, vip, base):
    serve_names(lab)
    device = "vrrp.71"
    conf = one(f"    virtual_ipaddress {vip}\n    use_vmac\n{base}")
    url = f"[{vip}]" if ":" in vip else vip
    capture = Capture(lab, "ip6 proto 112" if ":" in vip else "ip proto 112")
    nodes = [start(lab, conf, n) for n in ("lb01", "lb02")]
    for node, number in ((nodes[0], "0b"), (nodes[1], "0c")):
        wait_for(lambda: vip in node.host.addresses(device), 5, node.log())
        wait_for(lambda: ask(lab, url) == node.name, 3, "an answer of " + node.name)
        assert VMACS[vip] in lab.client.run("ip", "neigh", "show", vip)
        if node is nodes[0]:
            time.sleep(1)
            assert not lab.lb02.holds(vip), nodes[1].log()
            assert "MASTER" not in nodes[1].log(), "it did not hear the master"
            nodes[0].stop()
            assert device not in lab.lb01.run("ip", "link"), nodes[0].log()
    senders = {p[0] for p in capture.read("eth.src")}
    assert senders == ({"02:00:00:00:00:0b", "02:00:00:00:00:0c"} if base else {VMACS[vip]})
    nodes[1].send(signal.SIGKILL)
    assert device in lab.lb02.run("ip", "link"), "what is left behind is taken over"
    again = start(lab, conf, "lb02")
    wait_for(lambda: vip in lab.lb02.addresses(device), 5, again.log())
    again.stop()
    assert device not in lab.lb02.run("ip", "link")
    assert "cannot" not in "".join(n.log() for n in (*nodes, again))


@pytest.mark.parametrize("words, limit, accepted", [("", "64", False), ("    unicast_ttl 64\n", "64", True), ("    unicast_ttl 64\n", "63", False)])
def test_the_ttl_that_peers_must_have(lab, words, limit, accepted):
    """keepalived sends to IPv4 peers with the TTL that it is told."""
    peers = "    @lb01 unicast_peer 192.168.1.12\n    @lb02 unicast_peer 192.168.1.11\n    virtual_ipaddress 192.168.1.10\n"
    text = keepalived_conf("lb01", {"mixed": (f" version 3\n virtual_ipaddress {{{{\n  192.168.1.10\n }}}}\n unicast_ttl {limit}\n"
                                              " unicast_peer {{\n  192.168.1.12\n }}\n", "")})
    text = text.replace(f"virtual_router_id {VRIDS['mixed']}", "virtual_router_id 71").replace("advert_int 1", "advert_int 0.2")
    lb02 = start(lab, one(peers + words), "lb02")
    keepalived = Keepalived(lab, "lb01", text).start()
    wait_for(lambda: lab.lb01.holds("192.168.1.10"), 10, keepalived.log())
    if accepted:
        wait_for(lambda: not lab.lb02.holds("192.168.1.10"), 3, lb02.log())
    else:
        time.sleep(1)
        assert lab.lb02.holds("192.168.1.10")
        lb02.wait_log(f"TTL {limit}")


PLAIN = "    v3_checksum_as_v2\n"


@pytest.mark.parametrize("peer, pin, plain", [("", "", False), (PLAIN, "", True), ("", PLAIN, True)], ids=["pseudo", "in kind", "pinned"])
def test_checksums_are_answered_in_kind_unless_pinned(lab, peer, pin, plain):
    """tshark is told that version 3 has a pseudo-header, and finds a checksum without one bad. Debian's keepalived cannot send
    such, so the peer is a tandem."""
    lb01 = start(lab, one(f"    virtual_ipaddress 192.168.1.10\n{peer}"), "lb01")
    wait_for(lambda: lab.lb01.holds("192.168.1.10"), 10, lb01.log())
    lb02 = start(lab, one(f"    virtual_ipaddress 192.168.1.10\n{pin}"), "lb02")
    time.sleep(0.5)
    assert "MASTER" not in lb02.log(), "the other kind of checksum is understood"
    capture = Capture(lab, "ip proto 112 and src 192.168.1.12")
    lb01.stop()
    wait_for(lambda: lab.lb02.holds("192.168.1.10"), 3, lb02.log())
    time.sleep(0.5)
    assert {p[0] for p in capture.read("vrrp.checksum.status")} == {"0" if plain else "1"}


def sum16(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def test_a_weaker_master_is_answered_by_announcements(lab):
    lb01 = start(lab, one("    virtual_ipaddress 192.168.1.10/24\n    garp_master_repeat 1\n    garp_master_delay 0\n"
                          "    garp_master_refresh 0\n    garp_lower_prio_repeat 3\n    garp_lower_prio_delay 1\n"), "lb01")
    wait_for(lambda: lab.lb01.holds("192.168.1.10"), 5, lb01.log())
    time.sleep(0.3)
    capture = Capture(lab, "arp and src host 192.168.1.10")
    body = struct.pack("!BBBBHH4s", 0x31, 71, 50, 1, 20, 0, socket.inet_aton("192.168.1.10"))
    with InHost("client"):
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
    raw.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    raw.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("192.168.1.100"))
    raw.sendto(body[:6] + struct.pack("!H", sum16(body)) + body[8:], ("224.0.0.18", 0))
    raw.close()
    time.sleep(2)
    frames = [float(p[0]) for p in capture.read("frame.time_epoch")]
    assert len(frames) == 6, "three at once, and three after garp_lower_prio_delay"
    assert frames[2] - frames[0] < 0.2 and frames[3] - frames[2] > 0.7


def test_an_address_is_not_sent_from_before_it_is_known_to_be_free(lab):
    """The kernel asks the neighbours for about a second (DAD); until then the router waits."""
    lab.lb01.run("ip", "-6", "addr", "flush", "dev", "eth0")
    lb01 = start(lab, one("    virtual_ipaddress fe80::10/64\n"), "lb01")
    lb01.wait_log("eth0 has no IPv6 address to send from")
    lab.lb01.run("ip", "addr", "add", "fe80::11/64", "dev", "eth0")
    wait_for(lambda: "tentative" not in lab.lb01.run("ip", "addr", "show", "dev", "eth0"), 5)
    lb01.wait_log("Entering BACKUP STATE")
    wait_for(lambda: lab.lb01.holds("fe80::10"), 3, lb01.log())


def test_an_address_put_there_for_ever_meanwhile_gets_a_lifetime_at_takeover(lab):
    conf = one("    virtual_ipaddress fe80::10/64\n    virtual_ipaddress fd00:1::10/64\n")
    nodes = [start(lab, conf, n) for n in ("lb01", "lb02")]
    wait_for(lambda: lab.lb01.holds("fd00:1::10"), 5, nodes[0].log())
    sh("ip -n lb02 addr add fd00:1::10/64 dev eth0 nodad")
    time.sleep(0.3)
    nodes[0].send(signal.SIGKILL)
    wait_for(lambda: lab.lb02.addresses().get("fd00:1::10", 99) <= 3, 5, nodes[1].log())
    time.sleep(3)
    routes = lab.lb02.run("ip", "-6", "route", "show")
    assert "fd00:1::/64 dev eth0" in routes and "expires -" not in routes, routes
    assert lab.lb02.holds("fd00:1::10")
