# SPDX-License-Identifier: MIT
"""Two nodes, two web servers and a client in network namespaces, and the programs that run there."""
import ctypes
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TANDEM = str(ROOT / "build" / "tandem")
VIP = "192.168.1.10"
HOSTS = {"lb01": 11, "lb02": 12, "web01": 21, "web02": 22, "client": 100}
SKEW = {100: 156 / 256, 90: 166 / 256}           # seconds, at adverts every second
MASTER_DOWN = {priority: 3 + skew for priority, skew in SKEW.items()}
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000

# Each of these words execs the next, so the process that is started keeps its number.
DIES_WITH_US = ["setpriv", "--pdeathsig", "KILL"]

_libc = ctypes.CDLL(None, use_errno=True)


def _unshare(flags):
    if _libc.unshare(flags) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def enter_namespaces():
    """This process and its children leave for a network and a /run of their own: all that a test makes goes with them.
    So any number of runs fit side by side, and nothing is left behind, however a run ends."""
    uid, gid = os.getuid(), os.getgid()
    if uid != 0:
        _unshare(CLONE_NEWUSER)
        pathlib.Path("/proc/self/setgroups").write_text("deny")
        pathlib.Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        pathlib.Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    _unshare(CLONE_NEWNS | CLONE_NEWNET)
    sh("mount --make-rprivate /")
    sh("mount -t tmpfs none /run")
    os.makedirs("/run/netns")
    os.makedirs("/run/lab", mode=0o755)
    sh("ip link set lo up")


def sh(command, check=True, told=""):
    done = subprocess.run(command if isinstance(command, list) else command.split(), input=told,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    if check and done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stdout}")
    return done.stdout


def wait_for(condition, seconds, what="it"):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.02)


class Host:
    def __init__(self, name):
        self.name, self.address = name, f"192.168.1.{HOSTS[name]}"
        self.processes, self.ran = [], False
        with InHost(name):
            self.netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.netlink_lock = threading.Lock()

    def run(self, *command, check=True, timeout=60):
        done = subprocess.run(["ip", "netns", "exec", self.name, *map(str, command)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
        if check and done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stdout.decode(errors='replace')}")
        return done.stdout.decode(errors="replace")

    def spawn(self, *command, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        self.ran = True
        process = subprocess.Popen([*DIES_WITH_US, "ip", "netns", "exec", self.name, *map(str, command)], **options)
        self.processes.append(process)
        return process

    def addresses(self, device="eth0"):
        """{address: valid lifetime in seconds}."""
        found = json.loads(sh(f"ip -n {self.name} -j addr show dev {device}"))
        return {a["local"]: a.get("valid_life_time") for link in found for a in link.get("addr_info", [])}

    def leave_nothing(self):
        """Who was killed leaves its macvlans behind, which answer ARP for all addresses, what it set for them, and nftables rules."""
        for link in json.loads(sh(f"ip -n {self.name} -j -d link show type macvlan")):
            if link:
                sh(f"ip -n {self.name} link del {link['ifname']}")
        self.run("nft", "flush", "ruleset", check=False)
        with InHost(self.name):
            pathlib.Path("/proc/sys/net/ipv4/conf/eth0/arp_ignore").write_text("0")

    def give_addresses(self):
        """Its own ones, and no others."""
        number = HOSTS[self.name]
        sh(f"ip -n {self.name} -batch -", told=f"link set eth0 up\naddr flush dev eth0\naddr add {self.address}/24 brd + dev eth0\n"
           f"addr add fe80::{number}/64 dev eth0 nodad\naddr add fd00::{number}/64 dev eth0 nodad\n")

    def holds(self, vip=VIP):
        """Asks the kernel itself: an `ip` for each look would take the time in which an address moves."""
        family = socket.AF_INET6 if ":" in vip else socket.AF_INET
        packed = socket.inet_pton(family, vip)
        dump = struct.pack("=IHHIIBBBBI", 24, 22, 0x301, 1, 0, family, 0, 0, 0, 0)              # RTM_GETADDR
        local = struct.pack("=HH", 4 + len(packed), 1) + packed                                 # IFA_ADDRESS
        with self.netlink_lock:
            self.netlink.send(dump)
            found = False
            while True:
                part = self.netlink.recv(65536)
                found = found or local in part
                while part:
                    length, kind = struct.unpack_from("=IH", part)
                    if kind in (2, 3):                                                          # NLMSG_ERROR, NLMSG_DONE
                        return found
                    part = part[(length + 3) & ~3:]

    def kill_all(self):
        """What was started here, and what that has started."""
        for pid in sh(f"ip netns pids {self.name}", check=False).split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except (ProcessLookupError, ValueError):
                pass
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()


class Lab:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        os.chmod(folder, 0o755)
        sh("ip link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
        sh("ip link set br0 up")
        for table in ("iptables", "ip6tables"):         # a switch looks into no IP header
            sh(f"sysctl -qw net.bridge.bridge-nf-call-{table}=0", check=False)
        self.hosts = {}
        for name, number in HOSTS.items():
            sh(f"ip netns add {name}")
            mac = f"02:00:00:00:00:{number:02x}"
            sh(f"ip link add {name} type veth peer name eth0 address {mac} netns {name}")
            sh(f"ip link set {name} master br0 up")
            host = self.hosts[name] = Host(name)
            sh(f"ip -n {name} link set lo up")
            sh(f"ip -n {name} link set eth0 addrgenmode none")
            host.give_addresses()

    def __getattr__(self, name):
        return self.hosts[name]

    def link(self, name, state):
        """The cable at the switch."""
        sh(f"ip link set {name} {state}")

    def clean(self):
        """Back to a switch and five hosts that run nothing but their web servers."""
        names = ("lb01", "lb02", "client")
        sh("ip -batch -", told="".join(f"link set {name} up\n" for name in names))
        for name in names:
            self.hosts[name].kill_all()
            self.hosts[name].leave_nothing()
            self.hosts[name].give_addresses()
            self.hosts[name].ran = False

    def is_clean(self):
        """Nothing was started since the last clean()."""
        return not any(self.hosts[name].ran for name in ("lb01", "lb02", "client"))

    def close(self):
        for host in self.hosts.values():
            host.kill_all()
        for name in self.hosts:
            sh(f"ip netns del {name}", check=False)
        sh("ip link del br0", check=False)

    def start_web_servers(self):
        for name in ("web01", "web02"):
            host = self.hosts[name]
            path = self.folder / f"{name}.conf"
            path.write_text(NGINX.format(d=self.folder, n=name, a=host.address))
            nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
            host.spawn(nginx, "-p", self.folder, "-c", path, stderr=subprocess.DEVNULL)
        for name, size in (("1k", 1024), ("10m", 10 * 1024 * 1024)):
            (self.folder / name).write_bytes(os.urandom(size))
        for name in ("web01", "web02"):
            wait_for(lambda: "200" in self.client.run("curl", "-s", "-o", "/dev/null", "-m", "1", "-w", "%{http_code}",
                                                      f"http://{self.hosts[name].address}/name", check=False), 10, name)

    def health(self, name, good):
        """What the web server says of itself."""
        bad = self.folder / f"{name}.sick"
        bad.unlink(missing_ok=True) if good else bad.write_text("")


# Without a master process and with root as its user it changes no ids, which a user namespace would forbid.
NGINX = """user root root; daemon off; master_process off; pid {d}/{n}.pid; error_log {d}/{n}.err;
events {{ worker_connections 2048; }}
http {{ access_log {d}/{n}.access; client_max_body_size 100m; keepalive_requests 1000000;
 client_body_temp_path {d}/{n}.b; proxy_temp_path {d}/{n}.p; fastcgi_temp_path {d}/{n}.f;
 uwsgi_temp_path {d}/{n}.u; scgi_temp_path {d}/{n}.s;
 log_format c '$connection $request';
 server {{ listen {a}:80 backlog=1024; root {d}; access_log {d}/{n}.access c;
  location = / {{ return 200 "{n}\\n"; }}
  location = /name {{ return 200 "{n}\\n"; }}
  location = /health {{ if (-f {d}/{n}.sick) {{ return 503; }} return 200 "ok\\n"; }}
  location = /headers {{ return 200 "host=$host xff=$http_x_forwarded_for cookie=$http_cookie via=$server_protocol\\n"; }}
  location /put/ {{ client_body_in_file_only on; return 200 "$content_length\\n"; }}
 }} }}
"""

BOTH = """
global
    maxconn 256
    user nobody
{globals}
vrrp VI_1
    interface eth0
    virtual_router_id 51
    @lb01 priority {p1}
    @lb02 priority {p2}
    advert_int {advert_int}
    virtual_ipaddress 192.168.1.10/24
{vrrp}
"""
UNICAST = """
    @lb01 unicast_src_ip 192.168.1.11
    @lb01 unicast_peer 192.168.1.12
    @lb02 unicast_src_ip 192.168.1.12
    @lb02 unicast_peer 192.168.1.11
"""
PROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    option forwardfor
frontend web_front
    bind 192.168.1.10:80
    default_backend web_servers
backend web_servers
    balance roundrobin
    option httpchk GET /health
    http-check expect status 200
    default-server inter 500ms fall 3 rise 2
    cookie SERVERID insert indirect nocache
    server web01 192.168.1.21:80 check cookie web01
    server web02 192.168.1.22:80 check cookie web02
"""


def vrrp_conf(vrrp="    auth_pass s3cret", advert_int="1", p1=100, p2=90, globals=""):
    return BOTH.format(vrrp=vrrp, advert_int=advert_int, p1=p1, p2=p2, globals=globals)


class Tandem:
    """tandem on a host."""

    def __init__(self, lab, name, conf, arguments=()):
        self.lab, self.host, self.name = lab, lab.hosts[name], name
        self.conf = lab.folder / f"{name}.tandem.conf"
        self.conf.write_text(conf)
        self.log_path = lab.folder / f"{name}.tandem.log"
        self.log_path.write_text("")
        self.arguments = arguments
        self.process = None

    def start(self):
        with open(self.log_path, "a") as log:
            self.process = self.host.spawn(TANDEM, "run", "-n", self.name, "-f", self.conf, *self.arguments, stdout=log,
                                           stderr=log)
        wait_for(lambda: "ready" in self.log() or self.process.poll() is not None, 10, "ready")
        assert self.process.poll() is None, self.log()
        return self

    def log(self):
        return self.log_path.read_text(errors="replace")

    def children(self):
        pid = self.process.pid
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def worker(self):
        return wait_for(self.children, 5, "a worker")[0]

    def send(self, number, everybody=True):
        for pid in [self.process.pid, *(self.children() if everybody else [])]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def stop(self, number=signal.SIGTERM):
        os.kill(self.process.pid, number)
        return self.process.wait(10)

    def wait_log(self, text, seconds=10):
        try:
            wait_for(lambda: text in self.log(), seconds)
        except AssertionError:
            raise AssertionError(f"waited {seconds} s in vain: {text!r} in the log of {self.name}:\n{self.log()}") from None

    def wait_master(self, seconds=10):
        wait_for(self.host.holds, seconds, f"{self.name} is master:\n{self.log()}")


class Sampler:
    """Looks at both nodes every 5 ms: who holds the address, and when."""

    def __init__(self, lab, vip=VIP):
        self.lab, self.vip, self.samples, self.done = lab, vip, [], False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.done:
            holders = tuple(n for n in ("lb01", "lb02") if self.lab.hosts[n].holds(self.vip))
            self.samples.append((time.monotonic(), holders))
            time.sleep(0.005)

    def stop(self):
        self.done = True
        self.thread.join()

    def two_holders(self, since=0, until=float("inf")):
        """The longest time in seconds for which both held it, as far as looks at two moments can tell: two in one look alone may
        be a change between its halves, and count as nothing."""
        longest, begin = 0, None
        for when, holders in self.samples:
            if len(holders) < 2 or not since <= when <= until:
                begin = None
            else:
                begin = when if begin is None else begin
                longest = max(longest, when - begin)
        return longest

    def never_two(self):
        return self.two_holders() == 0


class Client:
    """A browser that asks all the time (test/demo/client.py)."""

    def __init__(self, lab, address=VIP):
        self.answers, self.failures, self.lock = [], [], threading.Lock()
        self.process = lab.client.spawn(sys.executable, ROOT / "test/demo/client.py", address, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.read, daemon=True).start()
        wait_for(lambda: len(self.answers) > 10, 10, "answers for the client")

    def read(self):
        for line in self.process.stdout:
            when, what = line.split()
            with self.lock:
                (self.failures if what.startswith("!") else self.answers).append((float(when), what))

    def gap(self, since):
        with self.lock:
            times = [since] + [t for t, _ in self.answers if t >= since] + [time.monotonic()]
        return max(b - a for a, b in zip(times, times[1:]))

    def servers(self, since=0):
        with self.lock:
            return {who for t, who in self.answers if t >= since}

    def wait_answer(self, seconds):
        now = time.monotonic()
        wait_for(lambda: self.answers and self.answers[-1][0] > now, seconds, "an answer for the client")


class InHost:
    """with InHost("client"): sockets of this thread are made in that host's network."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        assert _libc.setns(there, CLONE_NEWNET) == 0
        os.close(there)

    def __exit__(self, *_):
        assert _libc.setns(self.home, CLONE_NEWNET) == 0
        os.close(self.home)


def dial(address, port, host="client", timeout=10):
    with InHost(host):
        return socket.create_connection((address, port), timeout=timeout)


def listen(address, port, host):
    with InHost(host):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, port))
        s.listen(64)
        return s


class Server:
    """Listens from listen_at() to close(); each connection is served in a thread of its own: serve(connection, its number)."""

    def listen_at(self, address, port, host):
        self.accepted = 0
        self.socket = listen(address, port, host)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self.serve, args=(connection, self.accepted), daemon=True).start()

    def close(self):
        if self.socket.fileno() != -1:
            self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()


class ScriptedServer(Server):
    """A server that does just what the test says: script(connection, number of the connection) for each connection."""

    ports = iter(range(8100, 20000))

    def __init__(self, lab, script, host="web01"):
        port = next(self.ports)
        self.script, self.received = script, []
        self.address = f"{lab.hosts[host].address}:{port}"
        self.listen_at(lab.hosts[host].address, port, host)

    def serve(self, connection, number):
        connection.settimeout(20)
        try:
            self.script(connection, number)
        except OSError:
            pass
        finally:
            connection.close()

    def head(self, connection):
        """Reads up to the end of a request's head; returns it, and what came behind it."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                raise OSError("ended")
            data += more
        head, rest = data.split(b"\r\n\r\n", 1)
        self.received.append(head + b"\r\n\r\n")
        return head, rest


def rest_of(s):
    """What comes until the other side closes, and how it ended if not so."""
    data = b""
    try:
        while True:
            more = s.recv(65536)
            if not more:
                return data
            data += more
    except ConnectionResetError:
        return data + b"<RESET>"
    except socket.timeout:
        return data + b"<TIMEOUT>"


def exchange(address, port, request, host="client", timeout=10, shut=False):
    """Sends bytes, returns all that comes back until the other side closes."""
    with dial(address, port, host, timeout) as s:
        s.sendall(request)
        if shut:
            s.shutdown(socket.SHUT_WR)
        return rest_of(s)


def one_response(data):
    """Status, headers (lower case), body of the first response in data."""
    class Fake:
        def __init__(self, data):
            self.data = data

        def makefile(self, *_):
            import io
            return io.BytesIO(self.data)
    response = http.client.HTTPResponse(Fake(data))
    response.begin()
    return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
