# SPDX-License-Identifier: MIT
"""The processes: rights, memory, death and replacement, files and exit codes."""
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import pytest
from lab import PROXY, TANDEM, VIP, Tandem, dial, exchange, sh, vrrp_conf, wait_for

PROXY_ONLY = PROXY.replace("192.168.1.10:80", "192.168.1.11:80")


def status(pid):
    return dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


def rss(pid):
    return int(status(pid)["VmRSS"].split()[0])


def test_the_worker_has_no_rights(pair, lab):
    lb01, _ = pair(vrrp_conf(p1=255) + PROXY)
    worker = status(lb01.worker())
    if os.geteuid() == 0 and pathlib.Path("/proc/self/uid_map").read_text().split()[2] != "1":
        assert set(worker["Uid"].split()) == {"65534"} and set(worker["Gid"].split()) == {"65534"}
        assert worker["Groups"].strip() == ""
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(worker[capabilities], 16) == 0
    assert worker["NoNewPrivs"].strip() == "1" and worker["Seccomp"].strip() == "2"
    # Its root is a directory that has no name any more and nothing in it.
    root = f"/proc/{lb01.worker()}/root"
    assert os.readlink(root) != "/" or not os.path.exists(root + "/etc")
    assert not os.path.exists(root + "/etc") and not os.path.exists(root + "/proc")


def test_both_processes_are_small(pair):
    lb01, _ = pair(vrrp_conf(p1=255) + PROXY)
    time.sleep(2)                       # four checks of each server
    guard, worker = rss(lb01.process.pid), rss(lb01.worker())
    assert guard + worker <= 1024, f"guard {guard} kB, worker {worker} kB"


def test_nothing_is_allocated_after_ready(lab):
    """The whole of it: adverts, addresses, checks that fail and pass, requests with cookies and log lines."""
    node = Tandem(lab, "lb01", vrrp_conf(p1=255) + PROXY.replace("option forwardfor", "log global\n    option httplog\n    option forwardfor"))
    node.conf.write_text(node.conf.read_text().replace("global\n", "global\n    log stderr local0 info\n", 1))
    trace = lab.folder / "trace"
    with open(node.log_path, "a") as log:
        node.process = lab.lb01.spawn("strace", "-f", "-qq", "-s", "100", "-e", "trace=brk,mmap,mremap,write,writev,seccomp,prctl", "-o", trace,
                                      TANDEM, "run", "-n", "lb01", "-f", node.conf, stdout=log, stderr=log)
    node.wait_log("ready", 10)
    node.wait_master()
    lab.health("web01", False)
    seconds = int(os.environ.get("TEST_LOAD_SECONDS", "5"))
    load = lab.client.spawn("wrk", "-t", "1", "-c", "200", "-d", seconds, "-H", "Cookie: SERVERID=web01", f"http://{VIP}/1k",
                            stdout=subprocess.PIPE, text=True)
    node.wait_log("Server web_servers/web01 is DOWN")
    lab.health("web01", True)
    out, _ = load.communicate(timeout=seconds + 30)
    assert int(re.search(r"(\d+) requests in", out).group(1)) > 100, out
    node.wait_log("Server web_servers/web01 is UP")
    lines = trace.read_text().splitlines()
    ready = [i for i, line in enumerate(lines) if "ready: node lb01" in line]
    closed = [i for i, line in enumerate(lines) if "SECCOMP" in line]   # the worker's last act before it serves
    assert len(ready) == 1 and closed
    assert not [line for line in lines[max(ready[0], closed[0]):] if re.search(r"\b(brk|mmap|mremap)\(", line)]
    assert [line for line in lines[:ready[0]] if "mmap(" in line], "the trace shows what it should"


def test_a_killed_worker_is_replaced_and_no_connection_is_refused(lab):
    node = Tandem(lab, "lb01", PROXY_ONLY).start()
    refused, answers, done = [], [], threading.Event()

    def knock():
        while not done.is_set():
            try:
                with dial("192.168.1.11", 80, timeout=5) as s:
                    s.sendall(b"GET /name HTTP/1.0\r\n\r\n")
                    answers.append(s.recv(1000))
            except ConnectionRefusedError as error:
                refused.append(error)
            except OSError:
                answers.append(b"")     # it was with the worker that died
    thread = threading.Thread(target=knock)
    thread.start()
    for _ in range(3):
        old = node.worker()
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: node.children() and node.worker() != old, 5, "another worker")
        before = len(answers)
        wait_for(lambda: len(answers) > before + 20, 5, "answers")
        time.sleep(0.3)
    done.set()
    thread.join()
    assert not refused
    assert len([a for a in answers if not a.startswith(b"HTTP/1.1 200")]) <= 3
    wait_for(lambda: node.log().count("killed by signal 9: it is replaced at once") == 3, 5, "three said")


def test_a_hung_worker_is_replaced(lab):
    node = Tandem(lab, "lb01", PROXY_ONLY).start()
    time.sleep(0.5)
    old = node.worker()
    os.kill(old, signal.SIGSTOP)
    data = exchange("192.168.1.11", 80, b"GET /name HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", timeout=8)
    assert data.startswith(b"HTTP/1.1 200")
    assert node.worker() != old
    node.wait_log("has not completed a turn")
    node.wait_log("because it hung")


def test_a_worker_does_not_outlive_its_guard(lab):
    node = Tandem(lab, "lb01", PROXY_ONLY).start()
    worker = node.worker()
    os.kill(node.process.pid, signal.SIGKILL)
    wait_for(lambda: not os.path.exists(f"/proc/{worker}") or status(worker)["State"].startswith("Z"), 3, "the worker's end")


def test_nor_one_that_is_killed_at_its_start(lab):
    """Between the fork of the worker and its first line is a moment in which nobody looks after it."""
    node = Tandem(lab, "lb01", PROXY_ONLY)
    for ms in range(60):
        guard = lab.lb01.spawn(TANDEM, "run", "-n", "lb01", "-f", node.conf, stderr=subprocess.DEVNULL)
        time.sleep(0.004 + ms % 15 / 1000)
        guard.kill()
        guard.wait()
    wait_for(lambda: ":80 " not in lab.lb01.run("ss", "-ltn"), 3, "the listening socket's end")


def test_a_guard_can_follow_a_killed_one_at_once(lab):
    node = Tandem(lab, "lb01", PROXY_ONLY)
    for _ in range(20):
        node.log_path.write_text("")
        node.start()
        node.process.kill()
        node.process.wait()


def test_standard_streams_that_were_closed_are_no_sockets(lab):
    node = Tandem(lab, "lb01", vrrp_conf(p1=255) + PROXY)
    node.process = lab.lb01.spawn("sh", "-c", f"exec {TANDEM} run -n lb01 -f {node.conf} <&- >&- 2>&-")
    node.wait_master()
    for pid in (node.process.pid, node.worker()):
        for fd in range(3):
            assert os.readlink(f"/proc/{pid}/fd/{fd}") == "/dev/null"


def test_sysctl_lines_are_written_and_reported(lab):
    conf = vrrp_conf(globals="    sysctl net.ipv4.ip_nonlocal_bind 1\n    sysctl net.ipv4.no_such_thing 1\n") + PROXY
    node = Tandem(lab, "lb02", conf).start()
    node.wait_log("sysctl net.ipv4.ip_nonlocal_bind = 1")
    node.wait_log("sysctl net.ipv4.no_such_thing: No such file or directory: it is not set to 1")
    assert lab.lb02.run("cat", "/proc/sys/net/ipv4/ip_nonlocal_bind").strip() == "1"
    lab.lb02.run("sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_nonlocal_bind")


def test_a_read_only_proc_sys_stops_nothing(lab):
    node = Tandem(lab, "lb01", vrrp_conf(p1=255, globals="    sysctl net.ipv4.ip_nonlocal_bind 1\n") + PROXY)
    command = f"mount -o bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec {TANDEM} run -n lb01 -f {node.conf}"
    with open(node.log_path, "a") as log:
        node.process = lab.lb01.spawn("unshare", "-m", "sh", "-c", command, stdout=log, stderr=log)
    node.wait_log("ready")
    node.wait_master()
    assert "sysctl net.ipv4.ip_nonlocal_bind is 0 and not 1: Read-only file system" in node.log()


def test_either_half_alone(lab):
    only_vrrp = Tandem(lab, "lb01", vrrp_conf(p1=255)).start()
    only_vrrp.wait_master()
    assert only_vrrp.children() == []
    only_vrrp.stop()
    node = Tandem(lab, "lb02", PROXY.replace("192.168.1.10:80", "192.168.1.12:8080")).start()
    data = exchange("192.168.1.12", 8080, b"GET /name HTTP/1.0\r\n\r\n")
    assert data.startswith(b"HTTP/1.1 200")
    assert not node.host.holds()


def test_daemon_and_pid_file(lab):
    node = Tandem(lab, "lb01", vrrp_conf(p1=255) + PROXY)
    pid_file = lab.folder / "tandem.pid"
    lab.lb01.run(TANDEM, "run", "-d", "-p", pid_file, "-n", "lb01", "-f", node.conf)
    pid = int(pid_file.read_text())
    try:
        wait_for(lab.lb01.holds, 10, "it is master")
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"), 5, "its end")
    assert not pid_file.exists() and not lab.lb01.holds()


def test_a_daemon_that_cannot_start_says_so(lab):
    node = Tandem(lab, "lb01", PROXY_ONLY)
    said = lab.lb01.run("sh", "-c", f"{TANDEM} run -d -p /none/pid -n lb01 -f {node.conf}; echo code $?")
    assert "cannot write the pid file /none/pid" in said and "code 2" in said
    assert "no 'log' line in global" in said


@pytest.mark.parametrize("conf, code, sentence", [
    ("frontend f\n    bind 192.168.1.99:80\n", 1, "tandem.conf:1"),
    ("vrrp V\n    interface eth0\n    virtual_router_id 51\n    virtual_ipaddress 192.168.1.10/24\n    prority 1\n", 1,
     "tandem.conf:5: unknown keyword 'prority' in vrrp 'V' (did you mean 'priority'?)"),
    (PROXY_ONLY.replace("192.168.1.11:80", "192.168.1.11:22222"), 2, "cannot listen on 192.168.1.11:22222: Address in use"),
], ids=["no_backend", "typo", "busy_port"])
def test_what_is_wrong_is_said_and_changes_nothing(lab, conf, code, sentence):
    busy = lab.lb01.spawn("python3", "-c", "import socket,time; s=socket.socket(); s.bind(('192.168.1.11',22222)); s.listen(); time.sleep(60)")
    wait_for(lambda: "22222" in lab.lb01.run("ss", "-ltn"), 5, "a listener")
    before = sh("ip -n lb01 addr show")
    node = Tandem(lab, "lb01", "global\n    sysctl net.ipv4.ip_nonlocal_bind 1\n" + conf if code == 1 and "vrrp" not in conf else conf)
    done = subprocess.run(["ip", "netns", "exec", "lb01", TANDEM, "run", "-n", "lb01", "-f", node.conf], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10)
    busy.kill()
    assert done.returncode == code, done.stdout
    assert sentence.replace("tandem.conf:1", "tandem.conf:") in done.stdout
    strip = re.compile(r"(valid|preferred)_lft \w+")
    assert strip.sub("", sh("ip -n lb01 addr show")) == strip.sub("", before)
    assert lab.lb01.run("cat", "/proc/sys/net/ipv4/ip_nonlocal_bind").strip() == "0"


def test_signals_that_do_nothing_yet_say_so(lab):
    node = Tandem(lab, "lb01", PROXY_ONLY).start()
    os.kill(node.process.pid, signal.SIGHUP)
    node.wait_log("SIGHUP: this version cannot reload: nothing has changed")
    assert node.process.poll() is None
    assert node.stop(signal.SIGINT) == 0


def test_every_pool_is_full_again_after_load(lab):
    node = Tandem(lab, "lb01", PROXY_ONLY).start()
    for path in ("/1k", "/10m"):
        lab.client.run("wrk", "-t", "2", "-c", "300", "-d", "2", f"http://192.168.1.11{path}", timeout=30)
    lab.client.run("wrk", "-t", "1", "-c", "50", "-d", "1", "-H", "Connection: close", "http://192.168.1.11/name", timeout=30)
    wait_for(lambda: len(os.listdir(f"/proc/{node.worker()}/fd")) <= 10, 10, "only its own descriptors are open")
    assert "died" not in node.log() and "killed" not in node.log()
    data = exchange("192.168.1.11", 80, b"GET /name HTTP/1.0\r\n\r\n")
    assert data.startswith(b"HTTP/1.1 200")
