# SPDX-License-Identifier: MIT
"""tandem on both nodes: elections, faults, and where the address is meanwhile."""
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest
from lab import (MASTER_DOWN, PROXY, SKEW, TANDEM, UNICAST, VIP, Client, InHost, Sampler, ScriptedServer, Tandem, dial, sh, vrrp_conf,
                 wait_for)

MARGIN = 0.3
DOWN_LIMIT = MASTER_DOWN[90] + MARGIN


def fast(vrrp="", **options):
    """Adverts every 0.2 s, for tests of what happens and not of how long it takes."""
    return vrrp_conf("    version 3\n" + vrrp, advert_int="0.2", **options)


def only(lab, name):
    return lab.hosts[name].holds() and not lab.hosts["lb02" if name == "lb01" else "lb01"].holds()


def test_the_higher_priority_is_master_and_the_address_has_a_lifetime(pair, lab):
    lb01, lb02 = pair(vrrp_conf())
    lb01.wait_log("(VI_1) Entering MASTER STATE")
    lb02.wait_log("(VI_1) Entering BACKUP STATE")
    sampler = Sampler(lab)
    lifetimes = set()
    end = time.monotonic() + 4.5        # longer than the address would live by itself
    while time.monotonic() < end:
        lifetimes.add(lab.lb01.addresses()[VIP])
        time.sleep(0.1)
    sampler.stop()
    assert {holders for _, holders in sampler.samples} == {("lb01",)}
    assert lifetimes <= {1, 2, 3}, "below the 3.6 s after which the other node takes it"
    assert "MASTER" not in lb02.log()


@pytest.mark.parametrize("fault, cast", [("kill", "multicast"), ("kill", "unicast"), ("freeze", "multicast"), ("freeze_guard", "unicast")])
def test_a_dead_master_is_replaced_in_time(pair, lab, fault, cast):
    lb01, lb02 = pair(vrrp_conf("    auth_pass s3cret" + (UNICAST if cast == "unicast" else ""), p1=255 if fault == "kill" else 100) + PROXY)
    client, sampler = Client(lab), Sampler(lab)
    time.sleep(0.5)
    served_by = client.servers()
    since = time.monotonic()
    lb01.send(signal.SIGKILL if fault == "kill" else signal.SIGSTOP, everybody=fault != "freeze_guard")
    lb02.wait_master(DOWN_LIMIT + 1)
    client.wait_answer(3)
    gap = client.gap(since)
    assert gap <= DOWN_LIMIT, f"{gap:.3f} s"
    assert not lab.lb01.holds()
    if fault.startswith("freeze"):
        lb01.send(signal.SIGCONT)
        lb01.wait_log("this node was not running")
        wait_for(lambda: only(lab, "lb01"), 10, "lb01 preempts")
    sampler.stop()
    assert sampler.never_two()
    assert client.servers() == served_by and len(served_by) == 1


@pytest.mark.parametrize("cast", ["multicast", "unicast"])
def test_a_stop_hands_over_without_a_gap(pair, lab, cast):
    """The address stays until the successor has spoken: the skew time alone would be 0.65 s."""
    lb01, lb02 = pair(vrrp_conf("    auth_pass s3cret" + (UNICAST if cast == "unicast" else ""), p1=255) + PROXY)
    client, gaps = Client(lab), []
    served_by = client.servers()
    for _ in range(3):
        sampler, since, failed = Sampler(lab), time.monotonic(), len(client.failures)
        assert lb01.stop() == 0
        assert not lab.lb01.holds()
        lb02.wait_master(3)
        client.wait_answer(3)
        sampler.stop()
        assert sampler.two_holders() < 0.1
        assert SKEW[90] - 0.1 < max(t for t, h in sampler.samples if h == ("lb01",)) - since < 1.2
        # A request that was on its way at that very moment is reset.
        gaps.append((client.gap(since), len(client.failures) - failed))
        if gaps[-1][0] <= 0.15 and gaps[-1][1] <= 1:
            break
        lb01.start().wait_master()      # once more: what a busy machine adds is not the same each time
        wait_for(lambda: only(lab, "lb01"), 5, "lb01 is master again")
        client.wait_answer(3)
    assert gaps[-1][0] <= 0.15 and gaps[-1][1] <= 1, gaps
    assert client.servers() == served_by and len(served_by) == 1
    lb01.wait_log("(VI_1) Entering LEAVING STATE (stopping)")
    lb02.wait_log("192.168.1.11 has resigned")


def test_a_stop_without_a_successor_ends_soon(lab):
    lb01 = Tandem(lab, "lb01", fast(p1=255) + PROXY).start()
    lb01.wait_master()
    since = time.monotonic()
    assert lb01.stop() == 0
    assert 0.3 < time.monotonic() - since < 2
    assert not lab.lb01.holds()


def test_a_second_signal_stops_at_once(lab):
    lb01 = Tandem(lab, "lb01", vrrp_conf(p1=255)).start()
    lb01.wait_master()
    lb01.send(signal.SIGTERM)
    lb01.wait_log("LEAVING")
    since = time.monotonic()
    assert lb01.stop() == 0
    assert time.monotonic() - since < 0.8 and not lab.lb01.holds()


def test_a_backend_without_servers_hands_over_without_a_gap(pair, lab):
    lb01, lb02 = pair(fast("    track_backend web_servers") + PROXY)
    sampler = Sampler(lab)
    for server in ("192.168.1.21", "192.168.1.22"):
        lab.lb01.run("iptables", "-A", "OUTPUT", "-d", server, "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")
    try:
        lb01.wait_log("Entering LEAVING STATE (track_backend web_servers has failed)", 10)
        lb02.wait_master(2)
        lb01.wait_log("Entering FAULT STATE")
        sampler.stop()
        nobody = [t for t, h in sampler.samples if not h]
        assert not nobody or max(nobody) - min(nobody) < 0.1
        assert only(lab, "lb02")
    finally:
        lab.lb01.run("iptables", "-F", "OUTPUT")
    wait_for(lambda: only(lab, "lb01"), 15, "it has servers again and comes back")


def test_a_link_that_returns_brings_no_failed_request(pair, lab):
    """No address before this node's own checks have found its servers again."""
    lb01, lb02 = pair(fast() + PROXY)
    client = Client(lab)
    lab.link("lb01", "down")
    lb02.wait_master(5)
    for server in ("web01", "web02"):
        lb01.wait_log(f"Server web_servers/{server} is DOWN")
    client.wait_answer(3)
    client.failures.clear()
    lab.link("lb01", "up")
    wait_for(lambda: only(lab, "lb01"), 15, "lb01 is master again")
    answered = len(client.answers)
    wait_for(lambda: len(client.answers) > answered + 50, 5, "answers of lb01")
    # One that was with lb02 at the very moment of the change may be reset.
    assert [what for _, what in client.failures] in ([], ["!ConnectionResetError"])


def test_a_node_that_returns_waits_for_the_checks_that_were_on_their_way(pair, lab):
    """A server that counts as up only because the check sent into the dead link has not failed yet would mean 503."""
    lb01, lb02 = pair(fast() + PROXY.replace("inter 500ms", "inter 3s"))
    lab.link("lb01", "down")
    lb02.wait_master(5)
    lab.link("lb01", "up")
    since = time.monotonic()
    wait_for(lambda: lb01.log().count("Entering MASTER STATE") == 2, 15, "lb01 is master again")
    assert time.monotonic() - since > 2.5


def test_a_node_that_cannot_serve_yet_does_not_take_over(lab):
    """Its servers do not answer its checks: only when takeover_ready is over does it take what nobody else holds."""
    for server in ("192.168.1.21", "192.168.1.22"):
        lab.lb01.run("iptables", "-A", "OUTPUT", "-d", server, "-p", "tcp", "-j", "DROP")
    try:
        conf = fast("    takeover_ready 3") + PROXY.replace("inter 500ms", "inter 5s")
        since = time.monotonic()
        lb01 = Tandem(lab, "lb01", conf).start()
        lb01.wait_master()
        assert 2.9 < time.monotonic() - since < 5
    finally:
        lab.lb01.run("iptables", "-F", "OUTPUT")


def test_on_mismatch_hold(lab):
    """One router by multicast, one to the peer alone."""
    conf = "".join(f"""
vrrp VI_{n}
    interface eth0
    virtual_router_id {50 + n}
    @lb01 priority 255
    @lb02 priority 90
    on_mismatch hold
    auth_pass s3cret{cast}
    virtual_ipaddress {address}/24
""" for n, cast, address in ((1, "", VIP), (2, UNICAST, "192.168.1.9")))
    lb01 = Tandem(lab, "lb01", conf).start()
    lb01.wait_master()
    lb02 = Tandem(lab, "lb02", conf.replace("s3cret", "other")).start()
    for router in ("VI_1", "VI_2"):
        lb02.wait_log(f"({router}) 192.168.1.11 sends adverts with another auth_pass")
    time.sleep(4.5)
    for vip in (VIP, "192.168.1.9"):
        assert lab.lb01.holds(vip) and not lab.lb02.holds(vip)
    assert "MASTER" not in lb02.log()
    lb01.send(signal.SIGKILL)
    for vip in (VIP, "192.168.1.9"):
        wait_for(lambda: lab.lb02.holds(vip), 5, lb02.log())


def test_link_down_is_a_fault_and_up_again_a_return(pair, lab):
    lb01, lb02 = pair(fast())
    lab.link("lb01", "down")
    lb01.wait_log("(VI_1) Entering FAULT STATE (the link of eth0 is down)")
    assert not lab.lb01.holds()
    lb02.wait_master(3)
    lab.link("lb01", "up")
    wait_for(lambda: only(lab, "lb01"), 5, "lb01 is master again")


def test_equal_priorities_leave_one_master(pair, lab):
    """RFC 9568 6.4.3: of two masters of one priority the one with the higher address stays."""
    lb01, lb02 = pair(fast(p1=100, p2=100))
    sampler = Sampler(lab)
    time.sleep(1)
    lab.link("lb02", "down")
    lb02.wait_log("FAULT STATE")
    lab.link("lb02", "up")
    wait_for(lambda: only(lab, "lb01") or only(lab, "lb02"), 3, "one master")
    time.sleep(1)                       # longer than Master_Down_Interval
    sampler.stop()
    assert only(lab, "lb01") or only(lab, "lb02")


def test_an_address_that_somebody_removes_comes_back(pair, lab):
    lb01, _ = pair(fast())
    sh(f"ip -n lb01 addr del {VIP}/24 dev eth0")
    wait_for(lab.lb01.holds, 3, "the address is back")
    lb01.wait_log("was removed from eth0 by somebody else: put back")
    for _ in range(8):
        sh(f"ip -n lb01 addr del {VIP}/24 dev eth0", check=False)
        time.sleep(0.1)
    lb01.wait_log("somebody keeps removing")
    wait_for(lab.lb01.holds, 3, "the address is back in spite of all")
    assert lb01.log().count("put back\n") <= 6


def test_an_address_left_by_an_earlier_run_is_removed(lab):
    sh(f"ip -n lb02 addr add {VIP}/24 dev eth0")
    lb02 = Tandem(lab, "lb02", fast())
    lb01 = Tandem(lab, "lb01", fast()).start()
    lb01.wait_master()
    lb02.start()
    lb02.wait_log("was left on eth0 by an earlier run: removed")
    assert only(lab, "lb01")


def test_an_address_left_on_the_master_gets_a_lifetime(lab):
    sh(f"ip -n lb01 addr add {VIP}/24 dev eth0")
    assert lab.lb01.addresses()[VIP] > 1000000
    lb01 = Tandem(lab, "lb01", fast()).start()
    lb01.wait_log("Entering MASTER STATE")
    wait_for(lab.lb01.holds, 3, "it holds the address")
    assert lab.lb01.addresses()[VIP] <= 3


def test_nopreempt_leaves_the_address_where_it_is(lab):
    lb02 = Tandem(lab, "lb02", fast("    nopreempt")).start()
    lb02.wait_master()
    Tandem(lab, "lb01", fast("    nopreempt")).start()
    sampler = Sampler(lab)
    time.sleep(2)                       # three times what it takes to be sure that nobody is there
    sampler.stop()
    assert {holders for _, holders in sampler.samples} == {("lb02",)}


def test_an_owner_is_master_at_once_and_keeps_its_own_address(lab):
    sh(f"ip -n lb01 addr add {VIP}/24 dev eth0")
    lb01 = Tandem(lab, "lb01", fast(p1=255)).start()
    lb01.wait_log("(VI_1) Entering MASTER STATE (it owns the address: priority 255)")
    time.sleep(1.5)
    assert lab.lb01.addresses()[VIP] > 1000000
    assert lb01.stop() == 0
    assert lab.lb01.holds()


def test_two_routers_share_the_load(lab):
    conf = "".join(f"""
vrrp VI_{n}
    interface eth0
    virtual_router_id {50 + n}
    version 3
    advert_int 0.2
    @lb01 priority {p1}
    @lb02 priority {p2}
    virtual_ipaddress {address}/24
""" for n, p1, p2, address in ((1, 100, 90, VIP), (2, 90, 100, "192.168.1.9")))
    lb01, lb02 = (Tandem(lab, n, conf).start() for n in ("lb01", "lb02"))
    wait_for(lambda: only(lab, "lb01") and lab.lb02.holds("192.168.1.9") and not lab.lb01.holds("192.168.1.9"), 5, "each holds one")
    lb02.stop()
    wait_for(lambda: lab.lb01.holds() and lab.lb01.holds("192.168.1.9"), 3, "lb01 holds both")
    lb02.start()
    wait_for(lambda: lab.lb02.holds("192.168.1.9") and not lab.lb01.holds("192.168.1.9"), 5, "each holds one again")
    assert only(lab, "lb01")


def test_version_3_with_short_intervals(pair, lab):
    lb01, lb02 = pair(vrrp_conf("    version 3", advert_int="0.1") + PROXY)
    client = Client(lab)
    since = time.monotonic()
    lb01.send(signal.SIGKILL)
    lb02.wait_master(3)
    client.wait_answer(3)
    assert client.gap(since) <= 0.3 + 0.065 + MARGIN


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~((total & 0xffff) + (total >> 16)) & 0xffff


def advert(priority=200, vrid=51, kind=0x31, count=1, wrong=0):
    """An advert of version 3, every 0.2 s."""
    body = struct.pack("!BBBBHH4s", kind, vrid, priority, count, 20, 0, socket.inet_aton(VIP))
    return body[:6] + struct.pack("!H", checksum(body) ^ wrong) + body[8:]


def test_only_sound_adverts_count(pair, lab):
    lb01, lb02 = pair(fast())
    with InHost("client"):
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(lab.client.address))

    def send(data, ttl=255):
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
        for _ in range(3):
            s.sendto(data, ("224.0.0.18", 0))
    sampler = Sampler(lab)
    send(advert(), ttl=254)
    for unsound in (advert(wrong=1), advert(vrid=50), advert(kind=0x32), advert(kind=0x41), advert(count=2), advert(count=0), advert()[:7], b"1"):
        send(unsound)
    time.sleep(0.5)
    assert {holders for _, holders in sampler.samples} == {("lb01",)}
    lb01.wait_log("an advert from 192.168.1.100 has TTL 254 instead of 255")
    send(advert())
    lb01.wait_log("192.168.1.100 has the higher priority 200, ours is 100")
    wait_for(lambda: not lab.lb01.holds(), 3, "the address is released")
    wait_for(lambda: only(lab, "lb01"), 5, "the stranger has gone, the address is back")
    sampler.stop()
    s.close()


@pytest.mark.parametrize("how", ["stopped", "preempted"])
def test_connections_to_an_address_that_leaves_are_reset(lab, how):
    """A client that only waits would wait for ever: the new master knows nothing of it, and the old one is not asked."""
    lb01 = Tandem(lab, "lb01", fast() + PROXY)
    lb02 = Tandem(lab, "lb02", lb01.conf.read_text())
    first, second = (lb01, lb02) if how == "stopped" else (lb02, lb01)
    first.start().wait_master()
    if how == "stopped":
        second.start()
    with dial(VIP, 80) as waiting:
        waiting.settimeout(15)
        if how == "stopped":
            first.stop()
        else:
            second.start()
        second.wait_master()
        with pytest.raises(ConnectionResetError):
            waiting.recv(1)
        assert second.host.holds()
    first.wait_log("1 connections to its addresses reset")
    with dial(VIP, 80) as again:
        again.sendall(b"GET /name HTTP/1.0\r\n\r\n")
        assert again.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("how", ["stopped", "preempted"])
def test_requests_that_have_come_are_answered_while_the_address_leaves(lab, how):
    """Eight at any time are with a server that takes 40 ms: the old master's answer still reaches the client."""
    def serve(connection, _):
        while True:
            server.head(connection)
            time.sleep(0.04)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    server = ScriptedServer(lab, serve)
    text = vrrp_conf("", p1=255 if how == "stopped" else 100) + PROXY.replace("192.168.1.21:80", server.address).replace("192.168.1.22:80", server.address)
    lb01, lb02 = Tandem(lab, "lb01", text), Tandem(lab, "lb02", text)
    first, second = (lb01, lb02) if how == "stopped" else (lb02, lb01)
    first.start().wait_master()
    if how == "stopped":
        second.start()
    good, failures, done = [], [], threading.Event()

    def ask():
        while not done.is_set():
            try:
                with dial(VIP, 80, timeout=5) as s:
                    s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    answer = b""
                    while not answer.endswith(b"ok"):
                        more = s.recv(1000)
                        assert more
                        answer += more
                good.append(time.monotonic())
            except (OSError, AssertionError) as error:
                failures.append(repr(error))
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for t in threads:
        t.start()
    try:
        wait_for(lambda: len(good) > 50, 5, "answers")
        first.stop() if how == "stopped" else second.start()
        second.wait_master(15)
        before = len(good)
        wait_for(lambda: len(good) > before + 50, 5, "answers of the other node")
    finally:
        done.set()
        for t in threads:
            t.join()
        server.close()
    assert len(failures) <= 2, failures         # one that was just being opened may find the other node


KEY = "0123456789abcdef0123456789abcdef"


def test_signed_adverts_are_the_only_ones_that_count(pair, lab):
    """auth_hmac: forged adverts, recorded ones and unsigned ones change nothing; the pair hears each other and fails over."""
    lb01, lb02 = pair(fast(f"    auth_hmac key 1 {KEY}\n"))
    with InHost("client"):
        ears = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        mouth = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
    ears.bind(("eth0", 0x0800))
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(lab.client.address))
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    ears.settimeout(5)
    recorded = next(p for p in iter(lambda: ears.recv(2000), b"") if p[9] == 112)
    assert len(recorded) == 20 + 12 + 28
    sampler = Sampler(lab)
    for forged in (advert(), advert() + recorded[32:], advert() + bytes(28), recorded[20:]):
        for _ in range(3):
            mouth.sendto(forged, ("224.0.0.18", 0))
    time.sleep(1)
    sampler.stop()
    assert {holders for _, holders in sampler.samples} == {("lb01",)}
    lb01.send(signal.SIGKILL)
    lb02.wait_master(3)
    mouth.close()
    ears.close()


def test_packets_are_right_in_the_eyes_of_tcpdump_and_tshark(pair, lab):
    three = "".join(f"vrrp VI_{vrid}\n    interface eth0\n    virtual_router_id {vrid}\n    virtual_ipaddress 192.168.1.{vrid}/24\n"
                    f"    @lb01 priority 255\n    @lb02 priority 90\n    advert_int 1\n{more}\n"
                    for vrid, more in ((51, "    auth_pass s3cret"), (52, ""), (53, "    version 3")))
    Tandem(lab, "lb01", three).start()
    path = lab.folder / "adverts.pcap"
    lab.client.run("timeout", 10, "tcpdump", "-i", "eth0", "-Z", "root", "-c", "9", "-w", path, "proto 112")
    text = lab.client.run("tcpdump", "-r", path, "-n", "-e", "-vvv")
    line = r"192\.168\.1\.11 > 224\.0\.0\.18: .*VRRPv%d, Advertisement, vrid %d, prio 255,%s intvl %s, length \d+, addrs: 192\.168\.1\.%d%s\n"
    assert len(re.findall(line % (2, 51, " authtype simple,", "1s", 51, ' auth "s3cret"'), text)) == 3, text
    assert len(re.findall(line % (2, 52, " authtype none,", "1s", 52, ""), text)) == 3, text
    assert len(re.findall(line % (3, 53, "", "100cs", 53, ""), text)) == 3, text
    assert text.count("ttl 255") == 9 and text.count("02:00:00:00:00:0b > 01:00:5e:00:00:12") == 9
    assert "bad" not in text and "incorrect" not in text
    # tshark says [Good] or [Correct] of each checksum, by version; what it objects to becomes an expert item.
    text = lab.client.run("tshark", "-r", path, "-V", "-o", "ip.check_checksum:TRUE")
    sums = re.findall(r"Virtual Router Redundancy Protocol(?:\n.*)*?\n    Checksum: \w+ \[(\w+)\]", text)
    assert len(sums) == 9 and set(sums) <= {"correct", "Good", "good"}, text
    assert "Malformed" not in text and "Expert Info" not in text, text


def test_arp_announces_the_address_at_once_and_again(lab):
    watcher = lab.client.spawn("tcpdump", "-i", "eth0", "-l", "-n", "-e", "-tt", "arp", stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    assert "listening" in watcher.stderr.readline() + watcher.stderr.readline()
    lb01 = Tandem(lab, "lb01", fast("    garp_master_refresh 2")).start()
    lb01.wait_master()
    time.sleep(8.2)                     # garp_master_delay's default is 5 s
    watcher.terminate()
    lines = [line for line in watcher.stdout.read().splitlines()
             if "02:00:00:00:00:0b > ff:ff:ff:ff:ff:ff" in line and "Request who-has 192.168.1.10 tell 192.168.1.10" in line]
    times = [float(line.split()[0]) for line in lines]
    after = [t - times[0] for t in times]
    assert len([t for t in after if t < 0.5]) == 5, after
    assert len([t for t in after if 4.8 < t < 5.5]) == 5, after
    assert len([t for t in after if t > 5.6]) >= 1, after


def test_adverts_are_on_time_while_the_proxy_is_saturated(pair, lab):
    lb01, lb02 = pair(vrrp_conf("    version 3", advert_int="0.1") + PROXY)
    for pid in [lb01.process.pid, lb01.worker()]:
        os.sched_setaffinity(pid, {0})
    load = lab.client.spawn("taskset", "-c", "0", "wrk", "-t", "1", "-c", "64", "-d", "6", f"http://{VIP}/1k",
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(0.5)
    text = lab.lb02.run("timeout", 10, "tcpdump", "-i", "eth0", "-n", "-tt", "-c", "50", "proto 112 and src 192.168.1.11", check=False)
    out, _ = load.communicate(timeout=20)
    assert int(re.search(r"(\d+) requests in", out).group(1)) > 1000, out
    times = [float(line.split()[0]) for line in text.splitlines() if "VRRPv3" in line]
    late = [b - a for a, b in zip(times, times[1:])]
    assert len(times) == 50 and "MASTER" not in lb02.log()
    assert max(late) < 0.2 and sorted(late)[len(late) // 2] < 0.105, late


def test_a_worker_that_cannot_serve_makes_the_node_resign(pair, lab):
    lb01, lb02 = pair(fast() + PROXY)
    end = time.monotonic() + 12
    while not lab.lb02.holds() and time.monotonic() < end:
        for pid in lb01.children():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    assert lab.lb02.holds(), lb01.log()
    lb01.wait_log("this node cannot serve")
    wait_for(lambda: lab.lb01.holds(), 20, "it serves again and comes back")


def test_workers_that_die_again_and_again_make_it_resign_too(pair, lab):
    """Each of them has served a moment, which does not make the node fit to serve."""
    lb01, lb02 = pair(fast() + PROXY)
    seen = set()
    end = time.monotonic() + 15
    while "this node cannot serve" not in lb01.log() and time.monotonic() < end:
        with dial(VIP, 80, timeout=5) as s:
            s.sendall(b"GET /name HTTP/1.0\r\nHost: www\r\n\r\n")
            assert s.recv(100).startswith(b"HTTP/1."), lb01.log()
        seen.add(lb01.worker())
        os.kill(lb01.worker(), signal.SIGKILL)
        wait_for(lambda: set(lb01.children()) - seen or "cannot serve" in lb01.log(), 5, "another worker")
    assert len(seen) == 6, lb01.log()
    lb02.wait_master(3)
    assert only(lab, "lb02")


def test_track_worker_off(pair, lab):
    lb01, lb02 = pair(fast("    track_worker off") + PROXY)
    end = time.monotonic() + 12
    while "this node cannot serve" not in lb01.log() and time.monotonic() < end:
        for pid in lb01.children():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    lb01.wait_log("this node cannot serve")
    time.sleep(0.5)                     # five looks at the worker
    assert lab.lb01.holds() and "MASTER" not in lb02.log()


def test_the_address_follows_the_service(pair, lab):
    conf = fast("    track_backend web_servers weight -20") + PROXY
    lb01, lb02 = pair(conf)
    lab.lb01.run("iptables", "-A", "OUTPUT", "-d", "192.168.1.21", "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")
    lab.lb01.run("iptables", "-A", "OUTPUT", "-d", "192.168.1.22", "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")
    try:
        lb01.wait_log("Changing effective priority from 100 to 80", 10)
        wait_for(lambda: lab.lb02.holds() and not lab.lb01.holds(), 6, "lb02 is master")
    finally:
        lab.lb01.run("iptables", "-F", "OUTPUT")
    lb01.wait_log("Changing effective priority from 80 to 100", 10)
    wait_for(lambda: lab.lb01.holds() and not lab.lb02.holds(), 8, "lb01 is master again")


def test_adverts_are_heard_below_the_firewall(lab):
    lab.lb02.run("iptables", "-A", "INPUT", "-p", "112", "-j", "DROP")
    lab.lb01.run("iptables", "-A", "OUTPUT", "-p", "112", "-j", "DROP")
    try:
        Tandem(lab, "lb01", fast()).start().wait_master()
        Tandem(lab, "lb02", fast()).start()
        sampler = Sampler(lab)
        time.sleep(1.5)
        sampler.stop()
        assert {holders for _, holders in sampler.samples} == {("lb01",)}
    finally:
        lab.lb02.run("iptables", "-F", "INPUT")
        lab.lb01.run("iptables", "-F", "OUTPUT")


def test_an_interface_that_comes_later_is_used(lab):
    node = Tandem(lab, "lb01", vrrp_conf(vrrp="    version 3", advert_int="0.1").replace("interface eth0", "interface late0")).start()
    for _ in range(2):
        sh("ip -n lb01 link add late0 type veth peer name late1")
        sh("ip -n lb01 addr add 192.168.1.50/24 dev late0")
        sh("ip -n lb01 link set late1 up")
        sh("ip -n lb01 link set late0 up")
        node.wait_master()
        assert node.host.run("cat", "/proc/sys/net/ipv4/conf/late0/promote_secondaries").strip() == "1"
        sh("ip -n lb01 link del late0")
        wait_for(lambda: not node.host.holds(), 5, "its end")


def test_the_only_address_of_an_interface_stays(lab):
    """A mistake that would otherwise cut the machine off from the network."""
    node = Tandem(lab, "lb01", vrrp_conf().replace("192.168.1.10/24", "192.168.1.11/24")).start()
    node.wait_log("192.168.1.11/24 is the only address of eth0 and stays there")
    node.stop()
    assert "192.168.1.11" in lab.lb01.addresses()


def test_adverts_that_cannot_go_out_are_said_once(lab):
    node = Tandem(lab, "lb01", vrrp_conf(vrrp="    version 3" + UNICAST, advert_int="0.05", p1=255,
                                         globals="    stats socket /run/lab/cut.sock")).start()
    node.wait_master()
    node.host.run("nft", "add table ip cut")
    node.host.run("nft", "add chain ip cut out { type filter hook output priority 0; }")
    node.host.run("nft", "add rule ip cut out ip protocol 112 drop")
    try:
        node.wait_log("cannot send an advert to 192.168.1.12 on eth0: Operation not permitted")
        status = node.host.run(TANDEM, "status", "-f", node.conf, "-n", "lb01", check=False)
        assert "! VI_1: its adverts do not go out: Operation not permitted" in status
        time.sleep(0.5)
    finally:
        node.host.run("nft", "delete table ip cut")
    assert node.log().count("cannot send an advert") == 1
