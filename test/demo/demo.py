# SPDX-License-Identifier: MIT
"""The cluster of `make demo`. Runs inside namespaces that demo.sh has made: what it makes vanishes with its processes."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

VIP = "192.168.1.10"
NODES = {"lb01": 11, "lb02": 12, "web01": 21, "web02": 22, "client": 100}
TANDEM = os.path.abspath("build/tandem")
SKEW = (256 - 90) / 256                 # of lb02, priority 90, adverts every second
MASTER_DOWN = 3 + SKEW
MARGIN = 0.3

start = time.monotonic()
processes = []


def say(text):
    print(f"{time.monotonic() - start:7.2f} s  {text}", flush=True)


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def spawn(node, *command, **options):
    # Each of these words execs the next; what runs on a node dies with the demo, however that ends.
    command = ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", node, *command]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
    processes.append(process)
    return process


def lay_out():
    """A switch, and five hosts with an eth0 on it."""
    run("mount", "-t", "tmpfs", "none", "/run")
    os.makedirs("/run/netns")
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "br0", "type", "bridge")
    run("ip", "link", "set", "br0", "up")
    for name, number in NODES.items():
        run("ip", "netns", "add", name)
        run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", name, "master", "br0", "up")
        run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", name, "addr", "add", f"192.168.1.{number}/24", "dev", "eth0")
        run("ip", "-n", name, "link", "set", "eth0", "up")


NGINX = """user root root; daemon off; master_process off; pid {d}/{n}.pid; error_log {d}/{n}.err;
events {{ worker_connections 512; }}
http {{ access_log off; client_body_temp_path {d}/{n}.b; proxy_temp_path {d}/{n}.p; fastcgi_temp_path {d}/{n}.f;
 uwsgi_temp_path {d}/{n}.u; scgi_temp_path {d}/{n}.s;
 server {{ listen {a}:80; location / {{ return 200 "{n}\\n"; }} }} }}
"""
PYTHON_SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = (sys.argv[2] + "\\n").encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *arguments): pass
http.server.ThreadingHTTPServer((sys.argv[1], 80), Handler).serve_forever()
"""


def start_web_servers(folder):
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    for name in ("web01", "web02"):
        address = f"192.168.1.{NODES[name]}"
        if nginx:
            path = f"{folder}/{name}.conf"
            with open(path, "w") as file:
                file.write(NGINX.format(d=folder, n=name, a=address))
            spawn(name, nginx, "-p", folder, "-c", path, stderr=subprocess.DEVNULL)
        else:
            spawn(name, sys.executable, "-c", PYTHON_SERVER, address, name)
    return "nginx" if nginx else "python3's http.server (nginx is not installed)"


class Node:
    def __init__(self, name, conf, folder):
        self.name, self.conf, self.log = name, conf, f"{folder}/{name}.log"
        self.guard = None

    def start(self):
        with open(self.log, "a") as log:
            self.guard = spawn(self.name, TANDEM, "run", "-n", self.name, "-f", self.conf, stdout=log, stderr=log)

    def pids(self):
        guard = self.guard.pid
        try:
            with open(f"/proc/{guard}/task/{guard}/children") as file:
                return [guard, *map(int, file.read().split())]
        except OSError:
            return [guard]

    def send(self, number):
        for pid in self.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def holds_vip(self):
        return f" {VIP}/" in run("ip", "-n", self.name, "-4", "-o", "addr", "show", "dev", "eth0")


class Client:
    """Reads what client.py says: when it was answered, and by whom."""

    def __init__(self):
        self.lock = threading.Lock()
        self.answers, self.failures = [], 0
        process = spawn("client", sys.executable, "test/demo/client.py", VIP, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.read, args=(process.stdout,), daemon=True).start()

    def read(self, lines):
        for line in lines:
            when, what = line.split()
            with self.lock:
                if what.startswith("!"):
                    self.failures += 1
                else:
                    self.answers.append((float(when), what))

    def servers(self, since=0.0):
        with self.lock:
            return sorted({who for when, who in self.answers if when >= since})

    def longest_gap(self, since):
        with self.lock:
            times = [since] + [t for t, _ in self.answers if t >= since] + [time.monotonic()]
        return max(later - earlier for earlier, later in zip(times, times[1:]))

    def answered(self):
        with self.lock:
            return len(self.answers)


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


FAULTS = [
    ("stopped (SIGTERM)", signal.SIGTERM, SKEW + MARGIN, "the skew time"),
    ("killed (SIGKILL)", signal.SIGKILL, MASTER_DOWN + MARGIN, "Master_Down_Interval"),
    ("frozen (SIGSTOP, guard and worker)", signal.SIGSTOP, MASTER_DOWN + MARGIN, "Master_Down_Interval"),
]


def break_and_mend(master, backup, client, fault):
    name, number, limit, bound = fault
    problems = []

    def wrong(text):
        problems.append(text)
        say(f"WRONG: {text}")

    since = time.monotonic()
    say(f"{master.name} is {name}")
    if number == signal.SIGTERM:
        os.kill(master.guard.pid, number)
    else:
        master.send(number)
    taken = wait_for(backup.holds_vip, limit + 5)
    if taken:
        say(f"{backup.name} is master and holds {VIP}")
    else:
        wrong(f"{backup.name} did not become master")
    # One that stops lets go when it hears its successor; a dead one cannot, so there the first look counts.
    if number == signal.SIGTERM:
        wait_for(lambda: not master.holds_vip(), 1)
    if master.holds_vip():
        wrong(f"{VIP} is still on {master.name}, which is {name}")
    else:
        say(f"{VIP} is no longer on {master.name}")
    wait_for(lambda: client.longest_gap(time.monotonic() - 0.1) < 0.1, 2)
    gap = client.longest_gap(since)
    say(f"the longest gap the client saw: {gap:.2f} s (limit {limit:.2f} s: {bound} and {MARGIN} s);"
        f" its session is on {', '.join(client.servers(since)) or 'no server'}")
    if gap > limit:
        wrong(f"the gap of {gap:.2f} s is longer than {limit:.2f} s")
    since = time.monotonic()
    if number == signal.SIGSTOP:
        say(f"{master.name} goes on (SIGCONT)")
        master.send(signal.SIGCONT)
    else:
        master.guard.wait()
        say(f"{master.name} starts again")
        master.start()
    if wait_for(lambda: master.holds_vip() and not backup.holds_vip(), 15):
        time.sleep(0.3)
        say(f"{master.name} has the higher priority and is master again; the longest gap: {client.longest_gap(since):.2f} s")
    else:
        wrong(f"{master.name} did not become master again, or {backup.name} kept {VIP}")
    if len(client.servers()) != 1:
        wrong(f"the session moved between servers: {', '.join(client.servers())}")
    return problems


def keep_up(nodes):
    node = nodes[0]
    pid = node.guard.pid
    enter = f"nsenter -t {os.getpid()} -m" if os.environ.get("DEMO_ROOT") else f"nsenter -t {os.getpid()} -U --preserve-credentials -m"
    print(f"""
The cluster stays up until Ctrl-C here, or: kill {os.getpid()}
From another terminal, as this user:
  {enter} ip netns exec client curl -i http://{VIP}/
                      ask the floating address, as the client does
  {enter} ip -n lb01 addr show eth0
                      is {VIP} on lb01? (likewise lb02)
  {enter} ip netns exec lb02 sh
                      a shell on lb02 (likewise lb01, web01, web02, client)
  kill -9 {pid}       kill the master; grep Entering {nodes[1].log} shows that the other one took over
  {TANDEM} status -f {node.conf} -n {node.name}
                      what it is doing
  {enter} ip netns exec {node.name} {TANDEM} run -n {node.name} -f {node.conf}
                      start it again""", flush=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        say("ended")


def main():
    folder = tempfile.mkdtemp(prefix="tandem-demo-")
    os.chmod(folder, 0o755)
    problems = []
    try:
        lay_out()
        with open("cfg/tandem.conf") as sample, open(f"{folder}/tandem.conf", "w") as conf:
            # Both nodes have one file system here: each gets a socket of its own.
            sockets = "\n    ".join(f"@{name} stats socket {folder}/{name}.sock mode 600" for name in ("lb01", "lb02"))
            conf.write(sample.read().replace("log /dev/log ", "log stderr ")
                       .replace("stats socket /run/tandem.sock mode 600", sockets))
        say("a switch, lb01 192.168.1.11, lb02 192.168.1.12, web01 .21, web02 .22, and a client: network namespaces of this machine")
        say(f"web01 and web02 serve with {start_web_servers(folder)}")
        nodes = [Node(name, f"{folder}/tandem.conf", folder) for name in ("lb01", "lb02")]
        for node in nodes:
            node.start()
        say("tandem runs on lb01 and lb02 with one file: cfg/tandem.conf (its log goes to files here)")
        if not wait_for(lambda: nodes[0].holds_vip() and not nodes[1].holds_vip(), 15):
            with open(nodes[0].log) as log:
                print(log.read())
            raise SystemExit("demo: lb01 did not become master")
        say(f"lb01 is master and holds {VIP}")
        client = Client()
        if not wait_for(lambda: client.answered() > 20, 10):
            raise SystemExit("demo: the client gets no answers")
        say(f"the client asks 100 times a second, with a cookie; {client.servers()[0]} answers")
        time.sleep(1)
        for fault in FAULTS:
            problems += [p for p in break_and_mend(*nodes, client, fault) if p not in problems]
        say(f"{client.answered()} answers, {client.failures} failed requests; the session was on {', '.join(client.servers())}")
        if problems:
            say(f"the demo failed: {'; '.join(problems)}")
        else:
            say("the session stayed on its server, and no address stayed on a dead node")
        if os.environ.get("KEEP"):
            keep_up(nodes)
        return 1 if problems else 0
    except KeyboardInterrupt:
        say("ended")
        return 130
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
sys.exit(main())
