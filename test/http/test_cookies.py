# SPDX-License-Identifier: MIT
"""Every form of the `cookie` line, with the same requests to Debian's HAProxy: what client and server see, and what is logged."""
import pathlib
import re
import socket
import time

from lab import InHost, ScriptedServer, Tandem, dial, exchange, wait_for
from raw import LB, OURS, start

BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
KEY = "    dynamic-cookie-key a-secret\n"
LINES = [
    "C", "C indirect", "C indirect preserve", "C insert", "C insert indirect", "C insert indirect nocache", "C insert postonly",
    "C insert preserve", "C insert indirect preserve nocache", "C insert httponly secure domain .a.example domain b.example",
    "C insert indirect attr SameSite=Lax attr Priority=High secure", "C insert indirect maxidle 30s", "C insert indirect maxlife 1m",
    "C insert indirect maxidle 30s maxlife 60s nocache", "C insert maxidle 1d postonly", "C rewrite", "C rewrite nocache maxlife 5s",
    "C prefix", "C prefix maxidle 10s", "C prefix indirect", "C insert indirect dynamic",
]
GLOBAL = """
global
    maxconn 256
    {user}
    log {log} local0 info
defaults
    mode http
    log global
    option httplog
    timeout connect 2s
    timeout client 5s
    timeout server 5s
"""
# Without a cookie everybody goes to s1; only who has its cookie to s2. s3 is down; b shares a value with it.
LISTEN = """
listen l{i}
    bind 192.168.1.11:{port}
    cookie {line}
{key}    server s1 {s1}{c1}
    server s2 {s2} weight 0{c2}
    server s3 192.168.1.21:9 disabled{c3}
{persist}"""


def date(seconds_ago):
    v = int(time.time() - seconds_ago) >> 2
    return "".join(BASE64[v >> 6 * i & 63] for i in range(4, -1, -1))


def cookies():
    """Cookie fields that clients come with; {1}, {2}, {3} are what the servers are called. No date is so near to now, or to a limit, that
    it would matter which of the two programs is asked first."""
    return [
        "", "Cookie: a=1", "Cookie: C={1}", "Cookie: C={2}", "Cookie: C={3}", "Cookie: C=nobody", "Cookie: C=", "Cookie: C",
        "Cookie: a = 1; C = {2} ; b=2", "Cookie: C={2}; C={1}", "Cookie: C=nobody; C={2}", "Cookie: C={3}; C={2}", "Cookie: a=1\r\nCookie: C={2}",
        "Cookie: C={2}~own", "Cookie: C=nobody~own; a=1", "Cookie: a=1; C={2}~", "Cookie: c={2}", f"Cookie: C={{2}}|{date(12)}",
        f"Cookie: C={{2}}|{date(20)}", f"Cookie: C={{2}}|{date(40)}", f"Cookie: C={{2}}|{date(20)}|{date(20)}",
        f"Cookie: C={{2}}|{date(12)}|{date(90)}; a=1", f"Cookie: C={{2}}|{date(-50000)}|{date(-50000)}", f"Cookie: C={{2}}|{date(-100000)}|{date(12)}",
        f"Cookie: C={{2}}|{date(40)}; C={{1}}", "Cookie: C={2}|AAA", "Cookie: C={2}|!!!!!|AAAAB", "Cookie: C={2}||AAAAB",
    ]


ANSWERS = {
    b"/plain": b"ETag: 1\r\n", b"/own": b"ETag: 1\r\nSet-Cookie: C=own; Path=/x; HttpOnly\r\nSet-Cookie: a = b ; c\r\n",
    b"/spaces": b"Set-Cookie: C = own ;x\r\nSet-Cookie: C=\r\nset-cookie: C\r\n", b"/public": b"Cache-Control: public\r\nExpires: x\r\n",
}


def listen_log():
    with InHost("lb01"):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    s.settimeout(5)
    return s


def flags(log):
    """The two characters about cookies of the next line about a request."""
    while True:
        found = re.search(rb" \S\S(\S\S) \d+/\d+/\d+/\d+/\S+ ", log.recv(4096))
        if found:
            return found.group(1).decode()


def test_cookie_lines_are_haproxys(lab):
    seen = []

    def server(number):
        def script(connection, _):
            head, _ = made.head(connection)
            fields = [line for line in head.decode().split("\r\n") if line.lower().startswith("cookie:")]
            seen.append((number, [f.split(":", 1)[1].strip() for f in fields]))
            connection.sendall(b"HTTP/1.1 200 OK\r\n" + ANSWERS[head.split(b" ")[1]] + b"Content-Length: 0\r\nConnection: close\r\n\r\n")
        made = ScriptedServer(lab, script)
        return made
    servers = [server(1), server(2)]

    def conf(first_port, user, log):
        text = GLOBAL.format(user=user, log=f"127.0.0.1:{log.getsockname()[1]}")
        for i, line in enumerate(LINES + ["C insert indirect"]):
            dynamic = "dynamic" in line
            names = [""] * 3 if dynamic else [f" cookie {n}" for n in ("s1", "s2", "s3")]
            text += LISTEN.format(i=i, port=first_port + i, line=line, key=KEY if dynamic else "", s1=servers[0].address, s2=servers[1].address,
                                  c1=names[0], c2=names[1], c3=names[2], persist="    option persist\n    retries 0\n" if i == len(LINES) else "")
        return text
    logs = [listen_log(), listen_log()]
    path = pathlib.Path(lab.folder) / "haproxy.cfg"
    path.write_text(conf(9000, "", logs[1]))
    lab.lb01.spawn("haproxy", "-q", "-db", "-f", path)
    Tandem(lab, "lb01", conf(8000, "user nobody\n    log stderr local0 notice", logs[0])).start()
    wait_for(lambda: f"{LB}:9000 " in lab.lb01.run("ss", "-ltn"), 5, "haproxy")

    def ask(port, log, path, cookie, method):
        seen.clear()
        fields = cookie + "\r\n" if cookie else ""
        length = "Content-Length: 0\r\n" if method == "POST" else ""
        data = exchange(LB, port, f"{method} {path} HTTP/1.1\r\nHost: x\r\n{length}{fields}Connection: close\r\n\r\n".encode())
        head = data.split(b"\r\n\r\n")[0].decode().split("\r\n")
        lines = sorted(re.sub(r"\|[A-Za-z0-9+/]{5}", "|date", line.split(":", 1)[1].strip()) for line in head
                       if line.lower().startswith(("set-cookie:", "cache-control:")))
        return head[0], seen and seen[0], lines, flags(log)
    counts = 0
    for i, line in enumerate([*LINES, "C insert indirect"]):
        if "dynamic" in line:
            value = ask(9000 + i, logs[1], "/plain", "", "GET")[2][0][2:18]         # made by HAProxy of the same address
            assert re.fullmatch("[0-9a-f]{16}", value)
            names = ["", value, "nobody", "nobody2"]
        else:
            names = ["", "s1", "s2", "s3"]
        for cookie in cookies():
            cookie = cookie.format(*names)
            for path in ("/plain", "/own", "/spaces", "/public"):
                method = "POST" if path == "/own" and counts % 2 else "GET"
                ours, theirs = ask(8000 + i, logs[0], path, cookie, method), ask(9000 + i, logs[1], path, cookie, method)
                assert ours == theirs, f"cookie {line}, {method} {path}, {cookie}"
                counts += 1
    for s in servers:
        s.close()


def test_dates_of_one_request_are_not_the_nexts(lab):
    """On a connection that is kept."""
    def script(connection, _):
        while True:
            server.head(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    server = ScriptedServer(lab, script)
    start(lab, [f"{server.address} cookie s1"], backend="    cookie C insert indirect", haproxy=False)
    with dial(LB, OURS) as s:
        for cookie, wanted in ((f"C=s1|{date(40)}", True), ("C=s1", False), ("a=1", True), ("C=s1", False)):
            s.sendall(f"GET / HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
            data = b""
            while not data.endswith(b"\r\n\r\n"):
                data += s.recv(4096)
            assert (b"set-cookie: C=s1; path=/\r\n" in data) == wanted, cookie
    server.close()
