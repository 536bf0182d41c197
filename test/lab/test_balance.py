# SPDX-License-Identifier: MIT
"""Which server a client gets, how long it waits for one, and what becomes of servers that fail: tandem, and the same lines in
Debian's HAProxy."""
import collections
import os
import pathlib
import re
import signal
import socket
import threading
import time

import pytest
from lab import TANDEM, InHost, Tandem, dial, one_response, sh, wait_for
from test_proxy import LB, NGINX, conf, exchange, get, proxy, scripted  # noqa: F401

OURS, THEIRS = 80, 81


def command(path, text):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(path)
        s.sendall(text.encode() + b"\n")
        data = b""
        while more := s.recv(4096):
            data += more
        return data.decode().strip()


class Twins:
    """tandem on port 80 and HAProxy on port 81 of the same node, with the same lines, and what each of them logs."""

    def __init__(self, lab, servers, defaults="", **options):
        self.logs, self.lab = {}, lab
        text = conf(servers, **options).replace("defaults\n", f"defaults\n{defaults}\n")
        for port, number in ((OURS, 5516), (THEIRS, 5517)):
            with InHost("lb01"):
                self.logs[port] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.logs[port].bind(("127.0.0.1", number))
        node = Tandem(lab, "lb01", text.replace("log stderr", "log 127.0.0.1:5516").replace("user nobody", "user nobody\n    stats socket /run/lab/tandem.sock"))
        self.process = node.host.spawn(TANDEM, "run", "-n", "lb01", "-f", node.conf)
        path = pathlib.Path(lab.folder) / "haproxy.cfg"
        path.write_text(text.replace(f"{LB}:80", f"{LB}:81").replace("user nobody", "stats socket /run/lab/haproxy.sock level admin")
                        .replace("log stderr", "log 127.0.0.1:5517"))
        lab.lb01.spawn("haproxy", "-db", "-f", path, stderr=-3)
        wait_for(lambda: all(f"11:{p} " in lab.lb01.run("ss", "-ltn") for p in (OURS, THEIRS)), 5, "both")

    def line(self, port, pattern, seconds=5):
        """The next line with it: the match."""
        self.logs[port].settimeout(seconds)
        while True:
            text = self.logs[port].recv(4096).decode()
            if re.search(pattern, text):
                return re.search(pattern, text)

    def queued(self, port, count):
        """Until so many sessions wait."""
        def now():
            if port == OURS:
                return int(re.search(r"now \((\d+) in queues", command("/run/lab/tandem.sock", "show status")).group(1))
            rows = [line.split(",") for line in command("/run/lab/haproxy.sock", "show stat").splitlines()]
            return sum(int(row[2]) for row in rows if row[0] == "back" and row[1] != "FRONTEND")
        wait_for(lambda: now() == count, 5, f"{count} sessions in queues of {port}")

    def forget(self, port):
        """What is in the socket, which holds only so much."""
        self.logs[port].settimeout(0)
        try:
            while True:
                self.logs[port].recv(4096)
        except BlockingIOError:
            pass

    def session(self, port):
        """Of the next session that is logged: server, times (N: some), status, termination, retries, queues."""
        m = self.line(port, r"\] \S+ \S+/(\S+) (\S+) (-?\d+) \d+ - - (\S{4}) \d+/\d+/\d+/\d+/(\+?\d+) (\d+/\d+)")
        times = "/".join("-1" if t == "-1" else "N" for t in m.group(2).split("/"))
        return m.group(1), times, m.group(3), m.group(4), m.group(5), m.group(6)

    def close(self):
        for log in self.logs.values():
            log.close()


@pytest.fixture
def twins(lab):
    made = []

    def start(*arguments, **options):
        made.append(Twins(lab, *arguments, **options))
        return made[-1]
    yield start
    for each in made:
        each.close()


class Held:
    """Servers that answer a request when they are told to, with their own number; requests in the order in which they came."""

    def __init__(self, scripted, count=1):
        self.waiting, self.lock = [], threading.Lock()
        self.servers = [scripted(lambda connection, _, i=i: self.serve(connection, i)) for i in range(count)]
        self.addresses = [s.address for s in self.servers]

    def serve(self, connection, i):
        while True:
            head, _ = self.servers[i].head(connection)
            go = threading.Event()
            with self.lock:
                self.waiting.append((i + 1, head.split()[1].decode(), go))
            go.wait(20)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % (i + 1))

    def wait(self, *paths):
        """Until just these requests are there."""
        wait_for(lambda: sorted(p for _, p, _ in self.waiting) == sorted(paths), 5, f"{paths}, not {self.waiting}")

    def release(self, path):
        with self.lock:
            _, _, go = next(w for w in self.waiting if w[1] == path)
            self.waiting = [w for w in self.waiting if w[1] != path]
        go.set()


def ask(port, path, headers=""):
    s = dial(LB, port)
    s.sendall(get(path, headers + "Connection: close\r\n"))
    return s


def answer(s):
    data = b""
    while True:
        more = s.recv(65536)
        if not more:
            return one_response(data) if data else (0, {}, b"")
        data += more


def same(of):
    """What both do; the test is then about that."""
    ours, theirs = of(OURS), of(THEIRS)
    assert ours == theirs
    return ours
# ---- connections to servers ----

def test_connections_that_we_close_leave_no_port_waiting(lab, proxy):  # noqa: F811
    """TIME_WAIT on our side would use up all ports towards a server within seconds of load."""
    def waiting():
        return set(lab.lb01.run("ss", "-Htan", "state", "time-wait", "dst", "192.168.1.21:80").splitlines())
    before = waiting()                  # what other tests' programs have left
    proxy(NGINX[:1])
    for _ in range(100):                # each leaves an idle connection, of which there are at most 84
        assert exchange(LB, 80, get("/name", "Connection: close\r\n")).endswith(b"web01\n")
    assert waiting() <= before


# ---- queues ----

def test_who_waits_longest_is_served_first(twins, scripted):  # noqa: F811
    held = Held(scripted)
    pair = twins([held.addresses[0] + " maxconn 1 cookie s1"], backend="    cookie C insert indirect\n    timeout queue 5s")

    def of(port):
        first = ask(port, "/a")
        held.wait("/a")
        clients = {"/a": first}
        for path, cookie in (("/b", ""), ("/c", "Cookie: C=s1\r\n"), ("/d", "")):    # for any server, for this one, for any
            clients[path] = ask(port, path, cookie)
            pair.queued(port, len(clients) - 1)
            time.sleep(0.1)                             # HAProxy 2.6 gets stuck when they come at the same time
        seen = []
        for path in "/a", "/b", "/c", "/d":
            held.wait(path)                             # and no other
            held.release(path)
            status, _, body = answer(clients.pop(path))
            seen.append((status, body, *pair.session(port)))
        return seen
    assert [s[-1] for s in same(of)] == ["0/0", "0/1", "1/0", "0/2"]


def test_who_waits_too_long_is_told(twins, scripted):  # noqa: F811
    held = Held(scripted)
    pair = twins([held.addresses[0] + " maxconn 1 cookie s1"], backend="    cookie C insert indirect\n    timeout queue 300ms")

    def of(port):
        first, seen = ask(port, "/a"), []
        held.wait("/a")
        for cookie in "", "Cookie: C=s1\r\n":
            began = time.monotonic()
            status, _, _ = answer(ask(port, "/b", cookie))
            assert time.monotonic() - began > 0.25
            seen.append((status, *pair.session(port)))
        held.release("/a")
        answer(first)
        return seen, pair.session(port)
    seen, _ = same(of)
    assert [s[0] for s in seen] == [503, 503] and [s[4][:2] for s in seen] == ["sQ", "sQ"]


def test_clients_that_leave_the_queue(twins, scripted):  # noqa: F811
    held = Held(scripted)
    # In a backend alone it has no effect in HAProxy 2.6, whose client side then does not look.
    pair = twins([held.addresses[0] + " maxconn 1"], backend="    timeout queue 5s", defaults="    option abortonclose")

    def of(port):
        first, seen = ask(port, "/a"), []
        held.wait("/a")
        gone = ask(port, "/b")
        pair.queued(port, 1)
        last = ask(port, "/c")
        pair.queued(port, 2)
        gone.shutdown(socket.SHUT_WR)
        seen.append((answer(gone)[0], *pair.session(port)))
        first.close()                                   # the place is free, although the server has not answered
        seen.append(pair.session(port))
        held.wait("/a", "/c")
        held.release("/a")
        held.release("/c")
        seen.append((answer(last)[0], *pair.session(port)))
        return seen
    seen = same(of)
    assert seen[0][4][:2] == "CQ" and seen[1][3][:2] == "CH"


def test_clients_that_leave_while_their_server_is_called(twins):
    """There is no such machine, so the connection is neither taken nor refused."""
    pair = twins(["192.168.1.250:80"], defaults="    option abortonclose")

    def of(port):
        gone = ask(port, "/")
        time.sleep(0.1)                                 # else it may be gone before its request is read
        gone.shutdown(socket.SHUT_WR)
        return answer(gone)[0], pair.session(port)
    assert same(of)[1][3][:2] == "CC"


def one_served_one_waiting(pair, held, port):
    first = ask(port, "/a", "Cookie: C=s1\r\n")
    held.wait("/a")
    second = ask(port, "/b", "Cookie: C=s1\r\n")
    pair.queued(port, 1)
    return [first, second]


def test_a_full_queue_sends_clients_elsewhere(twins, scripted):  # noqa: F811
    held = Held(scripted, 2)
    lines = [f"{a} maxconn 1 maxqueue 1 cookie s{i}" for i, a in enumerate(held.addresses, 1)]
    pair = twins(lines, backend="    cookie C insert indirect\n    option redispatch\n    timeout queue 5s")

    def of(port):
        clients = one_served_one_waiting(pair, held, port)
        clients.append(ask(port, "/c", "Cookie: C=s1\r\n"))
        held.wait("/a", "/c")                           # one at s1, one waits there, one goes to s2
        seen = []
        for path, client in ("/c", clients[2]), ("/a", clients[0]), ("/b", clients[1]):
            held.wait(*{"/c": ["/a", "/c"], "/a": ["/a"], "/b": ["/b"]}[path])
            held.release(path)
            seen.append((*answer(client)[::2], *pair.session(port)))
        return seen
    assert [s[1] for s in same(of)] == [b"2", b"1", b"1"]


@pytest.mark.parametrize("how", ["    cookie C insert indirect", "    balance hdr(Cookie)\n    hash-type consistent\n    option redispatch"])
def test_a_full_queue_is_the_end_without_redispatch(twins, scripted, how):  # noqa: F811
    """Or by hash, which would lead there again."""
    held = Held(scripted, 2)
    lines = [f"{a} maxconn 1 maxqueue 1 {'cookie' if 'cookie' in how else '# no cookie'} s{i}" for i, a in enumerate(held.addresses, 1)]
    pair = twins(lines, backend=how + "\n    timeout queue 5s")

    def of(port):
        clients = one_served_one_waiting(pair, held, port)
        status, _, _ = answer(ask(port, "/c", "Cookie: C=s1\r\n"))
        lost = pair.session(port)
        for path, client in zip(("/a", "/b"), clients):
            held.wait(path)
            held.release(path)
            answer(client)
        return status, lost, pair.session(port), pair.session(port)
    assert same(of)[0] == 503


# ---- servers that fail, as real traffic sees them ----

@pytest.mark.parametrize("what", ["on-error mark-down", "on-error fail-check fall 1", "on-error sudden-death fall 9 fastinter 100ms",
                                  "on-error fastinter fall 1 fastinter 100ms"])
def test_errors_that_clients_see_take_a_server_down(twins, scripted, what):  # noqa: F811
    """The server answers checks until it was asked for /bad; checks are rare, unless errors hasten them."""
    sick = threading.Event()

    def serve(connection, _):
        while True:
            path = server.head(connection)[0].split()[1]
            if path == b"/bad":
                sick.set()
            status = b"500 No" if path == b"/bad" or (path == b"/health" and sick.is_set()) else b"200 OK"
            connection.sendall(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % status)
    server = scripted(serve)
    pair = twins([f"{server.address} check inter 20s observe layer7 error-limit 3 {what}"], backend="    option httpchk GET /health")

    def of(port):
        sick.clear()
        statuses = [one_response(exchange(LB, port, get(path, "Connection: close\r\n")))[0]
                    for path in ("/good", "/bad", "/bad", "/good", "/bad", "/bad", "/bad")]
        why = pair.line(port, r"Server back/s1 is DOWN, reason: (\w+ \w+(?: \w+)?(?:, info: \"Detected.*?\")?)[.,].* 0 active").group(1)
        return statuses, why, one_response(exchange(LB, port, get("/good", "Connection: close\r\n")))[0]
    assert same(of)[1:] == ("Health analyze, info: \"Detected 3 consecutive errors, last one was: Wrong http response\""
                            if "fastinter" not in what else "Layer7 wrong status", 503)


def test_connections_that_are_refused_take_a_server_down(twins):
    """Its checks go elsewhere, and are good."""
    pair = twins(["192.168.1.21:9 check addr 192.168.1.21 port 80 inter 20s observe layer4 error-limit 3 on-error mark-down"],
                 backend="    retries 2\n    timeout connect 200ms")

    def of(port):
        status = one_response(exchange(LB, port, get("/", "Connection: close\r\n")))[0]
        return status, pair.line(port, r"is DOWN, reason: (Health.*connection.)").group(1), pair.session(port)
    assert same(of)[1] == "Health analyze, info: \"Detected 3 consecutive errors, last one was: L4 unsuccessful connection\""


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_sessions_end_with_their_server(lab, twins, scripted, mode):  # noqa: F811
    """on-marked-down shutdown-sessions: one that waits for its answer, one in the middle of it; and those of the others go on."""
    def serve(connection, _):
        path = server.head(connection)[0].split()[1]
        if path == b"/half":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        time.sleep(8)
    server = scripted(serve)
    pair = twins([f"{server.address} check addr 192.168.1.21 port 80 inter 200ms fall 1 on-marked-down shutdown-sessions"],
                 backend="    option httpchk GET /health", mode=mode, log=f"{mode}log")

    def of(port):
        server.received.clear()
        half, none = ask(port, "/half"), ask(port, "/none")
        assert half.recv(1000)
        wait_for(lambda: len(server.received) == 2, 5, "both requests at the server")
        lab.health("web01", False)
        ends = []
        for s in half, none:
            data = b""
            try:
                while True:
                    more = s.recv(4096)
                    if not more:
                        break
                    data += more
            except ConnectionResetError:
                data += b"<RESET>"
            ends.append(data.split(b"\r\n")[0])
        # Which of the three lines is the first is for HAProxy's threads to say.
        marks = [pair.line(port, r"is DOWN|back/s1 \d\S+ .* (D\S{1,3}) \d+/\d+").group(1) for _ in "abc"]
        marks = sorted(mark for mark in marks if mark)
        pair.line(OURS + THEIRS - port, "is DOWN")
        lab.health("web01", True)
        for each in OURS, THEIRS:
            pair.line(each, "is UP")
        return ends, marks
    (our_ends, our_marks), (their_ends, their_marks) = of(OURS), of(THEIRS)
    assert our_marks == their_marks == (["DD--", "DH--"] if mode == "http" else ["D-", "D-"])
    # What is incomplete ends with a reset: HAProxy's proper end is told from a whole answer by its length alone.
    assert our_ends[0] == b"<RESET>" and their_ends[0] == b"" and (our_ends[1] == their_ends[1] or mode == "tcp")


# ---- who gets a client ----

def shares(port, n=24, path="/name", headers=lambda i: "", host="client"):
    """{server: how many of n} of the web servers."""
    got = collections.Counter()
    for i in range(n):
        data = exchange(LB, port, get(path.format(i), headers(i) + "Connection: close\r\n"), host=host)
        got[one_response(data)[2].decode().strip()] += 1
    return dict(got)


@pytest.mark.parametrize("balance, weights", [("roundrobin", (3, 1)), ("static-rr", (3, 1)), ("static-rr", (1, 2)), ("leastconn", (1, 1)),
                                              ("first", (1, 1)), ("roundrobin", (1, 0))])
def test_shares_are_haproxys(twins, balance, weights):
    twins([f"{a} weight {w}" for a, w in zip(NGINX, weights)], backend=f"    balance {balance}")
    same(shares)


def test_backups_are_haproxys(lab, twins):
    """One alone, or all; and back."""
    for option in "", "    option allbackups\n":
        pair = twins(["192.168.1.21:9 check inter 200ms fall 1"] + [a + " backup" for a in NGINX], backend=option)
        for port in OURS, THEIRS:
            assert pair.line(port, r"Server back/s1 is DOWN.*(0 active.*)\d+ sessions active").group(1) \
                == "0 active and 2 backup servers left. Running on backup. "
        assert same(shares) == ({"web01": 12, "web02": 12} if option else {"web01": 24})
        pair.close()
        lab.clean()


def test_least_loaded_and_first_with_room(twins, scripted):  # noqa: F811
    """Sessions that stay: leastconn spreads them by weight, first fills one server after the other."""
    held = Held(scripted, 3)
    for balance, weights, expected in ("leastconn", (1, 1, 2), [2, 2, 4]), ("first", (1, 1, 1), [3, 3, 2]):
        pair = twins([f"{a} weight {w} maxconn {3 if balance == 'first' else 10}" for a, w in zip(held.addresses, weights)],
                     backend=f"    balance {balance}")

        def of(port):
            clients = []
            for i in range(8):
                clients.append(ask(port, f"/{i}"))
                held.wait(*[f"/{n}" for n in range(i + 1)])
            has = collections.Counter(s for s, _, _ in held.waiting)
            for i, client in enumerate(clients):
                held.release(f"/{i}")
                assert answer(client)[0] == 200
            return [has[i] for i in (1, 2, 3)]
        assert same(of) == expected
        pair.lab.clean()
        pair.close()


@pytest.mark.parametrize("balance, request_of", [
    ("source", lambda i: ("/name", "")), ("uri", lambda i: (f"/name{i}", "")), ("url_param id", lambda i: (f"/?a=b&id={i}", "")),
    ("hdr(X-User)", lambda i: ("/", f"X-User: {i}\r\n"))])
def test_both_nodes_choose_alike_and_a_failure_moves_no_others(lab, scripted, balance, request_of):  # noqa: F811
    servers = [scripted(serve_number(i)) for i in range(3)]
    lines = [f"{s.address} check inter 200ms fall 1" for s in servers]
    clients = [f"192.168.1.{n}" for n in range(200, 212)] if balance == "source" else [None] * 24
    for a in clients:
        if a:
            lab.client.run("ip", "addr", "add", f"{a}/24", "dev", "eth0")
    # The other node has the lines in another order.
    nodes = {}
    for name, order in ("lb01", (0, 1, 2)), ("lb02", (2, 0, 1)):
        text = conf([], backend=f"    balance {balance}\n" + "".join(f"    server s{i} {lines[i]}\n" for i in order))
        nodes[name] = Tandem(lab, name, text.replace("192.168.1.11", lab.hosts[name].address)).start()

    def map_of(name):
        found = []
        for i, source in enumerate(clients):
            with InHost("client"):
                s = socket.socket()
            s.settimeout(10)
            if source:
                s.bind((source, 0))
            s.connect((lab.hosts[name].address, 80))
            path, headers = request_of(i)
            s.sendall(get(path, headers + "Connection: close\r\n"))
            found.append(answer(s)[2].decode())
            s.close()
        return found
    before = map_of("lb01")
    assert before == map_of("lb02") and len(set(before)) == 3
    servers[1].close()
    for node in nodes.values():
        node.wait_log("Server back/s1 is DOWN")
    after = map_of("lb01")
    assert after == map_of("lb02") and "1" not in after
    assert [a for a, b in zip(after, before) if b != "1"] == [b for b in before if b != "1"]


def serve_number(i):
    def script(connection, _):
        while True:
            data = b""
            while b"\r\n\r\n" not in data:
                more = connection.recv(65536)
                if not more:
                    return
                data += more
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % i)
    return script


@pytest.mark.parametrize("reuse", ["never", "safe", "aggressive", "always"])
def test_idle_connections_are_used_as_in_haproxy(twins, scripted, reuse):  # noqa: F811
    """Two clients with two requests each, one after the other, then one with one: on how many connections."""
    numbers = []

    def serve(connection, number):
        while True:
            server.head(connection)
            numbers.append(number)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    server = scripted(serve)
    twins([server.address], backend=f"    http-reuse {reuse}")

    def of(port):
        numbers.clear()
        for requests in 2, 2, 1:
            with dial(LB, port) as s:
                for _ in range(requests):
                    s.sendall(get())
                    data = b""
                    while not data.endswith(b"ok"):
                        data += s.recv(4096)
                s.shutdown(socket.SHUT_WR)
                assert s.recv(1) == b""         # the session has ended; the next one may be another thread's of HAProxy
            time.sleep(0.02)
        return [n - numbers[0] for n in numbers]
    assert same(of) == {"never": [0, 0, 1, 1, 2], "safe": [0, 0, 1, 1, 2], "aggressive": [0, 0, 0, 0, 0], "always": [0, 0, 0, 0, 0]}[reuse]


@pytest.mark.parametrize("option, where, expected", [
    ("http-server-close", "backend", (2, [0, 1], True, False)), ("http-server-close", "frontend", (2, [0, 1], True, False)),
    ("httpclose", "backend", (2, [0, 1], True, False)), ("httpclose", "frontend", (1, [0], True, True)),
    ("http-keep-alive", "backend", (2, [0, 0], False, False))])
def test_connections_are_closed_as_in_haproxy(twins, scripted, option, where, expected):  # noqa: F811
    """How many of two requests are answered, on which connections to the server, and whom is told that they end."""
    heads = []

    def serve(connection, number):
        while True:
            head, _ = server.head(connection)
            heads.append((number, b"connection: close" in head.lower()))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    server = scripted(serve)
    twins([server.address], **{where: f"    option {option}"})

    def of(port):
        heads.clear()
        with dial(LB, port) as s:
            s.sendall(get() + get())
            s.settimeout(1)
            data = b""
            try:
                while data.count(b"ok") < 2:
                    more = s.recv(4096)
                    if not more:
                        break
                    data += more
            except socket.timeout:
                pass
        told = {close for _, close in heads}
        assert len(told) == 1
        return data.count(b"200 OK"), [n - heads[0][0] for n, _ in heads], *told, b"connection: close" in data.lower()
    assert same(of) == expected


def test_a_server_that_comes_back_starts_slowly(lab, twins):
    pair = twins([f"{NGINX[0]} check inter 200ms fall 1 rise 1 slowstart 20s", NGINX[1]], backend="    option httpchk GET /health")
    for port in OURS, THEIRS:
        assert shares(port, 10) == {"web01": 5, "web02": 5}     # not at the start
    lab.health("web01", False)
    for port in OURS, THEIRS:
        pair.line(port, "is DOWN")
    lab.health("web01", True)
    for port in OURS, THEIRS:
        pair.line(port, "is UP")
        assert shares(port, 17).get("web01", 0) <= 3            # a 16th at first


def test_sessions_of_a_backup_end_when_a_better_server_comes_up(lab, twins, scripted):  # noqa: F811
    held = Held(scripted)
    lab.health("web01", False)
    pair = twins([f"{NGINX[0]} check inter 200ms fall 1 rise 1 on-marked-up shutdown-backup-sessions", held.addresses[0] + " backup"],
                 backend="    option httpchk GET /health")
    for each in OURS, THEIRS:
        pair.line(each, "s1 is DOWN")
    clients = {port: ask(port, f"/{port}") for port in (OURS, THEIRS)}
    held.wait(f"/{OURS}", f"/{THEIRS}")
    lab.health("web01", True)

    def of(port):
        status, _, _ = answer(clients[port])
        pair.line(port, "s1 is UP")
        return status, pair.session(port)
    assert same(of)[1][3] == "UH--"


def test_connections_wait_in_mode_tcp(twins, scripted):  # noqa: F811
    """A server with one place: who waits too long is closed, the next one is served when it is free."""
    def echo(connection, _):
        while data := connection.recv(100):
            connection.sendall(data)
    server = scripted(echo)
    pair = twins([server.address + " maxconn 1"], mode="tcp", log="tcplog", backend="    timeout queue 1s")

    def of(port):
        def line():
            m = pair.line(port, r"back/(\S+) (\S+) (\d+) (\S\S) \d+/\d+/\d+/\d+/(\d+ \d+/\d+)")
            return m.group(1), ["-1" if t == "-1" else "N" for t in m.group(2).split("/")], *m.groups()[2:]
        first = dial(LB, port)
        first.sendall(b"one")
        assert first.recv(100) == b"one"
        late = dial(LB, port)
        assert late.recv(100) == b""
        seen = [line()]
        second = dial(LB, port)
        second.sendall(b"two")
        pair.queued(port, 1)
        first.close()
        assert second.recv(100) == b"two"
        second.close()
        return seen + [line(), line()]
    assert [s[3] for s in same(of)] == ["sQ", "--", "--"]


def test_who_waits_for_a_server_that_fails_goes_elsewhere(lab, twins, scripted):  # noqa: F811
    held = Held(scripted, 2)
    pair = twins([f"{held.addresses[0]} check addr 192.168.1.21 port 80 inter 200ms fall 1 maxconn 1 cookie s1", f"{held.addresses[1]} cookie s2"],
                 backend="    option httpchk GET /health\n    cookie C insert indirect\n    option redispatch\n    timeout queue 5s")

    def of(port):
        first = ask(port, "/a", "Cookie: C=s1\r\n")
        held.wait("/a")
        second = ask(port, "/b", "Cookie: C=s1\r\n")
        pair.queued(port, 1)
        lab.health("web01", False)
        held.wait("/a", "/b")
        seen = pair.line(port, r"is DOWN.*(\d sessions active, \d requeued, \d remaining in queue)").group(1)
        held.release("/b")
        at = answer(second)[2], pair.session(port)
        held.release("/a")
        at += answer(first)[2], pair.session(port)
        pair.line(OURS + THEIRS - port, "is DOWN")
        lab.health("web01", True)
        for each in OURS, THEIRS:
            pair.line(each, "is UP")
        return seen, at
    assert same(of)[0] == "1 sessions active, 1 requeued, 0 remaining in queue"


def test_a_server_may_start_down(lab, proxy):  # noqa: F811
    """init-state is of a later HAProxy than the one here."""
    node = proxy([f"{NGINX[0]} check inter 700ms rise 2 init-state fully-down"])
    assert one_response(exchange(LB, 80, get("/name", "Connection: close\r\n")))[0] == 503
    node.wait_log("Server back/s1 is UP")
    assert exchange(LB, 80, get("/name", "Connection: close\r\n")).endswith(b"web01\n")


def test_names_of_servers_are_those_of_the_start(lab, proxy):  # noqa: F811
    """From /etc/hosts; a worker that is replaced has the addresses of the guard's start, whatever has become of the file."""
    hosts = lab.folder / "hosts"
    hosts.write_text("127.0.0.1 localhost\n192.168.1.22 other two.example.net two # three\n")
    sh(f"mount --bind {hosts} /etc/hosts")
    try:
        node = proxy(["two:80"])
        assert exchange(LB, 80, get("/name", "Connection: close\r\n")).endswith(b"web02\n")
        hosts.write_text("192.168.1.21 two\n")
        worker = node.worker()
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: worker not in node.children() and node.children(), 5, "another worker")
        assert exchange(LB, 80, get("/name", "Connection: close\r\n")).endswith(b"web02\n")
    finally:
        sh("umount /etc/hosts")


# ---- the stats socket ----

# The command, what both log of a server, and who of the two machines is then asked how often.
ORDERS = [
    ("set server back/s1 state drain", "1 enters drain state", {"web02": 12}),
    ("set server back/s1 state ready", "1 is UP .leaving forced drain.", {"web01": 6, "web02": 6}),
    ("set server back/s1 state maint", "1 is going DOWN for maintenance", {"web02": 12}),
    ("enable server back/s1", "1 is UP/READY .leaving forced maintenance.", {"web01": 6, "web02": 6}),
    ("disable server back/s2", "2 is going DOWN for maintenance", {"web01": 12}),
    ("set server back/s2 state ready", "2 is UP/READY .leaving forced maintenance.", {"web01": 6, "web02": 6}),
    ("set server back/s1 weight 3", None, {"web01": 9, "web02": 3}),
    ("set weight back/s1 0", None, {"web02": 12}),
    ("set weight back/s1 100%", None, {"web01": 6, "web02": 6}),
    ("enable server back/s3", "3 is UP/READY .leaving forced maintenance.", {"web01": 8, "web02": 4}),
]


def test_servers_are_ordered_about_as_in_haproxy(lab, twins):
    """Each command to both sockets, and then what clients get; also from a worker that is new."""
    pair = twins([f"{NGINX[0]} cookie one check inter 500ms", f"{NGINX[1]} cookie two", f"{NGINX[0]} cookie three disabled"],
                 backend="    cookie C insert indirect")
    sockets = {OURS: "/run/lab/tandem.sock", THEIRS: "/run/lab/haproxy.sock"}

    for text, logged, expected in ORDERS:
        lines = []
        for port, path in sockets.items():
            assert command(path, text) == "", (port, text)
            if logged:
                lines.append(pair.line(port, f"^<(\\d+)>.*(Server back/s{logged})[. ]").groups())
        assert len(set(lines)) <= 1
        wait_for(lambda: shares(OURS, 12) == expected, 5, text)
        assert shares(THEIRS, 12) == expected, text
    for text in "set server back/s9 state maint", "set server nowhere/s1 state maint", "set weight back/s1 257":
        assert command(sockets[OURS], text) == command(sockets[THEIRS], text), text
    assert command(sockets[OURS], "set server back/s1 state asleep").startswith("Refused: 'set server' takes BACKEND/SERVER state ready|drain|maint")
    assert "DRAIN   " not in command(sockets[OURS], "show status")
    command(sockets[OURS], "set server back/s2 state drain")
    pair.line(OURS, "s2 enters drain")
    wait_for(lambda: re.search(r"DRAIN +192.168.1.22:80 +s2", command(sockets[OURS], "show status")), 3, "DRAIN in the status")
    # The client of a server that is drained stays, and a worker that is new knows of it.
    worker = pathlib.Path(f"/proc/{pair.process.pid}/task/{pair.process.pid}/children").read_text().split()[0]
    os.kill(int(worker), signal.SIGKILL)
    pair.line(OURS, "s2 enters drain")
    assert exchange(LB, OURS, get("/name", "Cookie: C=two\r\nConnection: close\r\n")).endswith(b"web02\n")
    assert shares(OURS, 12) == {"web01": 12}


def test_no_place_is_lost(lab, twins):
    """Load that waits, gives up, is killed; servers that refuse, and that come and go. Then each has all its places again."""
    servers = [f"{NGINX[0]} maxconn 2 maxqueue 5 cookie s1 slowstart 1s", f"{NGINX[1]} maxconn 1 cookie s2 on-marked-down shutdown-sessions",
               "192.168.1.21:9 maxconn 1 cookie s3"]
    pair = twins(servers, backend="    cookie C insert indirect\n    option redispatch\n    retries 1\n    timeout queue 200ms\n    balance leastconn",
                 defaults="    option abortonclose")
    address = f"http://{LB}:{OURS}/1k"
    load = [lab.client.spawn("wrk", "-t", "1", "-c", "20", "-d", "3", "-H", header, address, stdout=-3)
            for header in ("X: y", "Cookie: C=s1", "Cookie: C=s3", "Connection: close")]
    for state in "maint", "ready", "drain", "ready", "maint", "ready":
        command("/run/lab/tandem.sock", f"set server back/s2 state {state}")
        command("/run/lab/tandem.sock", f"set server back/s1 state {state}")
        killed = lab.client.spawn("wrk", "-t", "1", "-c", "20", "-d", "3", address, stdout=-3)
        time.sleep(0.4)
        killed.kill()
    for each in load:
        each.wait(20)
    wait_for(lambda: "traffic     0 connections now (0 in queues)" in command("/run/lab/tandem.sock", "show status"), 10, "all sessions to end")
    wait_for(lambda: len(shares(OURS, 4)) == 2, 5, "both servers")
    pair.forget(OURS)
    for name in "s1", "s2":
        assert one_response(exchange(LB, OURS, get(f"/last-{name}", f"Cookie: C={name}\r\nConnection: close\r\n")))[0] == 404
        counts = pair.line(OURS, rf"back/{name} .* (\d+/\d+/\d+/\d+/\d+ \d+/\d+) .*/last-{name}").group(1)
        assert counts == "1/1/1/1/0 0/0"
