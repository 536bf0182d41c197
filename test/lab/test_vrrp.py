# SPDX-License-Identifier: MIT
"""tandem on both nodes: elections, faults, and where the address is meanwhile."""
import os
import signal
import subprocess
import time

import pytest
from lab import PROXY, SKEW, UNICAST, VIP, Client, Sampler, Tandem, sh, vrrp_conf, wait_for

MARGIN = 0.3
STOP_LIMIT = SKEW[90] + MARGIN
DOWN_LIMIT = 3 + SKEW[90] + MARGIN


def test_the_higher_priority_is_master_and_the_address_has_a_lifetime(pair, lab):
    lb01, lb02 = pair(vrrp_conf())
    time.sleep(1.2)
    assert not lab.lb02.holds()
    assert "(VI_1) Entering MASTER STATE" in lb01.log()
    assert "(VI_1) Entering BACKUP STATE" in lb02.log() and "MASTER" not in lb02.log()
    assert 1 <= lab.lb01.addresses()[VIP] <= 3


@pytest.mark.parametrize("fault, limit", [("term", STOP_LIMIT), ("kill", DOWN_LIMIT), ("freeze", DOWN_LIMIT)])
@pytest.mark.parametrize("cast", ["multicast", "unicast"])
def test_a_dead_master_is_replaced_in_time(pair, lab, fault, limit, cast):
    lb01, lb02 = pair(vrrp_conf("    auth_pass s3cret" + (UNICAST if cast == "unicast" else "")) + PROXY)
    client, sampler = Client(lab), Sampler(lab)
    time.sleep(0.5)
    served_by = client.servers()
    since = time.monotonic()
    if fault == "term":
        assert lb01.stop() == 0
    else:
        lb01.send(signal.SIGKILL if fault == "kill" else signal.SIGSTOP)
    lb02.wait_master(limit + 1)
    client.wait_answer(3)
    gap = client.gap(since)
    assert gap <= limit, f"{gap:.3f} s"
    assert not lab.lb01.holds()
    if fault == "freeze":
        lb01.send(signal.SIGCONT)
        lb01.wait_log("this node was not running", 5)
        wait_for(lambda: lab.lb01.holds() and not lab.lb02.holds(), 10, "lb01 preempts")
    sampler.stop()
    assert sampler.never_two()
    assert client.servers() == served_by and len(served_by) == 1


def test_link_down_is_a_fault_and_up_again_a_return(pair, lab):
    lb01, lb02 = pair(vrrp_conf())
    lab.link("lb01", "down")
    lb01.wait_log("(VI_1) Entering FAULT STATE (the link of eth0 is down)", 3)
    assert not lab.lb01.holds()
    lb02.wait_master(DOWN_LIMIT + 1)
    lab.link("lb01", "up")
    wait_for(lambda: lab.lb01.holds() and not lab.lb02.holds(), 10, "lb01 is master again")


def test_an_address_that_somebody_removes_comes_back(pair, lab):
    lb01, _ = pair(vrrp_conf())
    sh(f"ip -n lb01 addr del {VIP}/24 dev eth0")
    wait_for(lab.lb01.holds, 0.5, "the address is back")
    lb01.wait_log("was removed from eth0 by somebody else: put back", 1)
    for _ in range(8):
        sh(f"ip -n lb01 addr del {VIP}/24 dev eth0", check=False)
        time.sleep(0.1)
    lb01.wait_log("somebody keeps removing", 2)
    wait_for(lab.lb01.holds, 3, "the address is back in spite of all")
    assert lb01.log().count("put back\n") <= 6


def test_an_address_left_by_an_earlier_run_is_removed(lab):
    sh(f"ip -n lb02 addr add {VIP}/24 dev eth0")
    lb02 = Tandem(lab, "lb02", vrrp_conf())
    lb01 = Tandem(lab, "lb01", vrrp_conf()).start()
    lb01.wait_master()
    lb02.start()
    lb02.wait_log("was left on eth0 by an earlier run: removed", 2)
    assert not lab.lb02.holds() and lab.lb01.holds()


def test_nopreempt_leaves_the_address_where_it_is(lab):
    conf = vrrp_conf("    nopreempt")
    lb02 = Tandem(lab, "lb02", conf).start()
    lb02.wait_master()
    Tandem(lab, "lb01", conf).start()
    time.sleep(5)
    assert lab.lb02.holds() and not lab.lb01.holds()


def test_an_owner_is_master_at_once_and_keeps_its_own_address(lab):
    sh(f"ip -n lb01 addr add {VIP}/24 dev eth0")
    lb01 = Tandem(lab, "lb01", vrrp_conf(p1=255)).start()
    lb01.wait_log("(VI_1) Entering MASTER STATE (it owns the address: priority 255)", 1)
    time.sleep(1.5)
    assert lab.lb01.addresses()[VIP] > 1000000
    assert lb01.stop() == 0
    assert lab.lb01.holds()


def test_two_routers_share_the_load(lab):
    conf = """
vrrp VI_1
    interface eth0
    virtual_router_id 51
    @lb01 priority 100
    @lb02 priority 90
    virtual_ipaddress 192.168.1.10/24
vrrp VI_2
    interface eth0
    virtual_router_id 52
    @lb01 priority 90
    @lb02 priority 100
    virtual_ipaddress 192.168.1.9/24
"""
    lb01, lb02 = (Tandem(lab, n, conf).start() for n in ("lb01", "lb02"))
    wait_for(lambda: lab.lb01.holds() and lab.lb02.holds("192.168.1.9"), 10, "each holds one")
    assert not lab.lb01.holds("192.168.1.9") and not lab.lb02.holds()
    lb02.stop()
    wait_for(lambda: lab.lb01.holds() and lab.lb01.holds("192.168.1.9"), 3, "lb01 holds both")


def test_version_3_with_short_intervals(pair, lab):
    lb01, lb02 = pair(vrrp_conf("    version 3", advert_int="0.1") + PROXY)
    client = Client(lab)
    since = time.monotonic()
    lb01.send(signal.SIGKILL)
    lb02.wait_master(3)
    client.wait_answer(3)
    assert client.gap(since) <= 0.3 + 0.065 + MARGIN


def test_another_password_is_named(pair, lab):
    lb01 = Tandem(lab, "lb01", vrrp_conf("    auth_pass s3cret")).start()
    lb02 = Tandem(lab, "lb02", vrrp_conf("    auth_pass other")).start()
    lb02.wait_log("192.168.1.11 sends adverts with another auth_pass", 10)
    time.sleep(2.5)
    assert lb02.log().count("another auth_pass") == 1


def test_another_virtual_router_id_is_named(lab):
    lb01 = Tandem(lab, "lb01", vrrp_conf()).start()
    lb02 = Tandem(lab, "lb02", vrrp_conf().replace("virtual_router_id 51", "virtual_router_id 52")).start()
    lb02.wait_log("192.168.1.11 advertises 192.168.1.10 under virtual_router_id 51, we use 52", 10)


def capture(lab, host, seconds, expression):
    done = lab.hosts[host].run("timeout", seconds, "tcpdump", "-i", "eth0", "-l", "-n", "-e", "-vvv", expression, check=False,
                               timeout=seconds + 10)
    return done


def test_packets_are_right_in_the_eyes_of_tcpdump(pair, lab):
    pair(vrrp_conf())
    text = capture(lab, "client", 3, "proto 112")
    assert "vrrp 192.168.1.11 > 224.0.0.18: VRRPv2, Advertisement, vrid 51, prio 100, authtype simple, intvl 1s" in text
    assert "ttl 255" in text and 'auth "s3cret' in text
    assert "bad" not in text and "incorrect" not in text


def test_arp_announces_the_address_at_once_and_again(lab):
    conf = vrrp_conf("    garp_master_delay 2\n    garp_master_refresh 1")
    watcher = lab.client.spawn("tcpdump", "-i", "eth0", "-l", "-n", "-e", "-tt", "arp", stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
    time.sleep(1)
    Tandem(lab, "lb01", conf).start().wait_master()
    time.sleep(4.5)
    watcher.terminate()
    lines = [line for line in watcher.stdout.read().splitlines()
             if "02:00:00:00:00:0b > ff:ff:ff:ff:ff:ff" in line and "Request who-has 192.168.1.10 tell 192.168.1.10" in line]
    times = [float(line.split()[0]) for line in lines]
    assert len([t for t in times if t < times[0] + 1]) == 5
    assert len([t for t in times if times[0] + 1.8 < t < times[0] + 2.5]) == 5
    assert len([t for t in times if t > times[0] + 2.6]) >= 1


def test_adverts_are_on_time_while_the_proxy_is_saturated(pair, lab):
    lb01, lb02 = pair(vrrp_conf("    version 3", advert_int="0.1") + PROXY)
    for pid in [lb01.process.pid, lb01.worker()]:
        os.sched_setaffinity(pid, {0})
    load = lab.client.spawn("taskset", "-c", "0", "wrk", "-t", "1", "-c", "64", "-d", "6", f"http://{VIP}/1k",
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    text = capture(lab, "lb02", 5, "proto 112 and src 192.168.1.11")
    load.wait(20)
    assert "MASTER" not in lb02.log()
    assert text.count("VRRPv3") >= 45


def test_a_worker_that_cannot_serve_makes_the_node_resign(pair, lab):
    lb01, lb02 = pair(vrrp_conf() + PROXY)
    end = time.monotonic() + 12
    while not lab.lb02.holds() and time.monotonic() < end:
        for pid in lb01.children():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    assert lab.lb02.holds(), lb01.log()
    assert "this node cannot serve" in lb01.log()
    wait_for(lambda: lab.lb01.holds(), 20, "it serves again and comes back")


def test_the_address_follows_the_service(pair, lab):
    conf = vrrp_conf("    track_backend web_servers weight -20") + PROXY
    lb01, lb02 = pair(conf)
    sh("iptables -V")
    lab.lb01.run("iptables", "-A", "OUTPUT", "-d", "192.168.1.21", "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")
    lab.lb01.run("iptables", "-A", "OUTPUT", "-d", "192.168.1.22", "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")
    try:
        lb01.wait_log("Changing effective priority from 100 to 80", 10)
        wait_for(lambda: lab.lb02.holds() and not lab.lb01.holds(), 6, "lb02 is master")
    finally:
        lab.lb01.run("iptables", "-F", "OUTPUT")
    lb01.wait_log("Changing effective priority from 80 to 100", 10)
    wait_for(lambda: lab.lb01.holds() and not lab.lb02.holds(), 8, "lb01 is master again")


def test_adverts_are_heard_below_the_firewall(pair, lab):
    lab.lb02.run("iptables", "-A", "INPUT", "-p", "112", "-j", "DROP")
    try:
        pair(vrrp_conf())
        time.sleep(4.5)
        assert not lab.lb02.holds()
    finally:
        lab.lb02.run("iptables", "-F", "INPUT")
