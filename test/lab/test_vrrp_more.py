# SPDX-License-Identifier: MIT
"""What happens around the election: addresses that others put on or left behind, many addresses, pauses, groups."""
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
from lab import PROXY, TANDEM, VIP, InHost, Sampler, Tandem, dial, sh, vrrp_conf, wait_for
from test_vrrp import advert


def fast(vrrp="", **options):
    return vrrp_conf("    version 3\n" + vrrp, advert_int="0.2", **options)


def group(lines="", one="", two="", rest=""):
    text = "global\n    user nobody\n    @lb01 stats socket /run/lab/lb01.sock\n    @lb02 stats socket /run/lab/lb02.sock\n"
    for number, more in ((1, one), (2, two)):
        text += (f"vrrp V{number}\n    interface eth0\n    version 3\n    advert_int 0.2\n    virtual_router_id {50 + number}\n"
                 f"    @lb01 priority 100\n    @lb02 priority 90\n    virtual_ipaddress 192.168.1.{number * 4 + 6}/24\n{more}")
    return text + f"vrrp_sync_group G\n    group V1 V2\n{lines}{rest}"


def only(lab, name, vip=VIP):
    return lab.hosts[name].holds(vip) and not lab.hosts["lb02" if name == "lb01" else "lb01"].holds(vip)


def test_two_hundred_addresses_do_not_hold_up_adverts_every_10_ms(lab):
    """Taking, telling of and renewing them is spread over turns, so that no peer takes over in between; letting go is quick."""
    conf = vrrp_conf("    version 3\n" + "".join(f"    virtual_ipaddress 10.9.0.{i}/16\n" for i in range(1, 200)), advert_int="0.01")
    lb01 = Tandem(lab, "lb01", conf).start()
    wait_for(lambda: lab.lb01.holds("10.9.0.199"), 5)
    lb02 = Tandem(lab, "lb02", conf).start()
    time.sleep(4)
    assert lb01.log().count("Entering") == 2 and lb02.log().count("Entering") == 1, lb01.log() + lb02.log()
    assert lb01.stop() == 0
    wait_for(lambda: lab.lb02.holds("10.9.0.199") and lab.lb02.holds("10.9.0.1"), 5)
    assert not lab.lb01.holds("10.9.0.1") and not lab.lb01.holds("10.9.0.199")


def test_an_address_with_another_length_is_no_second_holder(lab):
    """A keepalived that was killed leaves its /32 behind, and anybody may put an address on by hand."""
    sh(f"ip -n lb02 addr add {VIP}/32 dev eth0")
    lb01, lb02 = (Tandem(lab, name, fast()).start() for name in ("lb01", "lb02"))
    lb01.wait_master()
    assert f"{VIP}/24 was left on eth0 by an earlier run: removed" in lb02.log() and only(lab, "lb01")
    for length in (24, 32):
        sh(f"ip -n lb02 addr add {VIP}/{length} dev eth0")
        wait_for(lambda: not lab.lb02.holds(), 2, lb02.log())
    lb02.wait_log("was put on eth0 by somebody else, while it is for the master alone: removed")
    sh(f"ip -n lb01 addr add {VIP}/32 dev eth0")
    lb01.wait_master()
    lb01.stop()
    lb02.wait_master()
    assert only(lab, "lb02")
    # What is no address of a router is nobody's business.
    assert "192.168.1.12" in lab.lb02.addresses()


def test_a_failover_of_a_member_takes_its_group_along(lab):
    lb01, lb02 = (Tandem(lab, name, group()).start() for name in ("lb01", "lb02"))
    lb01.wait_master()
    lb02.wait_log("ready")
    samplers = [Sampler(lab), Sampler(lab, "192.168.1.14")]
    said = lab.lb01.run(TANDEM, "ctl", "-f", lb01.conf, "-n", "lb01", "failover", "V2")
    assert "V2: handing over, and all of sync group G" in said
    for vip in (VIP, "192.168.1.14"):
        wait_for(lambda: only(lab, "lb02", vip), 5, lb01.log() + lb02.log())
    for sampler in samplers:
        sampler.stop()
        assert sampler.two_holders() < 0.1
    assert "nobody else" not in lb01.log()


def test_a_group_waits_for_its_last_member_to_be_ready(lab):
    for server in ("192.168.1.21", "192.168.1.22"):
        lab.lb01.run("iptables", "-A", "OUTPUT", "-d", server, "-p", "tcp", "-j", "DROP")
    try:
        since = time.monotonic()
        conf = group(one="    takeover_ready 0.5\n", two="    takeover_ready 2.5\n", rest=PROXY.replace("inter 500ms", "inter 9s"))
        node = Tandem(lab, "lb01", conf).start()
        node.wait_master()
        assert 2.4 < time.monotonic() - since < 5, node.log()
        wait_for(lambda: lab.lb01.holds("192.168.1.14"), 3)
    finally:
        lab.lb01.run("iptables", "-F", "OUTPUT")


def test_a_pause_while_it_hands_over_changes_nothing(lab):
    """The successor is in the socket when it wakes: it is heard before anything is decided."""
    conf = vrrp_conf(p1=255, globals="    stats socket /run/lab/one.sock\n")
    lb01, lb02 = Tandem(lab, "lb01", conf).start(), Tandem(lab, "lb02", conf.replace("one.sock", "two.sock")).start()
    lb01.wait_master()
    lab.lb01.run(TANDEM, "ctl", "-f", lb01.conf, "-n", "lb01", "failover")
    assert lab.lb01.addresses()[VIP] <= 2, "the successor comes before the 3.6 s of a silent master"
    lb01.send(signal.SIGSTOP)
    lb02.wait_master(2)
    time.sleep(0.7)                     # 1.35 s: later than the 1.2 s at most for which it waits
    lb01.send(signal.SIGCONT)
    wait_for(lambda: only(lab, "lb02"), 3, lb01.log())
    time.sleep(1)
    assert only(lab, "lb02") and "nobody else" not in lb01.log()


def test_nor_a_refresh_that_was_due_meanwhile(lab):
    conf = vrrp_conf("    garp_master_delay 0\n    garp_master_refresh 1\n", p1=255, globals="    stats socket /run/lab/one.sock\n")
    lb01, lb02 = Tandem(lab, "lb01", conf).start(), Tandem(lab, "lb02", conf.replace("one.sock", "two.sock")).start()
    lb01.wait_master()
    lab.lb01.run(TANDEM, "ctl", "-f", lb01.conf, "-n", "lb01", "failover")
    lb01.send(signal.SIGSTOP)
    time.sleep(1.27)
    lb01.send(signal.SIGCONT)
    time.sleep(1)
    assert only(lab, "lb02") and "nobody else" not in lb01.log(), lb01.log()


def test_a_renamed_interface_is_left_at_once(lab):
    lb01, lb02 = (Tandem(lab, name, vrrp_conf(p1=255)).start() for name in ("lb01", "lb02"))
    lb01.wait_master()
    sampler = Sampler(lab)
    since = time.monotonic()
    try:
        sh("ip -n lb01 link set eth0 name lan0", check=False)
        if "lan0" not in sh("ip -n lb01 -br link"):             # an older kernel wants it down for that
            sh("ip -n lb01 link set eth0 down")
            sh("ip -n lb01 link set eth0 name lan0")
            sh("ip -n lb01 link set lan0 up")
        lb02.wait_master(2)
        assert time.monotonic() - since < 2, "it has resigned: the skew time, and not 3.6 s"
        sampler.stop()
        assert "Entering FAULT STATE (there is no interface eth0)" in lb01.log()
        assert VIP not in lab.lb01.addresses("lan0") and sampler.never_two() and "192.168.1.11 has resigned" in lb02.log()
    finally:
        sh("ip -n lb01 link set lan0 down", check=False)
        sh("ip -n lb01 link set lan0 name eth0", check=False)
        sh("ip -n lb01 link set eth0 up")
    lb01.wait_master()


def test_an_interface_that_loses_its_address_is_resigned_on(lab):
    lb01, lb02 = (Tandem(lab, name, vrrp_conf(p1=255)).start() for name in ("lb01", "lb02"))
    lb01.wait_master()
    sh("ip -n lb01 addr del 192.168.1.11/24 dev eth0")
    lb02.wait_master(2)
    assert "192.168.1.11 has resigned" in lb02.log() and "discarded" not in lb02.log()


def test_adverts_do_not_come_from_an_address_that_is_not_here(lab):
    """keepalived goes to FAULT for it as well; its peer would not hear it, nor it the peer."""
    conf = fast("    unicast_src_ip 192.168.1.99\n    unicast_peer 192.168.1.12\n")
    node = Tandem(lab, "lb01", conf).start()
    node.wait_log("Entering FAULT STATE (192.168.1.99 is no address of this node: adverts cannot come from it)")
    sh("ip -n lb01 addr add 192.168.1.99/24 dev eth0")
    node.wait_master()
    sh("ip -n lb01 addr del 192.168.1.99/24 dev eth0")
    wait_for(lambda: not lab.lb01.holds(), 2)


def test_a_macvlan_that_is_set_down_or_removed_comes_back(lab):
    ignore = "/proc/sys/net/ipv4/conf/eth0/arp_ignore"
    lab.lb01.run("sh", "-c", f"echo 0 >{ignore}")      # guards that other tests have killed leave it
    lb01, lb02 = (Tandem(lab, name, fast("    use_vmac\n")).start() for name in ("lb01", "lb02"))
    wait_for(lambda: VIP in lab.lb01.addresses("vrrp.51"), 5)
    sh("ip -n lb01 link set vrrp.51 down")
    wait_for(lambda: "state UP" in sh("ip -n lb01 link show dev vrrp.51", check=False), 3)
    sh("ip -n lb01 link del vrrp.51")
    wait_for(lambda: VIP in sh("ip -n lb01 addr show dev vrrp.51", check=False), 3, lb01.log())
    time.sleep(1)
    assert VIP in lab.lb01.addresses("vrrp.51") and "MASTER" not in lb02.log(), lb01.log()
    assert lab.lb01.run("cat", ignore) == "1\n"
    lb01.stop()
    assert lab.lb01.run("cat", ignore) == "0\n", "as it was"


def test_an_address_on_another_interface_is_told_of_when_that_comes(lab):
    node = Tandem(lab, "lb01", fast("    virtual_ipaddress 10.8.8.8/24 dev far0\n")).start()
    node.wait_master()
    sh("ip -n lb01 link add far0 type veth peer name far1")
    sh("ip -n lb01 link set far1 up")
    sniffer = node.host.spawn("tcpdump", "-l", "-n", "-i", "far1", "arp", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    wait_for(lambda: "10.8.8.8" in lab.lb01.addresses("far0"), 3)
    time.sleep(0.3)
    sh("ip -n lb01 link set far0 up")
    assert "10.8.8.8" in sniffer.stdout.readline()
    sniffer.terminate()
    assert "removed from far0" not in node.log() and "cannot tell" not in node.log() and node.log().count("far0") == 1
    sh("ip -n lb01 link del far0")


def test_one_tandem_a_router(lab):
    node = Tandem(lab, "lb01", vrrp_conf(p1=255)).start()
    node.wait_master()
    done = subprocess.run(["ip", "netns", "exec", "lb01", TANDEM, "run", "-n", "lb01", "-f", node.conf], capture_output=True, text=True, timeout=10)
    assert done.returncode == 2
    assert "another tandem on this machine has virtual_router_id 51 on eth0 already" in done.stderr + done.stdout
    assert lab.lb01.holds() and "removed" not in node.log()
    # Who has the name and is not root is no tandem, and stops none.
    taker = lab.lb02.spawn("setpriv", "--reuid", "65534", "--clear-groups", sys.executable, "-c",
                           "import socket; s = socket.socket(socket.AF_UNIX); s.bind('\\0tandem/eth0/51/4'.ljust(108, '\\0')); s.listen(); print('taken', flush=True); s.accept()[0].recv(1)"
                           "; s.accept()[0].recv(1)", stdout=subprocess.PIPE, text=True)
    assert taker.stdout.readline() == "taken\n"
    other = Tandem(lab, "lb02", vrrp_conf()).start()
    assert "nobody will notice another tandem" in other.log()


def test_a_list_that_cannot_be_read_changes_nothing(lab):
    """The kernel may be short of memory for a moment: that is no link that is down."""
    node = Tandem(lab, "lb01", fast()).start()
    node.wait_master()
    tracer = node.host.spawn("strace", "-p", node.process.pid, "-e", "inject=recvfrom:error=ENOBUFS:when=3..9", "-o", "/dev/null")
    wait_for(lambda: "TracerPid:\t0" not in open(f"/proc/{node.process.pid}/status").read(), 5)
    sh("ip -n lb01 addr add 192.168.1.77/24 dev eth0")
    node.wait_log("cannot read the interfaces and their addresses: No buffer space available: again in a moment")
    tracer.terminate()
    tracer.wait()
    sh("ip -n lb01 addr del 192.168.1.77/24 dev eth0")
    time.sleep(0.5)
    assert lab.lb01.holds() and node.log().count("Entering") == 2, node.log()


def test_who_keeps_putting_an_address_on_is_not_fought_for_ever(lab):
    lb01, lb02 = (Tandem(lab, name, fast()).start() for name in ("lb01", "lb02"))
    lb01.wait_master()
    putter = lab.lb02.spawn("sh", "-c", f"while :; do ip addr add {VIP}/24 dev eth0 2>/dev/null; sleep 0.05; done")
    lb02.wait_log("somebody keeps putting 192.168.1.10/24 on eth0: it is removed once a second from now on")
    time.sleep(2)
    putter.kill()
    wait_for(lambda: only(lab, "lb01"), 2)
    assert lb02.log().count("was put on eth0 by somebody else") == 5


def test_what_a_group_follows_all_members_follow(lab):
    """keepalived's tracks in vrrp_sync_group keep their weights, unlike those of a member. init_file makes the file."""
    file = lab.folder / "number"
    file.unlink(missing_ok=True)
    conf = group("    track_file f\n    track_interface lo weight 20 reverse\n",
                 rest=f"vrrp_track_file f\n    file {file}\n    init_file 7\n")
    lb01, lb02 = (Tandem(lab, name, conf).start() for name in ("lb01", "lb02"))
    lb01.wait_master()
    assert file.read_text() == "7\n"
    for name in ("V1", "V2"):
        lb01.wait_log(f"({name}) Changing effective priority from 100 to 87")       # 7 - 20: lo is up
    sh("ip -n lb01 link set lo down")
    for name in ("V1", "V2"):
        lb01.wait_log(f"({name}) Changing effective priority from 87 to 107")
    file.write_text("-60\n")
    for name in ("V1", "V2"):
        lb01.wait_log(f"({name}) Changing effective priority from 107 to 40")
    sh("ip -n lb01 link set lo up")
    file.unlink()


def test_a_weaker_master_is_told_to_a_script_and_to_the_log(lab):
    folder = lab.folder / f"told{time.monotonic_ns()}"
    folder.mkdir()
    folder.chmod(0o777)
    heard = folder / "heard"
    script = lab.folder / "lower.sh"
    script.write_text(f"#!/bin/sh\necho $1 >{heard}\n")
    script.chmod(0o755)
    node = Tandem(lab, "lb01", fast(f"    log_detail\n    notify_master_rx_lower_pri {script} lower\n")).start()
    node.wait_master()
    node.wait_log("telling the neighbours of 1 addresses 4 times")
    with InHost("client"), socket.socket(socket.AF_INET, socket.SOCK_RAW, 112) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(lab.client.address))
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        s.sendto(advert(priority=5), ("224.0.0.1", 0))
        s.sendto(advert(priority=6), ("224.0.0.18", 0))
    node.wait_log("advert from 192.168.1.100 with priority 5 discarded: ")
    node.wait_log("received lower priority (6) advert from 192.168.1.100")
    wait_for(lambda: heard.exists() and heard.read_text() == "lower\n", 3, node.log())
    script.write_text(f"#!/bin/sh\necho more >>{heard}\n")     # strangers cannot have it run as often as it ends
    with InHost("client"), socket.socket(socket.AF_INET, socket.SOCK_RAW, 112) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(lab.client.address))
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        since = time.monotonic()
        while time.monotonic() - since < 1.2:
            s.sendto(advert(priority=6), ("224.0.0.18", 0))
            time.sleep(0.01)
    assert 1 <= heard.read_text().count("more") <= 2 + (time.monotonic() - since)


def test_ipv6_routes_live_as_long_as_the_addresses_and_no_longer(lab):
    """The node's own address keeps its network, though it has a lifetime as SLAAC gives it; what a killed guard leaves expires."""
    conf = fast("    virtual_routes fd99::/64 via fd00::21\n").replace(f"virtual_ipaddress {VIP}/24",
                                                                    "virtual_ipaddress fd00::10/64\n    virtual_ipaddress fd77::10/64")
    sh("ip -n lb01 addr del fd00::11/64 dev eth0")
    sh("ip -n lb01 addr add fd00::11/64 dev eth0 nodad valid_lft 3600 preferred_lft 3600")

    def routes(to):
        return sh(f"ip -n lb01 -6 route show {to} proto 112") + sh(f"ip -n lb01 -6 route show {to} proto kernel")
    node = Tandem(lab, "lb01", conf).start()
    wait_for(lambda: lab.lb01.holds("fd77::10"), 5)
    time.sleep(2.5)                     # longer than what is not renewed would live
    for to in ("fd77::/64", "fd99::/64"):
        assert "expires 2sec" in routes(to) or "expires 1sec" in routes(to), routes(to)
    node.stop()
    assert not routes("fd77::/64") and not routes("fd99::/64")
    node.start()
    wait_for(lambda: lab.lb01.holds("fd77::10"), 5)
    node.send(signal.SIGKILL)
    wait_for(lambda: "unreachable" in sh("ip -n lb01 -6 route get fd99::1", check=False), 5)
    wait_for(lambda: "unreachable" in sh("ip -n lb01 -6 route get fd77::1", check=False), 5)
    own = sh("ip -n lb01 -6 route show fd00::/64 proto kernel")
    assert "dev eth0" in own and int(own.split("expires ")[1].split("sec")[0]) > 3000, own


def test_a_route_of_somebody_else_is_not_taken_for_ours(lab):
    sh("ip -n lb01 route add 10.99.0.0/16 via 192.168.1.21")
    try:
        node = Tandem(lab, "lb01", fast("    virtual_routes 10.99.0.0/16 via 192.168.1.22\n")).start()
        node.wait_master()
        node.wait_log("cannot add the route to 10.99.0.0/16: there is another one")
        assert "192.168.1.21" in sh("ip -n lb01 route get 10.99.1.1")
        sh("ip -n lb01 route del 10.99.0.0/16")
        wait_for(lambda: "192.168.1.22" in sh("ip -n lb01 route get 10.99.1.1", check=False), 2)
        node.stop()
        assert not sh("ip -n lb01 route show 10.99.0.0/16")
    finally:
        sh("ip -n lb01 route del 10.99.0.0/16", check=False)


def test_a_new_mac_is_told_of(lab):
    node = Tandem(lab, "lb01", fast()).start()
    node.wait_master()
    sniffer = lab.client.spawn("tcpdump", "-l", "-n", "-i", "eth0", "arp and ether src 02:00:00:00:00:77", stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
    try:
        time.sleep(0.5)
        sh("ip -n lb01 link set eth0 address 02:00:00:00:00:77")
        assert VIP in sniffer.stdout.readline()
    finally:
        sniffer.terminate()
        sh("ip -n lb01 link set eth0 address 02:00:00:00:00:0b")


def test_an_interface_that_was_away_for_a_moment_is_not_deaf(lab):
    """It comes back with the same index, and before the guard looks: its socket is bound to nothing by then."""
    lb01, lb02 = (Tandem(lab, name, fast()).start() for name in ("lb01", "lb02"))
    lb01.wait_master()
    lb02.send(signal.SIGSTOP)
    sh("ip -n lb02 link set eth0 netns web01 name away0")
    sh("ip -n web01 link set away0 netns lb02 name eth0")
    sh("ip -n lb02 link set eth0 up")
    lab.lb02.give_addresses()
    lb02.send(signal.SIGCONT)
    time.sleep(1.5)
    assert only(lab, "lb01") and lb02.log().count("MASTER") == 0, lb02.log()


def test_a_kernel_that_cannot_reset_connections_is_said_so(lab):
    node = Tandem(lab, "lb01", fast(globals="    stats socket /run/lab/one.sock\n")).start()
    node.wait_master()
    ask = (TANDEM, "status", "-f", node.conf, "-n", "lb01")
    tracer = node.host.spawn("strace", "-p", node.process.pid, "-e", "inject=socket:error=EPROTONOSUPPORT", "-o", "/dev/null")
    wait_for(lambda: "TracerPid:\t0" not in open(f"/proc/{node.process.pid}/status").read(), 5)
    assert "this kernel cannot reset connections" in node.host.run(*ask)
    tracer.terminate()
    tracer.wait()
    assert "cannot reset" not in node.host.run(*ask)


def test_where_the_kernel_cannot_reset_connections_the_worker_does(lab):
    lb01, lb02 = (Tandem(lab, name, fast(globals=f"    stats socket /run/lab/{name}.sock\n") + PROXY).start() for name in ("lb01", "lb02"))
    lb01.wait_master()
    with dial(VIP, 80, timeout=8) as idle, dial(VIP, 80, timeout=8) as silent:
        idle.sendall(b"GET /name HTTP/1.1\r\nHost: www\r\n\r\n")
        assert b"200 OK" in idle.recv(1000)
        tracer = lb01.host.spawn("strace", "-p", lb01.process.pid, "-e", "inject=socket:error=EPROTONOSUPPORT", "-o", "/dev/null")
        wait_for(lambda: "TracerPid:\t0" not in open(f"/proc/{lb01.process.pid}/status").read(), 5)
        lb01.host.run(TANDEM, "ctl", "-f", lb01.conf, "-n", "lb01", "failover")
        wait_for(lambda: only(lab, "lb02"), 5)
        for s in (idle, silent):
            with pytest.raises(ConnectionResetError):
                assert s.recv(1000) != b"", "an end, and no reset"
        tracer.terminate()
        tracer.wait()
    assert "connections to its addresses reset" not in lb01.log()


def test_all_that_waits_in_the_socket_is_heard_before_silence_is_believed(lab):
    """The master's adverts may stand behind many others': a backup that could not run for a while reads to the end first."""
    lb01, lb02 = (Tandem(lab, name, vrrp_conf("    version 3\n", advert_int="0.4", p1=255)).start() for name in ("lb01", "lb02"))
    lb01.wait_master()
    sniffer = lab.client.spawn("tcpdump", "-l", "-n", "-i", "eth0", "ip proto 112", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    with InHost("client"), socket.socket(socket.AF_INET, socket.SOCK_RAW, 112) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(lab.client.address))
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        for _ in range(2):
            assert lb01.host.address in sniffer.stdout.readline()
        since = time.monotonic()
        lb02.send(signal.SIGSTOP)
        for _ in range(150):
            s.sendto(advert(vrid=99), ("224.0.0.18", 0))
    sniffer.kill()
    time.sleep(max(0, since + 1.9 - time.monotonic()))  # its timer was to run out after 1.46 s
    lb02.send(signal.SIGCONT)
    time.sleep(1)
    assert lb02.log().count("Entering") == 1 and only(lab, "lb01"), lb02.log()


def test_adverts_of_nearly_a_second_renew_each_time(lab):
    """Multiples of 0.9 s: two that fall into one second would leave 0.2 s of the address's 2 s till the next."""
    node = Tandem(lab, "lb01", vrrp_conf("    version 3\n", advert_int="0.9")).start()
    node.wait_master()
    with InHost("lb01"):
        monitor = subprocess.Popen(["ip", "-ts", "monitor", "address"], stdout=subprocess.PIPE, text=True)
    time.sleep(6)
    monitor.terminate()
    renewals = monitor.communicate(timeout=5)[0].count(f" {VIP}/24")
    assert renewals >= 6, renewals      # one of two would be four


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_the_only_address_of_another_link_or_family_is_no_way_to_the_node(lab, family):
    """What a killed keepalived leaves there for ever goes at the start."""
    vip = "10.9.9.9/24 dev dum0" if family == "ipv4" else "fd09::9/64"
    sh("ip -n lb02 link add dum0 type veth peer name dum1")
    sh("ip -n lb02 link set dum1 up")
    sh("ip -n lb02 link set dum0 up")
    try:
        sh(f"ip -n lb02 addr add {vip}" if family == "ipv4" else f"ip -n lb02 addr add {vip} dev eth0 nodad")
        if family == "ipv6":
            sh("ip -n lb02 addr del 192.168.1.12/24 dev eth0")
        node = Tandem(lab, "lb02", fast().replace(f"virtual_ipaddress {VIP}/24", f"virtual_ipaddress {vip}")).start()
        node.wait_log(" by an earlier run: removed")
    finally:
        sh("ip -n lb02 link del dum0")
        sh("ip -n lb02 addr replace 192.168.1.12/24 dev eth0")
        sh("ip -n lb02 addr del fd09::9/64 dev eth0", check=False)


def test_an_owners_address_from_dhcp_is_not_ours_to_remove(lab):
    sh(f"ip -n lb01 addr add {VIP}/24 dev eth0 valid_lft 3600 preferred_lft 3600")
    try:
        node = Tandem(lab, "lb01", fast("    startup_delay 1\n", p1=255)).start()
        node.wait_log("Entering MASTER STATE")
        assert node.stop() == 0
        assert re.search(r"valid_lft 3[56]\d\dsec", sh(f"ip -n lb01 addr show to {VIP}")), node.log()
    finally:
        sh(f"ip -n lb01 addr del {VIP}/24 dev eth0", check=False)
