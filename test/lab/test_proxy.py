# SPDX-License-Identifier: MIT
"""The proxy on one node, with real nginx servers, curl, and servers that do just what a test says."""
import collections
import fcntl
import hashlib
import os
import pathlib
import re
import signal
import socket
import struct
import threading
import time

import pytest
from lab import TANDEM, InHost, ScriptedServer, Tandem, dial, exchange, one_response, wait_for

DEFAULTS = """
global
    maxconn 64
    user nobody
    log stderr local0 info
defaults
    mode {mode}
    log global
    option {log}
    timeout connect 1s
    timeout client {client}
    timeout server {server}
    timeout http-request {request}
"""


def conf(servers, backend="", frontend="", mode="http", client="10s", server="10s", request="5s", log="httplog"):
    lines = "".join(f"    server s{i} {s}\n" for i, s in enumerate(servers, 1))
    return (DEFAULTS.format(mode=mode, client=client, server=server, request=request, log=log) +
            f"frontend front\n    bind 192.168.1.11:80\n    default_backend back\n{frontend}\nbackend back\n{backend}\n{lines}")


@pytest.fixture
def proxy(lab):
    def start(*arguments, **options):
        return Tandem(lab, "lb01", conf(*arguments, **options)).start()
    return start


@pytest.fixture
def scripted(lab):
    made = []

    def make(script, **options):
        server = ScriptedServer(lab, script, **options)
        made.append(server)
        return server
    yield make
    for server in made:
        server.close()


LB = "192.168.1.11"
COOKIES = "    cookie SERVERID insert indirect nocache\n"
NGINX = ["192.168.1.21:80", "192.168.1.22:80"]


def curl(lab, *arguments, **options):
    return lab.client.run("curl", "-sS", "-m", "20", *arguments, **options)


def get(path="/", headers="", method="GET", version="1.1", body=""):
    return f"{method} {path} HTTP/{version}\r\nHost: x\r\n{headers}\r\n{body}".encode()


# ---- balance ----

def test_round_robin_by_weight(lab, proxy):
    proxy([NGINX[0] + " weight 3", NGINX[1] + " weight 1"])
    answers = collections.Counter(curl(lab, f"http://{LB}/name").strip() for _ in range(20))
    assert answers == {"web01": 15, "web02": 5}


def test_backup_serves_only_when_no_other_can(lab, proxy):
    node = proxy([NGINX[0] + " check inter 300ms fall 2 rise 2", NGINX[1] + " check inter 300ms backup"],
                 backend="    option httpchk GET /health")
    assert {curl(lab, f"http://{LB}/name").strip() for _ in range(6)} == {"web01"}
    lab.health("web01", False)
    node.wait_log("Server back/s1 is DOWN, reason: Layer7 wrong status, code: 503")
    assert {curl(lab, f"http://{LB}/name").strip() for _ in range(6)} == {"web02"}
    lab.health("web01", True)
    node.wait_log("Server back/s1 is UP, reason: Layer7 check passed, code: 200")
    assert {curl(lab, f"http://{LB}/name").strip() for _ in range(6)} == {"web01"}


# ---- messages ----

def test_bytes_arrive_as_they_were_sent(lab, proxy):
    proxy(NGINX)
    curl(lab, "-o", lab.folder / "got", f"http://{LB}/10m")
    assert (lab.folder / "got").read_bytes() == (lab.folder / "10m").read_bytes()


@pytest.mark.parametrize("how", [(), ("-H", "Transfer-Encoding: chunked"), ("-H", "Expect: 100-continue"), ("--http1.0",)])
def test_uploads_arrive_as_they_were_sent(lab, proxy, scripted, how):
    sums = []

    def receive(connection, _):
        head, body = server.head(connection)
        if b"100-continue" in head:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if b"transfer-encoding: chunked" in head.lower():
            while not body.endswith(b"\r\n0\r\n\r\n"):
                body += connection.recv(1 << 20)
            plain = b""
            while body:
                size, body = body.split(b"\r\n", 1)
                plain, body = plain + body[:int(size, 16)], body[int(size, 16) + 2:]
            body = plain
        else:
            length = int(re.search(rb"content-length: (\d+)", head, re.I).group(1))
            while len(body) < length:
                body += connection.recv(1 << 20)
        sums.append(hashlib.sha256(body).hexdigest())
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        time.sleep(0.2)
    server = scripted(receive)
    proxy([server.address])
    assert curl(lab, *how, "--data-binary", f"@{lab.folder}/10m", f"http://{LB}/put") == "ok"
    assert sums == [hashlib.sha256((lab.folder / "10m").read_bytes()).hexdigest()]


def answer(text):
    def script(connection, _, server=None):
        while True:
            data = b""
            while b"\r\n\r\n" not in data:
                more = connection.recv(65536)
                if not more:
                    return
                data += more
            connection.sendall(text)
            if b"content-length" not in text.lower() and b"chunked" not in text.lower():
                return
    return script


def test_head_has_no_body_and_the_connection_goes_on(lab, proxy):
    proxy(NGINX[:1])
    data = exchange(LB, 80, get("/1k", method="HEAD") + get("/name", "Connection: close\r\n"))
    heads = data.split(b"\r\n\r\n")
    assert b"content-length: 1024" in heads[0].lower()
    assert heads[1].startswith(b"HTTP/1.1 200") and heads[2] == b"web01\n"


def test_chunked_to_1_1_and_plain_to_1_0(lab, proxy, scripted):
    server = scripted(answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nT: v\r\n\r\n"))
    proxy([server.address])
    data = exchange(LB, 80, get(headers="Connection: close\r\n"))
    assert data.count(b"transfer-encoding: chunked") == 1 and b"x=y" not in data and b"T: v" not in data
    assert one_response(data)[2] == b"hello world"
    data = exchange(LB, 80, get(version="1.0"))
    assert b"chunked" not in data and data.endswith(b"\r\n\r\nhello world")


def test_a_response_until_close(lab, proxy, scripted):
    server = scripted(answer(b"HTTP/1.0 200 OK\r\n\r\nuntil the end"))
    proxy([server.address])
    data = exchange(LB, 80, get())
    assert data.startswith(b"HTTP/1.1 200 OK\r\n") and b"connection: close" in data and data.endswith(b"until the end")


def test_a_truncated_response_is_not_taken_for_whole(lab, proxy, scripted):
    def cut(connection, _):
        server.head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
    server = scripted(cut)
    proxy([server.address])
    assert exchange(LB, 80, get()).endswith(b"only this<RESET>")


def test_both_sides_keep_their_connections(lab, proxy, scripted):
    server = scripted(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
    proxy([server.address])
    with dial(LB, 80) as s:
        for _ in range(20):
            s.sendall(get())
            data = b""
            while not data.endswith(b"ok"):
                data += s.recv(4096)
    assert server.accepted == 1


def test_pipelined_requests_are_answered_in_order(lab, proxy):
    proxy(NGINX[:1])
    data = exchange(LB, 80, b"".join(get(f"/{p}") for p in ("name", "headers", "name")) + get("/1k", "Connection: close\r\n"))
    assert data.count(b"HTTP/1.1 200 OK") == 4
    assert data.index(b"web01\n") < data.index(b"host=x") < data.rindex(b"web01\n") and data.endswith((lab.folder / "1k").read_bytes())


def test_interim_responses_go_on_to_1_1_only(lab, proxy, scripted):
    server = scripted(answer(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    proxy([server.address])
    data = exchange(LB, 80, get(headers="Connection: close\r\n"))
    assert data.startswith(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200")
    assert exchange(LB, 80, get(version="1.0")).startswith(b"HTTP/1.1 200")


def test_an_upgrade_becomes_a_tunnel(lab, proxy, scripted):
    def echo(connection, _):
        head, _ = server.head(connection)
        assert b"upgrade: websocket" in head.lower() and b"connection: upgrade" in head.lower()
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Accept: k\r\n\r\nfirst")
        while True:
            data = connection.recv(4096)
            if not data:
                return
            connection.sendall(data.upper())
    server = scripted(echo)
    proxy([server.address])
    with dial(LB, 80) as s:
        s.sendall(get(headers="Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n") + b"early")
        data = b""
        while not data.endswith(b"EARLY"):
            data += s.recv(4096)
        assert data.startswith(b"HTTP/1.1 101 ") and b"\r\n\r\nfirst" in data
        s.sendall(b"\x00later")
        assert s.recv(100) == b"\x00LATER"


def test_what_the_server_sees(lab, proxy, scripted):
    def record(connection, _):
        server.head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    server = scripted(record)
    proxy([server.address], backend="    option forwardfor")
    exchange(LB, 80, b"GET http://other/p?q HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nConnection: close, x-drop, Cookie, Host\r\nDrop: no\r\n"
             b"X-Drop: yes\r\nKeep-Alive: 3\r\nTE: trailers\r\nProxy-Connection: y\r\nCookie: a=b\r\nFoo: bar\r\n\r\n")
    head = server.received[0]
    assert head.startswith(b"GET /p?q HTTP/1.1\r\nhost: other\r\n")
    assert b"x-forwarded-for: 192.168.1.100\r\n" in head and b"Cookie: a=b" in head and b"Foo: bar" in head
    for gone in (b"Connection", b"Keep-Alive", b"TE:", b"Proxy-"):
        assert gone not in head


# ---- what is refused ----

BAD_RESPONSES = {
    "length and coding": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "bad length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
    "obs-fold": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    "other protocol": b"ICY 200 OK\r\n\r\n",
    "unasked 101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nConte",
}


@pytest.mark.parametrize("name", BAD_RESPONSES)
def test_a_broken_response_is_a_502(lab, proxy, scripted, name):
    def once(connection, _):
        server.head(connection)
        connection.sendall(BAD_RESPONSES[name])
    server = scripted(once)
    proxy([server.address])
    assert one_response(exchange(LB, 80, get(headers="Connection: close\r\n")))[0] == 502


def test_extra_bytes_behind_a_response_are_nobodys(lab, proxy, scripted):
    server = scripted(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"))
    proxy([server.address])
    for _ in range(3):
        assert b"evil" not in exchange(LB, 80, get() + get(headers="Connection: close\r\n"))
    assert server.accepted == 6


def test_too_large_a_head(lab, proxy):
    proxy(NGINX)
    assert one_response(exchange(LB, 80, get(headers="A: " + "x" * 20000 + "\r\n")))[0] == 431
    assert one_response(exchange(LB, 80, get("/" + "x" * 20000)))[0] == 414
    assert one_response(exchange(LB, 80, get("/" + "x" * 8000, "Connection: close\r\n")))[0] in (404, 414)


# ---- faults ----

def test_without_a_server_it_is_503_and_says_so(lab, proxy):
    node = proxy(["192.168.1.21:9 check inter 200ms fall 1"])
    node.wait_log("backend back has no server available!")
    status, headers, body = one_response(exchange(LB, 80, get(headers="Connection: close\r\n")))
    assert status == 503 and b"No server is available to handle this request." in body
    node.wait_log("front back/<NOSRV>")
    node.wait_log('reason: Layer4 connection problem, info: "Connection refused"')


def test_a_refused_connection_goes_to_another_server(lab, proxy):
    proxy(["192.168.1.21:9", NGINX[1]])
    started = time.monotonic()
    assert {curl(lab, f"http://{LB}/name").strip() for _ in range(8)} == {"web02"}
    assert time.monotonic() - started < 4


def test_a_refused_connection_with_a_cookie_waits_for_its_server_unless_redispatched(lab, proxy):
    servers = ["192.168.1.21:9 cookie a", NGINX[1] + " cookie b"]
    backend = "    cookie C insert indirect nocache\n    retries 1\n"
    node = proxy(servers, backend=backend)
    assert one_response(exchange(LB, 80, get(headers="Cookie: C=a\r\nConnection: close\r\n")))[0] == 503
    node.stop()
    proxy(servers, backend=backend + "    option redispatch\n")
    status, headers, body = one_response(exchange(LB, 80, get("/name", "Cookie: C=a\r\nConnection: close\r\n")))
    assert status == 200 and body == b"web02\n" and headers["set-cookie"] == "C=b; path=/"


def test_a_server_that_does_not_answer_is_a_504(lab, proxy, scripted):
    server = scripted(lambda connection, _: time.sleep(5))
    proxy([server.address], server="500ms")
    assert one_response(exchange(LB, 80, get(headers="Connection: close\r\n")))[0] == 504


def test_a_request_that_does_not_end_is_a_408(lab, proxy):
    proxy(NGINX, request="500ms")
    assert one_response(exchange(LB, 80, b"GET / HTTP/1.1\r\nHos"))[0] == 408


def test_an_idle_connection_ends_in_silence(lab, proxy):
    proxy(NGINX, request="500ms")
    data = exchange(LB, 80, get("/name", "Connection: close\r\n"))
    assert data.count(b"HTTP/1.1 ") == 1 and data.endswith(b"\n")


def test_a_request_on_a_connection_that_the_server_has_closed_is_sent_again(lab, proxy, scripted):
    def one_each(connection, number):
        server.head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        server.head(connection)         # and closes instead of answering
    server = scripted(one_each)
    proxy([server.address])
    with dial(LB, 80) as s:
        for _ in range(5):
            s.sendall(get())
            data = b""
            while not data.endswith(b"ok"):
                data += s.recv(4096) or b"<END>ok"
            assert b"<END>" not in data


def test_a_post_is_never_sent_twice(lab, proxy, scripted):
    def one_each(connection, number):
        server.head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        server.head(connection)
    server = scripted(one_each)
    proxy([server.address])
    post = get("/pay", "Content-Length: 0\r\n", method="POST")
    with dial(LB, 80) as s:
        s.sendall(post)
        s.recv(4096)
        s.sendall(post)
        assert s.recv(4096) == b""      # as if the kept connection had just ended: the client may decide
    assert len([h for h in server.received if b"/pay" in h]) == 2


def test_an_early_response_ends_both_connections(lab, proxy, scripted):
    def refuse(connection, _):
        server.head(connection)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!")
        time.sleep(1)
    server = scripted(refuse)
    proxy([server.address])
    data = exchange(LB, 80, get(headers="Content-Length: 1000000\r\n", method="POST") + b"x" * 1000)
    status, headers, body = one_response(data)
    assert (status, headers["connection"], body) == (413, "close", b"no!")


def test_a_request_behind_the_last_response_does_not_cost_its_end(lab, proxy, scripted):
    """Closing with unread bytes in the socket sends a reset, and what the client has not got yet is lost."""
    size = 12 << 20

    def large(connection, _):
        server.head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * size)
    server = scripted(large)
    proxy([server.address])
    with dial(LB, 80) as s:
        s.sendall(get())
        data = s.recv(65536)
        s.sendall(get())
        time.sleep(0.3)
        while more := s.recv(65536):
            data += more
            if len(data) < size // 8:
                time.sleep(0.005)
    assert len(data.split(b"\r\n\r\n", 1)[1]) == size


def test_the_time_for_the_first_request_runs_from_the_connection(lab, proxy):
    proxy(NGINX, request="2s")
    started = time.monotonic()
    with dial(LB, 80) as s:
        time.sleep(1.6)
        s.sendall(b"GET / HTTP/1.1\r\nHos")
        assert s.recv(4096).startswith(b"HTTP/1.1 408 ")
    assert 1.8 < time.monotonic() - started < 3.2


def test_a_post_of_which_nothing_was_sent_goes_out_on_a_new_connection(lab, proxy, scripted):
    """The server resets an idle connection in the same moment in which a request comes that is to use it."""
    go = threading.Event()

    def one_each(connection, number):
        server.head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        if number == 1:
            go.wait(5)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            time.sleep(1)
    server = scripted(one_each)
    node = proxy([server.address])
    with dial(LB, 80) as s:
        s.sendall(get())
        assert s.recv(4096).endswith(b"ok")
        worker = node.worker()
        os.kill(worker, signal.SIGSTOP)
        s.sendall(get("/pay", "Content-Length: 100\r\n", method="POST") + b"half")
        go.set()
        time.sleep(0.3)
        os.kill(worker, signal.SIGCONT)
        time.sleep(0.3)
        s.sendall(b"x" * 96)
        assert s.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert len([h for h in server.received if b"/pay" in h]) == 1


def test_a_stalled_reader_costs_a_buffer_and_others_go_on(lab, proxy):
    proxy(NGINX)
    stalled = [dial(LB, 80) for _ in range(20)]
    for s in stalled:
        s.sendall(get("/10m"))
    assert curl(lab, f"http://{LB}/name").startswith("web0")
    total = 0
    stalled[0].settimeout(10)
    while total < 10 * 1024 * 1024:
        total += len(stalled[0].recv(1 << 20))
    for s in stalled:
        s.close()


def test_more_clients_than_maxconn_wait_their_turn(lab, proxy):
    proxy(NGINX)
    answers = []

    def one():
        answers.append(exchange(LB, 80, get("/name", "Connection: close\r\n"), timeout=20))
    idle = [dial(LB, 80) for _ in range(64)]
    threads = [threading.Thread(target=one) for _ in range(30)]
    for t in threads:
        t.start()
    time.sleep(0.5)
    assert not answers
    for s in idle:
        s.close()
    for t in threads:
        t.join(20)
    assert len(answers) == 30 and all(a.startswith(b"HTTP/1.1 200") for a in answers)


# ---- timeouts of the other kinds ----

def test_a_server_that_cannot_be_reached_is_a_503(lab, proxy):
    lab.lb01.run("iptables", "-A", "OUTPUT", "-d", "192.168.1.21", "-j", "DROP")
    try:
        node = proxy(NGINX[:1], backend="    retries 1\n    timeout connect 300ms")
        started = time.monotonic()
        assert one_response(exchange(LB, 80, get(headers="Connection: close\r\n")))[0] == 503
        assert 0.5 < time.monotonic() - started < 3
        node.wait_log("sC--")
    finally:
        lab.lb01.run("iptables", "-F", "OUTPUT")


def test_a_body_that_does_not_come_is_a_408(lab, proxy, scripted):
    server = scripted(lambda connection, _: (server.head(connection), time.sleep(3)))
    node = proxy([server.address], client="500ms")
    data = exchange(LB, 80, get(method="POST", headers="Content-Length: 100\r\n") + b"some")
    assert one_response(data)[0] == 408
    node.wait_log("cD--" if "cD--" in node.log() else "cH--")


def test_a_tunnel_ends_when_nobody_speaks(lab, proxy, scripted):
    def switch(connection, _):
        server.head(connection)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
        while True:
            data = connection.recv(100)
            if not data:
                return
            connection.sendall(data)
    server = scripted(switch)
    proxy([server.address], backend="    timeout tunnel 700ms", client="300ms", server="300ms")
    with dial(LB, 80) as s:
        s.sendall(get(headers="Connection: Upgrade\r\nUpgrade: x\r\n"))
        assert s.recv(4096).startswith(b"HTTP/1.1 101 ")
        for _ in range(3):
            time.sleep(0.45)            # longer than the timeouts of a request
            s.sendall(b"x")
            assert s.recv(10) == b"x"
        started = time.monotonic()
        s.settimeout(3)
        try:
            assert s.recv(10) == b""
        except ConnectionResetError:
            pass
        assert 0.5 < time.monotonic() - started < 1.5


# ---- health ----

def test_checks_speed_up_and_slow_down(lab, proxy, scripted):
    """inter while all is well, fastinter while it changes, downinter while it is down."""
    times, healthy = [], [True]

    def health(connection, _):
        times.append(time.monotonic())
        server.head(connection)
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" if healthy[0] else b"HTTP/1.0 503 No\r\n\r\n")
    server = scripted(health)
    node = proxy([server.address + " check inter 600ms fastinter 100ms downinter 1s fall 3 rise 2"], backend="    option httpchk GET /health")

    def gaps(since):
        return [b - a for a, b in zip([since] + [t for t in times if t > since], [t for t in times if t > since])]
    wait_for(lambda: len(times) >= 4, 5, "checks")
    assert all(0.5 < g < 0.75 for g in gaps(times[0])[1:]), gaps(times[0])
    healthy[0] = False
    node.wait_log("is DOWN")
    down = times[-1]
    assert all(g < 0.2 for g in gaps(times[-3])[-2:]), gaps(times[-3])
    wait_for(lambda: len([t for t in times if t > down]) >= 2, 5, "checks")
    assert all(0.9 < g < 1.15 for g in gaps(down)), gaps(down)
    healthy[0] = True
    since = times[-1]
    node.wait_log("is UP")
    assert gaps(since)[-1] < 0.2, gaps(since)
    assert [g for g in gaps(since)[:1] if g > 0.9]


# ---- the same requests to Debian's HAProxy, with the same lines ----

@pytest.fixture
def twins(lab, proxy, scripted):
    """tandem on port 80 and HAProxy on port 81 of lb01, before one scripted server; ask(port, request) is what the client got,
    and what the server got."""
    def start(response, backend="", frontend=""):
        seen = []

        def record(connection, _):
            while True:
                head, body = server.head(connection)
                length = re.search(rb"content-length: (\d+)", head, re.I)
                while length and len(body) < int(length.group(1)):
                    body += connection.recv(65536)
                while b"transfer-encoding" in head.lower() and not body.endswith(b"0\r\n\r\n"):
                    body += connection.recv(65536)
                seen.append((head, body))
                connection.sendall(response)
                if b"content-length" not in response.lower() and b"chunked" not in response.lower() and b"HTTP/1.1 204" not in response:
                    return
        server = scripted(record)
        lines = [f"{server.address} cookie s1"]
        text = conf(lines, backend=backend, frontend=frontend)
        Tandem(lab, "lb01", text).start()
        path = pathlib.Path(lab.folder) / "haproxy.cfg"
        path.write_text(text.replace("192.168.1.11:80", "192.168.1.11:81").replace("user nobody", "").replace("log stderr", "log 127.0.0.1"))
        lab.lb01.spawn("haproxy", "-db", "-f", path)
        wait_for(lambda: "192.168.1.11:81 " in lab.lb01.run("ss", "-ltn"), 5, "haproxy")

        def ask(port, request):
            seen.clear()
            return exchange(LB, port, request), list(seen)
        return ask
    return start


def fields(head):
    """A head without its order, and without what is between two neighbours: each hop has its own version (RFC 9112 2.3), which
    HAProxy passes on, and its own connection and keep-alive (RFC 9110 7.6.1), of which HAProxy passes on the second."""
    first, *rest = head.rstrip(b"\r\n").split(b"\r\n")
    pairs = sorted((line.split(b":", 1)[0].lower(), line.split(b":", 1)[1].strip()) for line in rest)
    return re.sub(rb"HTTP/1\.\d", b"HTTP", first), [p for p in pairs if p[0] not in (b"connection", b"keep-alive")]


def same(ask, request):
    (ours, we_sent), (theirs, they_sent) = ask(80, request), ask(81, request)
    assert [(fields(h), b) for h, b in we_sent] == [(fields(h), b) for h, b in they_sent], request
    our_head, our_body = ours.split(b"\r\n\r\n", 1)
    their_head, their_body = theirs.split(b"\r\n\r\n", 1)
    assert fields(our_head) == fields(their_head), request
    assert our_body == their_body, request


RESPONSES = {
    "length": b"HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "to the end": b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nok",
    "no content": b"HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 100\r\n\r\n",
    "hop by hop": b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: 5\r\nContent-Length: 2\r\n\r\nok",
    "cookie": b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; path=/\r\nSet-Cookie: SERVERID=z\r\nCache-Control: public\r\nContent-Length: 2\r\n\r\nok",
    "not found": b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone",
}
REQUESTS = {
    "get": get("/a?b=c", "Connection: close\r\nUser-Agent: x\r\nAccept: */*\r\n"),
    "1.0": get("/", version="1.0"),
    "post": get("/", "Connection: close\r\nContent-Length: 5\r\nContent-Type: a/b\r\n", "POST", body="hello"),
    "chunked": get("/", "Connection: close\r\nTransfer-Encoding: chunked\r\n", "PUT", body="5\r\nhello\r\n0\r\n\r\n"),
    "cookie": get("/", "Connection: close\r\nCookie: a=b; SERVERID=s1; c=d\r\n"),
    "wrong cookie": get("/", "Connection: close\r\nCookie: SERVERID=s9\r\n"),
    "forwarded": get("/", "Connection: close\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\n"),
}


@pytest.mark.parametrize("name", RESPONSES)
def test_messages_are_haproxys(twins, name):
    ask = twins(RESPONSES[name], backend=COOKIES + "    option forwardfor\n")
    for kind, request in REQUESTS.items():
        if (name, kind) != ("chunked", "1.0"):          # HAProxy sends chunks to a client of 1.0, against RFC 9112 7
            same(ask, request)


def test_head_is_haproxys(twins):
    same(twins(RESPONSES["not modified"].replace(b"304 Not Modified", b"200 OK")), get("/", "Connection: close\r\n", "HEAD"))


# ---- cookies (what they look like: test/http/test_cookies.py) ----

def test_a_cookie_of_a_server_that_is_down(lab, proxy):
    servers = [NGINX[0] + " check inter 200ms fall 2 cookie a", NGINX[1] + " check inter 200ms cookie b"]
    node = proxy(servers, backend=COOKIES + "    option httpchk GET /health")
    headers = "Cookie: SERVERID=a\r\nConnection: close\r\n"
    assert one_response(exchange(LB, 80, get("/name", headers)))[2] == b"web01\n"
    lab.health("web01", False)
    node.wait_log("Server back/s1 is DOWN")
    _, given, body = one_response(exchange(LB, 80, get("/name", headers)))
    assert body == b"web02\n" and given["set-cookie"] == "SERVERID=b; path=/"
    node.wait_log("--DI")


# ---- mode tcp ----

def test_tcp_passes_half_closes_on(lab, proxy, scripted):
    def upper(connection, _):
        data = b""
        while True:
            more = connection.recv(65536)
            if not more:
                break
            data += more
        connection.sendall(data.upper())
    server = scripted(upper)
    proxy([server.address], mode="tcp", log="tcplog")
    payload = os.urandom(3 << 20).hex().encode()
    assert exchange(LB, 80, payload, shut=True, timeout=20) == payload.upper()


def test_tcp_serves_protocols_where_the_server_speaks_first(lab, proxy, scripted):
    def greet(connection, _):
        connection.sendall(b"220 hello\r\n")
        connection.recv(100)
    server = scripted(greet)
    node = proxy([server.address], mode="tcp", log="tcplog")
    with dial(LB, 80) as s:
        assert s.recv(100) == b"220 hello\r\n"
        s.sendall(b"QUIT\r\n")
        assert s.recv(100) == b""
    node.wait_log("front back/s1 0/")
    assert re.search(r"192\.168\.1\.100:\d+ \[\d\d/\w{3}/\d{4}:[\d:.]+\] front back/s1 0/\d+/\d+ 11 -- 1/1/1/1/0 0/0", node.log())


# ---- logs ----

def test_http_log_lines_are_haproxys(lab, proxy):
    node = proxy(NGINX[:1])
    exchange(LB, 80, get("/name?a=\"b", "Connection: close\r\n"))
    node.wait_log("/name")
    line = [text for text in node.log().splitlines() if "/name" in text][0]
    assert re.fullmatch(r"192\.168\.1\.100:\d+ \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] front back/s1 \d+/0/\d+/\d+/\d+ 200 \d+ - - "
                        r"---- 1/1/1/1/0 0/0 \"GET /name\?a=#22b HTTP/1\.1\"", line), line


def last(path="/", cookie=""):
    return get(path, f"{cookie}Connection: close\r\n")


# Only what is incomplete is half-closed: a client that closes early may be logged as gone, if it is seen before the server's end.
LOGGED = {
    "good": last(), "cookie": last(cookie="Cookie: SERVERID=s1\r\n"), "wrong cookie": last(cookie="Cookie: SERVERID=s9\r\n"),
    "no answer": last("/end"), "broken answer": last("/bad"), "broken chunk": last("/chunk"), "cut": last("/cut"), "silent": last("/silent"),
    "nothing": b"", "half a head": b"GET / HTT", "bad": b"GET / HTTP/1.1\r\nA\r\n\r\n",
    "redispatched": last(cookie="Cookie: SERVERID=s2\r\n"),
    "denied": last("/deny"), "returned": last("/return"), "redirected": last("/redirect"), "old redirect": last("/old"),
    "denied by the backend": last("/b/deny"), "another path": last("/set"), "response denied": last("/respond"), "no backend": last("/none"),
    "monitor, then denied": last("/mon").replace(b"Connection: close\r\n", b"") + last("/deny"),
}
RULES = """
    monitor-uri /mon
    http-request deny if { path /deny }
    http-request return if { path /return }
    http-request redirect location / if { path /redirect }
    redirect location / if { path /old }
    http-request set-path / if { path /set }
    use_backend none if { path /none }
"""
BACK_RULES = """
    http-request deny if { path /b/deny }
    http-request set-header X-Deny 1 if { path /respond }
    http-response deny if { res.hdr(x-deny) -m found }
"""


def test_http_log_lines_are_what_haproxy_writes(lab, proxy, scripted):
    """All but times, bytes (HAProxy 2.6 counts them in its inner form) and numbers of connections (it has given them back)."""
    answers = {b"/": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"/end": b"", b"/bad": b"HTTP/1.1 x\r\n\r\n",
               b"/respond": b"HTTP/1.1 200 OK\r\nX-Deny: 1\r\nContent-Length: 0\r\n\r\n",
               b"/chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", b"/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"}

    def serve(connection, _):
        path = server.head(connection)[0].split()[1]
        if path == b"/silent":
            time.sleep(2)
        connection.sendall(answers.get(path, b""))
    server = scripted(serve)
    with InHost("lb01"):
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 5515))
    receiver.settimeout(5)
    # A redispatch takes place in both only when the last retry is due.
    text = conf([f"{server.address} cookie s1", "192.168.1.22:9 cookie s2 weight 0"], server="500ms",
                frontend=RULES, backend=COOKIES + BACK_RULES + "    retries 1\n    option redispatch\n    timeout connect 200ms\n") + "backend none\n"
    text = text.replace("log stderr", "log 127.0.0.1:5515")
    node = Tandem(lab, "lb01", text)
    node.process = node.host.spawn(TANDEM, "run", "-n", "lb01", "-f", node.conf)
    path = pathlib.Path(lab.folder) / "haproxy.cfg"
    path.write_text(text.replace("192.168.1.11:80", "192.168.1.11:81").replace("user nobody", ""))
    lab.lb01.spawn("haproxy", "-db", "-f", path, stderr=-3)
    wait_for(lambda: all(f"11:{p} " in lab.lb01.run("ss", "-ltn") for p in (80, 81)), 5, "both")

    def line(port, request):
        exchange(LB, port, request, shut=not request.endswith(b"\r\n\r\n"))
        text = receiver.recv(4096).decode()
        while "192.168.1.100" not in text:
            text = receiver.recv(4096).decode()
        found = re.search(r"\] (\S+ \S+) (\S+) (-?\d+) \d+ (- - \S{4}) \d+/\d+/\d+/\d+/(\+?\d+ 0/0 .*)", text)
        times = ["-1" if t == "-1" else "N" for t in found.group(2).split("/")]
        return found.group(1), times, found.group(3), found.group(4), found.group(5)
    for name, request in LOGGED.items():
        assert line(80, request) == line(81, request), name
    receiver.close()


@pytest.mark.parametrize("kind", ["udp", "unix"])
def test_logs_go_to_syslog(lab, kind):
    path = lab.folder / "log.sock"
    path.unlink(missing_ok=True)
    with InHost("lb01"):
        receiver = socket.socket(socket.AF_INET if kind == "udp" else socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 5514) if kind == "udp" else str(path))
    if kind == "unix":
        os.chmod(path, 0o666)
    receiver.settimeout(5)
    target = "127.0.0.1:5514" if kind == "udp" else str(path)
    node = Tandem(lab, "lb01", conf(NGINX).replace("log stderr local0 info", f"log {target} local0 info"))
    with open(node.log_path, "a") as log:
        node.process = node.host.spawn(TANDEM, "run", "-n", "lb01", "-f", node.conf, stdout=log, stderr=log)
    first = receiver.recv(4096).decode()
    assert re.match(r"<13[34]>\w{3} [ \d]\d \d\d:\d\d:\d\d tandem\[\d+\]: ", first), first
    time.sleep(0.5)
    exchange(LB, 80, get("/name", "Connection: close\r\n"))
    lines = []
    while not any("GET /name" in line for line in lines):
        lines.append(receiver.recv(4096).decode())
    assert re.match(r"<134>.* tandem-worker\[\d+\]: 192\.168\.1\.100:", lines[-1])
    receiver.close()


def test_a_log_that_nobody_reads_stops_nothing(lab):
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 16384)
    node = Tandem(lab, "lb01", conf(NGINX))
    node.process = node.host.spawn(TANDEM, "run", "-n", "lb01", "-f", node.conf, stdout=writer, stderr=writer)
    try:
        wait_for(lambda: b"200" in exchange(LB, 80, get("/name", "Connection: close\r\n")) if "11:80 " in lab.lb01.run("ss", "-ltn") else False, 10)
        with dial(LB, 80) as s:
            for _ in range(200):
                s.sendall(get("/name"))
                assert b"200 OK" in s.recv(4096)
        assert b"front back/s" in os.read(reader, 65536)
    finally:
        os.close(reader)
        os.close(writer)
