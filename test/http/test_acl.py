# SPDX-License-Identifier: MIT
"""Conditions: the vectors that the unit test reads (test/vectors/acl.txt), asked of HAProxy and of the running tandem."""
import pathlib
import re

from lab import ScriptedServer, Tandem, dial, wait_for

LB = "192.168.1.11"
VECTORS = pathlib.Path(__file__).parent.parent / "vectors" / "acl.txt"
HEAD = """
global
    maxconn 256
    {user}
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
backend yes
    server s {yes}
backend no
    server s {no}
backend empty
"""


def unescape(text):
    """As vector.h reads it: plain ASCII but for the escapes."""
    return text.encode().replace(b"\\r", b"\r").replace(b"\\n", b"\n")


def vectors():
    """(condition, client, request, answer)"""
    records, record = [], None
    for line in VECTORS.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        if line[0] not in "<>?":
            record = {"condition": line, "client": "10.0.0.99", "request": b"", "answer": ""}
            records.append(record)
        elif line[0] == "<":
            record["request"] += unescape(line[2:])
        elif line[0] == ">":
            record["answer"] = line[2:]
        else:
            record["client"] = line.split("client=")[1]
    return [tuple(r.values()) for r in records]


def proxy_line(client):
    to = "::1" if ":" in client else "10.0.0.1"
    return f"PROXY TCP{6 if ':' in client else 4} {client} {to} 1000 80\r\n".encode()


def head_of(port, request):
    """The answer's head; the connection may stay."""
    with dial(LB, port) as s:
        s.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            more = s.recv(65536)
            if not more:
                break
            data += more
    return data


def answering(lab, word):
    def script(connection, _):
        self.head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Was: " + word + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    self = ScriptedServer(lab, script)
    return self


def test_conditions_as_haproxy_and_the_unit_test_judge_them(lab):
    records = vectors()
    conditions = list(dict.fromkeys(r[0] for r in records))
    yes, no = answering(lab, b"yes"), answering(lab, b"no")

    def conf(first_port, user):
        text = HEAD.format(user=user, yes=yes.address, no=no.address)
        for i, condition in enumerate(conditions):
            text += (f"frontend f{i}\n    bind {LB}:{first_port + i} accept-proxy\n    use_backend yes {condition}\n"
                     "    default_backend no\n")
        # What only HAProxy and the worker know: servers of a backend. And several lines of one name.
        return text + (f"frontend last\n    bind {LB}:{first_port + len(conditions)}\n    acl a path_beg /x\n    acl a path_beg /y\n"
                       "    acl a nbsrv(empty) gt 0\n    acl here dst_port 1024:\n    acl here2 dst 192.168.1.0/24\n"
                       "    use_backend yes if a here here2 { nbsrv(yes) eq 1 } { nbsrv(empty) 0 } { src 192.168.0.0/16 }\n"
                       "    default_backend no\n")
    path = pathlib.Path(lab.folder) / "haproxy.cfg"
    path.write_text(conf(3000, ""))
    lab.lb01.spawn("haproxy", "-q", "-db", "-f", path)
    Tandem(lab, "lb01", conf(2000, "user nobody")).start()
    wait_for(lambda: f"{LB}:{3000 + len(conditions)} " in lab.lb01.run("ss", "-ltn"), 5, "haproxy")
    wrong = []

    def ask(port, request):
        answer = head_of(port, request)
        found = re.search(rb"\r\nx-was: (\w+)\r\n", answer, re.I)
        return found.group(1).decode() if found else answer[:60]
    for condition, client, request, answer in records:
        at = conditions.index(condition)
        request += b"a" if b"Content-Length: 1\r\n" in request else b""
        for name, base in (("haproxy", 3000), ("tandem", 2000)):
            got = ask(base + at, proxy_line(client) + request)
            if got != answer:
                wrong.append((name, condition, request, got))
    for base in (2000, 3000):
        for target, answer in ((b"/x", "yes"), (b"/y1", "yes"), (b"/z", "no")):
            got = ask(base + len(conditions), b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            if got != answer:
                wrong.append((base, target, got))
    assert not wrong, "\n".join(map(str, wrong))
