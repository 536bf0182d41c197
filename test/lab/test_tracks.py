# SPDX-License-Identifier: MIT
"""What a router follows: links, scripts, files, pings, backends, the worker; and the scripts that are told of a change."""
import os
import re
import signal
import subprocess
import time

import pytest
from lab import InHost, Tandem, VIP, sh, wait_for

# A small interval, so that a takeover is a matter of tenths of a second.
ROUTER = """
vrrp VI_1
    interface eth0
    virtual_router_id 51
    version 3
    advert_int {interval}
    @lb01 priority 100
    @lb02 priority 90
    virtual_ipaddress 192.168.1.10/24
{lines}
"""


def conf(lines="", sections="", interval="0.1", globals=""):
    head = f"global\n{globals}\n" if globals else ""
    return head + ROUTER.format(interval=interval, lines="\n".join("    " + line for line in lines.splitlines())) + sections


def script(lab, name, text, mode=0o755):
    path = lab.folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return path


@pytest.fixture
def shared(lab):
    """A folder where nobody may write, new for each test."""
    folder = lab.folder / f"shared{time.monotonic_ns()}"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


def only(lab, name, vip=VIP):
    other = "lb02" if name == "lb01" else "lb01"
    return lab.hosts[name].holds(vip) and not lab.hosts[other].holds(vip)


def both(lab, text):
    nodes = [Tandem(lab, name, text).start() for name in ("lb01", "lb02")]
    wait_for(lambda: only(lab, "lb01"), 5, f"lb01 holds it:\n{nodes[0].log()}")
    return nodes


def moves_and_returns(lab, nodes, fail, heal, seconds=6):
    fail()
    wait_for(lambda: only(lab, "lb02"), seconds, f"it moves:\n{nodes[0].log()}\n{nodes[1].log()}")
    heal()
    wait_for(lambda: only(lab, "lb01"), seconds, f"it returns:\n{nodes[0].log()}\n{nodes[1].log()}")


# ---- each kind ----

@pytest.mark.parametrize("weight, sentence", [
    ("", "track_script alive has failed"), ("weight -20", "effective priority from 100 to 80"),
    ("weight 20", "effective priority from 120 to 100"),
], ids=["fault", "minus", "plus"])
def test_a_script(lab, shared, weight, sentence):
    path = script(lab, "alive.sh", f"[ ! -e {shared}/sick ]")
    text = conf(f"@lb01 track_script alive {weight}", f"vrrp_script alive\n    script {path}\n    interval 0.2\n")
    nodes = both(lab, text.replace("priority 90", "priority 110") if weight == "weight 20" else text)
    moves_and_returns(lab, nodes, (shared / "sick").touch, (shared / "sick").unlink)
    nodes[0].wait_log(sentence)
    nodes[0].wait_log("script alive: failed: exit code 1")
    nodes[0].wait_log("script alive: good again")


def test_rise_and_fall_of_a_script(lab, shared):
    path = script(lab, "counted.sh", f"echo x >>{shared}/runs; [ ! -e {shared}/sick ]")
    node = Tandem(lab, "lb01", conf("track_script c", f"vrrp_script c\n    script {path}\n    interval 0.2\n"
                                    "    fall 4\n    rise 3\n")).start()
    node.wait_master()
    runs = lambda: (shared / "runs").read_text().count("x")
    (shared / "sick").touch()
    before = runs()
    node.wait_log("script c: failed")
    assert 4 <= runs() - before <= 6
    (shared / "sick").unlink()
    before = runs()
    node.wait_log("script c: good again")
    assert 3 <= runs() - before <= 5


def test_a_file(lab, shared):
    number = shared / "number"
    nodes = both(lab, conf("@lb01 track_file n weight 1", f"vrrp_track_file n\n    file {number}\n"))

    def put(text):
        (shared / "new").write_text(text)
        os.rename(shared / "new", number)
    moves_and_returns(lab, nodes, lambda: put("-20\n"), lambda: put("0\n"))
    nodes[0].wait_log("effective priority from 100 to 80")
    # -254 is a fault, keepalived says; what is no number is 0, and so is what is no file.
    moves_and_returns(lab, nodes, lambda: put("-254"), lambda: put("garbage"))
    nodes[0].wait_log("track_file n has failed")
    put("-15 and more")
    nodes[0].wait_log("effective priority from 100 to 85")
    wait_for(lambda: only(lab, "lb02"), 5, "it moves")
    number.unlink()
    os.mkfifo(number)                   # nobody writes: whoever opens it as usual hangs
    wait_for(lambda: only(lab, "lb01"), 5, "a pipe is 0")


def extra_link(lab):
    """A second cable between the two nodes."""
    sh("ip link add x01 type veth peer name x02", check=False)
    for n in ("1", "2"):
        sh(f"ip link set x0{n} netns lb0{n} name eth1")
        sh(f"ip -n lb0{n} addr add 10.9.9.{n}/24 dev eth1")
        sh(f"ip -n lb0{n} link set eth1 up")


@pytest.fixture
def second(lab):
    extra_link(lab)
    try:
        yield
    finally:
        lab.lb01.kill_all()
        lab.lb02.kill_all()
        sh("ip -n lb01 link del eth1", check=False)


@pytest.mark.parametrize("weight", ["", "weight -20"], ids=["fault", "weight"])
def test_an_interface(lab, second, weight):
    nodes = both(lab, conf(f"@lb01 track_interface eth1 {weight}"))
    moves_and_returns(lab, nodes, lambda: sh("ip -n lb01 link set eth1 down"), lambda: sh("ip -n lb01 link set eth1 up"))
    nodes[0].wait_log("effective priority from 100 to 80" if weight else "track_interface eth1 has failed")


def test_an_interface_that_is_not_there_yet(lab):
    node = Tandem(lab, "lb01", conf("track_interface eth7")).start()
    node.wait_log("track_interface eth7 has failed")
    sh("ip -n lb01 link add eth7 type bridge")
    sh("ip -n lb01 link set eth7 up")
    try:
        node.wait_master()
    finally:
        sh("ip -n lb01 link del eth7", check=False)
    wait_for(lambda: not lab.lb01.holds(), 5, "it is a fault again")


def test_a_short_outage_within_down_delay_is_none(lab, second):
    node = Tandem(lab, "lb01", conf("track_interface eth1 weight -20 down_delay 2")).start()
    node.wait_master()
    sh("ip -n lb01 link set eth1 down")
    time.sleep(0.5)
    sh("ip -n lb01 link set eth1 up")
    time.sleep(2)
    assert "effective priority" not in node.log()
    since = time.monotonic()
    sh("ip -n lb01 link set eth1 down")
    node.wait_log("effective priority from 100 to 80")
    assert time.monotonic() - since > 1.8


@pytest.mark.parametrize("family", ["IPv4", "IPv6"])
def test_a_ping(lab, family):
    witness = lab.client.address
    if family == "IPv6":
        witness = "fd00::100"
        for host, last in (("lb01", 11), ("lb02", 12), ("client", 100)):
            sh(f"ip -n {host} -6 addr add fd00::{last}/64 dev eth0 nodad", check=False)
    nodes = both(lab, conf(f"track_ping {witness} weight -20 interval 0.2 timeout 0.1 fall 2 rise 2"))
    table = "inet w"

    def cut():
        word, source = ("ip", lab.lb01.address) if family == "IPv4" else ("ip6", "fd00::11")
        lab.client.run("nft", "add", "table", *table.split())
        lab.client.run("nft", "add", "chain", *table.split(), "c", "{ type filter hook input priority 0 ; }")
        lab.client.run("nft", "add", "rule", *table.split(), "c", word, "saddr", source, "drop")
    try:
        moves_and_returns(lab, nodes, cut, lambda: lab.client.run("nft", "delete", "table", *table.split()))
        nodes[0].wait_log(f"ping {witness}: failed: no answer")
        assert "effective priority" not in nodes[1].log()
    finally:
        lab.client.run("nft", "delete", "table", *table.split(), check=False)


def test_no_route_to_the_witness_is_a_failure(lab):
    node = Tandem(lab, "lb01", conf("track_ping 203.0.113.9 interval 0.2 fall 2")).start()
    node.wait_log("track_ping 203.0.113.9 has failed")
    assert re.search("ping 203.0.113.9: failed: .*(unreachable|No route)", node.log(), re.I)
    assert not lab.lb01.holds()


def test_nothing_is_decided_before_a_script_has_run(lab, shared):
    path = script(lab, "slow.sh", f"sleep 1.5; date >>{shared}/ran")
    node = Tandem(lab, "lb01", conf("track_script slow", f"vrrp_script slow\n    script {path}\n    interval 5\n")).start()
    time.sleep(1)
    assert "STATE" not in node.log(), node.log()        # neither in nor out
    node.wait_master(5)
    assert "FAULT" not in node.log()
    assert (shared / "ran").exists()


def test_init_fail(lab):
    path = script(lab, "slow.sh", "sleep 0.7")
    node = Tandem(lab, "lb01", conf("track_script slow", f"vrrp_script slow\n    script {path}\n    interval 5\n"
                                    "    init_fail\n")).start()
    node.wait_log("FAULT")
    node.wait_master(5)


# ---- how programs are run ----

def test_a_script_that_hangs_is_killed_with_what_it_has_started(lab, shared):
    path = script(lab, "hang.sh", f"echo run >>{shared}/runs\nsleep 777 & echo $! >>{shared}/pids\nwait")
    node = Tandem(lab, "lb01", conf("track_script hang weight -5", f"vrrp_script hang\n    script {path}\n    interval 0.5\n"
                                    "    timeout 0.4\n")).start()
    node.wait_log("script hang: failed: it took too long and was killed")
    node.wait_master()
    wait_for(lambda: (shared / "runs").read_text().count("run") >= 4, 5, "it is tried again")
    time.sleep(0.6)
    pids = [int(p) for p in (shared / "pids").read_text().split()]
    alive = [p for p in pids if os.path.exists(f"/proc/{p}") and "sleep" in open(f"/proc/{p}/cmdline").read()]
    assert len(alive) <= 1, "only the one of the run that may be going on"
    assert len(node.children()) <= 1
    # Nothing is left when tandem ends.
    assert node.stop() == 0
    time.sleep(0.1)
    assert not [p for p in pids if os.path.exists(f"/proc/{p}") and "sleep" in open(f"/proc/{p}/cmdline").read()]


SELF = """exec 2>/dev/null
for d in /proc/self/fd/*; do :; done
id >{f}/id.new
ls -l /proc/self/fd >{f}/fd.new
env >{f}/env.new
cat /proc/self/status >{f}/status.new
echo "$0 $@" >{f}/argv.new
for n in id fd env status argv; do mv {f}/$n.new {f}/$n; done"""


@pytest.mark.skipif(os.getuid() != 0, reason="in a user namespace there is only one user")
@pytest.mark.parametrize("how", ["script", "notify"])
def test_what_a_program_is_given(lab, shared, how):
    path = script(lab, "self.sh", SELF.format(f=shared))
    line, section = (f"notify_master {path} a", "") if how == "notify" else \
        ("track_script s", f"vrrp_script s\n    script {path} a\n    interval 60\n")
    Tandem(lab, "lb01", conf(line, section)).start()
    wait_for((shared / "argv").exists, 5, "it has run")
    assert "uid=65534(nobody)" in (shared / "id").read_text()
    assert "groups=65534(nogroup)\n" in (shared / "id").read_text()
    descriptors = re.findall(r" (\d+) -> (.*)", (shared / "fd").read_text())
    # ls's own: 1 is the file here, 3 the directory.
    assert {n for n, _ in descriptors} <= {"0", "1", "2", "3"}
    assert dict(descriptors)["0"] == "/dev/null"
    status = (shared / "status").read_text()
    assert re.search(r"^SigBlk:\s+0+$", status, re.M), status
    # Numbers 32 and 33 are the C libraries' own.
    assert int(re.search(r"^SigIgn:\s+(\w+)$", status, re.M)[1], 16) & 0x7fffffff == 0, status
    assert re.search(r"^CapEff:\s+0+$", status, re.M)
    assert (shared / "argv").read_text() == f"{path} a\n"


@pytest.mark.skipif(os.getuid() != 0, reason="in a user namespace there is only one user")
def test_other_users(lab, shared):
    os.chmod("/run", 0o755)             # the test's own, and until now everybody may write there
    path = script(lab, "who.sh", f"id -un >{shared}/$1")
    sections = f"vrrp_script s\n    script {path} script\n    user root\n"
    Tandem(lab, "lb01", conf(f"track_script s\nnotify_master {path} notify", sections, globals="    script_user daemon")).start()
    for name, user in (("script", "root"), ("notify", "daemon")):
        wait_for(lambda: (shared / name).exists() and (shared / name).read_text() == user + "\n", 5, name)


@pytest.mark.skipif(os.getuid() != 0, reason="in a user namespace there is only one user")
def test_what_others_can_write_is_not_run_as_root(lab, shared):
    os.chmod("/run", 0o755)
    path = shared / "evil.sh"
    path.write_text(f"#!/bin/sh\ntouch {shared}/ran\n")
    path.chmod(0o755)
    node = Tandem(lab, "lb01", conf("track_script s weight -9", f"vrrp_script s\n    script {path}\n    user root\n")).start()
    node.wait_log("evil.sh is not run as root: others than root can change it, or a directory above it")
    node.wait_log("script s: failed: exit code 126")
    node.stop()
    # A link that only root can change leads there all the same.
    link = lab.folder / "link.sh"
    link.symlink_to(path)
    node = Tandem(lab, "lb01", conf("track_script s weight -9", f"vrrp_script s\n    script {link}\n    user root\n")).start()
    node.wait_log("link.sh is not run as root")
    node.wait_log("script s: failed: exit code 126")
    assert not (shared / "ran").exists()
    node.stop()
    link.unlink()
    safe = script(lab, "safe.sh", f"touch {shared}/ran")
    link.symlink_to(safe)
    Tandem(lab, "lb01", conf("track_script s weight -9", f"vrrp_script s\n    script {link}\n    user root\n")).start()
    wait_for((shared / "ran").exists, 5)


def test_a_program_that_is_not_there(lab):
    node = Tandem(lab, "lb01", conf("track_script s weight -9\nnotify /nowhere/notify",
                                    "vrrp_script s\n    script /nowhere/script\n")).start()
    node.wait_log("/nowhere/script cannot be run: No such file or directory")
    node.wait_log("script s: failed: exit code 127")
    node.wait_log("the notify script for MASTER: exit code 127")
    assert lab.lb01.holds()


def test_adverts_are_on_time_while_scripts_run(lab, shared):
    heavy = script(lab, "heavy.sh", "i=0; while [ $i -lt 40 ]; do /bin/true; i=$((i+1)); done; sleep 0.4")
    sections = "".join(f"vrrp_script s{n}\n    script {heavy}\n    interval 1\n" for n in range(6))
    lines = "\n".join(f"track_script s{n} weight -1" for n in range(6)) + f"\nnotify {heavy}"
    text = conf(lines, sections, interval="0.1")
    nodes = both(lab, text)
    with InHost("client"):
        dump = subprocess.Popen(["tcpdump", "-i", "eth0", "-n", "-tt", "-l", "ip proto 112"], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True)
    time.sleep(5)
    dump.terminate()
    times = [float(line.split()[0]) for line in dump.communicate(timeout=5)[0].splitlines() if lab.lb01.address in line]
    gaps = [b - a for a, b in zip(times, times[1:])]
    print(f"adverts every 100 ms: {len(gaps)}, longest gap {max(gaps) * 1000:.1f} ms")
    assert len(gaps) > 40
    assert max(gaps) < 0.3              # three intervals, the bound of the protocol, and less than a script takes
    assert "MASTER" not in nodes[1].log()


# ---- who is told ----

def test_notify_says_what_keepalived_says(lab, shared):
    record = script(lab, "record.sh", f'echo "$@" >>{shared}/$1')
    keepalived = f"""
global_defs {{
    script_user root
}}
vrrp_sync_group G {{
    group {{ VI_1 }}
    notify "{record} TOOL group"
    notify_master "{record} TOOL group-master"
}}
vrrp_instance VI_1 {{
    interface eth0
    virtual_router_id 51
    version 3
    advert_int 0.1
    priority 100
    virtual_ipaddress {{ 192.168.1.10/24 }}
    notify "{record} TOOL any"
    notify_master "{record} TOOL master"
    notify_backup "{record} TOOL backup"
    notify_fault "{record} TOOL fault"
    notify_stop "{record} TOOL stop"
}}
"""
    ours = conf(f"""notify {record} tandem any
notify_master {record} tandem master
notify_backup "{record} tandem backup"
notify_fault {record} tandem fault
notify_stop {record} tandem stop""", f"""vrrp_sync_group G
    group VI_1
    notify {record} tandem group
    notify_master {record} tandem group-master
""")
    path = lab.folder / "notify.keepalived.conf"
    path.write_text(keepalived.replace("TOOL", "keepalived"))

    def scene(stop):
        wait_for(lab.lb01.holds, 10, "master")
        time.sleep(0.5)
        lab.link("lb01", "down")
        wait_for(lambda: not lab.lb01.holds(), 10, "fault")
        time.sleep(0.5)
        lab.link("lb01", "up")
        wait_for(lab.lb01.holds, 10, "master again")
        time.sleep(0.5)
        stop()
        time.sleep(0.5)
    process = lab.lb01.spawn("keepalived", "-n", "-P", "-f", path, "-p", shared / "k.pid", "-r", shared / "v.pid",
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    scene(lambda: (process.terminate(), process.wait(10)))
    node = Tandem(lab, "lb01", ours).start()
    scene(node.stop)

    def told(tool):
        lines = [line.split(maxsplit=1)[1] for line in (shared / tool).read_text().splitlines()]
        return [line for line in lines if not line.startswith("group")], [line for line in lines if line.startswith("group")]
    instance, group = told("tandem")
    assert instance == ["backup", "any INSTANCE VI_1 BACKUP 100", "master", "any INSTANCE VI_1 MASTER 100",
                        "fault", "any INSTANCE VI_1 FAULT 100", "backup", "any INSTANCE VI_1 BACKUP 100",
                        "master", "any INSTANCE VI_1 MASTER 100", "stop", "any INSTANCE VI_1 STOP 100"]
    reference, reference_group = told("keepalived")
    assert sorted(set(instance)) == sorted(set(reference))
    assert set(reference_group) <= set(group)


def test_the_last_state_is_always_told_and_in_order(lab, shared):
    path = script(lab, "slow.sh", f"sleep 0.4; echo $3 >>{shared}/told")
    node = Tandem(lab, "lb01", conf(f"notify {path}\ntrack_file f", f"vrrp_track_file f\n    file {shared}/n\n")).start()
    node.wait_master()
    for n in range(4):
        lab.link("lb01", "down")
        time.sleep(0.15)
        lab.link("lb01", "up")
        time.sleep(0.15)
    lab.link("lb01", "down")
    wait_for(lambda: re.findall(r"Entering (\w+) STATE", node.log())[-1] == "FAULT", 5, "fault")
    assert not lab.lb01.holds()
    try:
        wait_for(lambda: (shared / "told").read_text().split()[-1] == "FAULT" and not node.children(), 10, "the last is told")
    finally:
        lab.link("lb01", "up")
    told = (shared / "told").read_text().split()
    all_states = iter(re.findall(r"Entering (\w+) STATE", node.log()))
    assert all(any(t == s for s in all_states) for t in told), "in the order in which they came"
    assert all(a != b for a, b in zip(told, told[1:]))


def test_a_notify_script_that_hangs_delays_nothing(lab, shared):
    path = script(lab, "hang.sh", f"echo $3 >>{shared}/told; exec sleep 30")
    node = Tandem(lab, "lb01", conf(f"notify {path}")).start()
    node.wait_master()
    since = time.monotonic()
    os.kill(node.process.pid, signal.SIGTERM)
    wait_for(lambda: not lab.lb01.holds(), 2, "the address goes at once")
    assert node.process.wait(15) == 0
    assert time.monotonic() - since < 14


# ---- groups ----

@pytest.fixture
def groups(lab, shared, second):
    text = "".join(f"""
vrrp VI_{n}
    interface {interface}
    virtual_router_id {50 + n}
    version 3
    advert_int 0.1
    @lb01 priority 100
    @lb02 priority 90
    virtual_ipaddress {address}
    {line}
""" for n, interface, address, line in ((1, "eth0", f"{VIP}/24", ""), (2, "eth1", "10.9.9.9/24", "@lb01 track_file n"))) + f"""
vrrp_sync_group G
    group VI_1
    group VI_2
vrrp_track_file n
    file {shared}/n
    weight 0
"""
    nodes = [Tandem(lab, name, text).start() for name in ("lb01", "lb02")]
    wait_for(lambda: only(lab, "lb01") and "(VI_2) Entering MASTER" in nodes[0].log(), 5, nodes[0].log())
    return nodes


def test_members_of_a_group_share_a_fault(lab, shared, groups):
    moves_and_returns(lab, groups, lambda: (shared / "n").write_text("1"), lambda: (shared / "n").write_text("0"))
    groups[0].wait_log("(VI_1) Entering FAULT STATE (another member of sync group G is in FAULT)")


def state(node, router):
    return re.findall(rf"\({router}\) Entering (\w+) STATE", node.log())[-1]


def test_a_link_that_is_cut_in_part_does_not_tear_a_group_apart(lab, groups):
    """One member hears no adverts, the other does: nobody moves, as in keepalived. When the master dies both move at once."""
    lb01, lb02 = groups
    path = lab.folder / "cut.nft"
    # The guard hears below netfilter; what it sends passes the output hook.
    path.write_text("table inet c {\n chain o {\n type filter hook output priority 0;\n oifname eth1 ip protocol 112 drop\n"
                    "}\n}\n")
    lab.lb01.run("nft", "-f", path)
    time.sleep(2)                       # five times Master_Down_Interval
    assert only(lab, "lb01")
    assert [state(lb01, r) for r in ("VI_1", "VI_2")] == ["MASTER"] * 2
    assert [state(lb02, r) for r in ("VI_1", "VI_2")] == ["BACKUP"] * 2
    lb01.send(signal.SIGKILL)
    wait_for(lambda: [state(lb02, r) for r in ("VI_1", "VI_2")] == ["MASTER"] * 2, 3, lb02.log())
    lab.lb01.run("nft", "delete", "table", "inet", "c")
    lb01.start()
    wait_for(lambda: [state(n, r) for n in (lb01, lb02) for r in ("VI_1", "VI_2")] == ["MASTER"] * 2 + ["BACKUP"] * 2, 5,
             f"it heals:\n{lb01.log()}\n{lb02.log()}")
    assert lb02.log().count("MASTER") == 2
