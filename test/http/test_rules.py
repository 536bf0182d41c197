# SPDX-License-Identifier: MIT
"""Rules: what a server and a client see, with the same lines in tandem and in Debian's HAProxy.

A case is (frontend lines, backend lines, requests); each has a port of its own in one start of both. What differs from HAProxy
is in DIFFERS, with the reason why ours is right."""
import os
import pathlib
import re
import signal
import socket

import pytest
from lab import ScriptedServer, Tandem, dial, wait_for

LB = "192.168.1.11"
HEAD = """
global
    maxconn 256
    {user}
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
    timeout http-request 5s
"""
ANSWER = (b"HTTP/1.1 200 Fine\r\nX-A: 1, 2\r\nx-a: 3\r\nServer: srv\r\nCache-Control: private\r\nContent-Length: 2\r\n\r\nok")


def get(target="/", *fields, method="GET", version="1.1", body=b""):
    lines = [f"{method} {target} HTTP/{version}", "Host: h.example", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


COUNTS = "stick-table type ip size 100 expire 1m store gpc0\nhttp-request track-sc0 src\n"
BY_RULES = "balance by what rules have written"
# name: (frontend, backend, requests)
CASES = {
    "set-header": ('http-request set-header X-New "a %[hdr(x-in)] b"', "", [get("/", "X-New: old", "x-new: older"), get("/", "X-In: 5, 6")]),
    "set-header %": ("http-request set-header X-New 100%%\\ %[path]%[query]", "", [get("/a?b"), get("/c")]),
    "set-header of everything": (
        "http-request set-header X-All %[src]|%[dst]|%[method]|%[req.hdr(x-a)]|%[hdr(x-a,1)]|%[hdr_cnt(x-a)]|%[cook(c)]|"
        "%[url_param(p)]|%ci|%fi|%b|%s|%f|%HM|%[nbsrv(other)]|%[always_true]|%H", "",
        [get("/p?p=1&p=2", "X-A: 1, 2", "X-A: 3", "Cookie: c=1; c=2"), get("/")]),
    "set-header host": ("http-request set-header Host new.example:81", "", [get("/"), get("http://h.example/x")]),
    "add-header": ("http-request add-header X-A more", "http-request add-header X-A %[hdr(x-a)]", [get("/", "X-A: a"), get("/")]),
    "del-header": ("http-request del-header X-A", "", [get("/", "X-A: 1", "x-a: 2", "X-Ab: 3")]),
    "del-header -m": ("http-request del-header x- -m beg\nhttp-request del-header -z -m end", "", [get("/", "X-A: 1", "Xa: 2", "Y-Z: 3")]),
    "replace-header": (r"http-request replace-header X-A foo(.*) bar\1", "",
                       [get("/", "X-A: xfooyz", "X-A: a", "X-A: foo1,foo2", "X-A: foo")]),
    "replace-header exact": (r"http-request replace-header X-A ^a\.b$ %[path]", "", [get("/p", "X-A: a.b", "X-A: a.bc", "X-A: axb")]),
    "replace-header middle": (r"http-request replace-header X-A ^(.*)/b [\0|\1]", "", [get("/", "X-A: a/b/bc", "X-A: c")]),
    "replace-header end": (r"http-request replace-header X-A z$ end", "", [get("/", "X-A: azz", "X-A: za", "X-A: z")]),
    "replace-header tail": (r"http-request replace-header X-A a(.*)z$ <\1>", "", [get("/", "X-A: xabcz", "X-A: az", "X-A: azb", "X-A: aazz")]),
    "replace-header all": (r"http-request replace-header X-A (.*) <\1>", "", [get("/", "X-A: xabcz", "X-A:")]),
    "replace-header host": (r"http-request replace-header Host ^h(.*) www\1", "", [get("/")]),
    "later rules see it": ("http-request set-header X-B 1\nhttp-request set-header X-C yes if { hdr(x-b) 1 }\nhttp-request del-header X-B\n"
                           "http-request set-header X-D yes if { hdr(x-b) -m found }", "", [get("/", "X-B: 2")]),
    "set-path": ("http-request set-path /z%[path]", "", [get("/a?q=1"), get("/a"), get("*", method="OPTIONS")]),
    "replace-path": (r"http-request replace-path ^/rp/(.*) /rq/\1", "", [get("/rp/x/y?z"), get("/rpx"), get("/rp/")]),
    "replace-path strip": (r"http-request replace-path /foo/(.*) /\1", "", [get("/foo/x?y"), get("/a/foo/x")]),
    "replace-path all": (r"http-request replace-path (.*) /pre\1", "", [get("/a?b"), get("/")]),
    "set-query": ("http-request set-query a=%[path]", "", [get("/x"), get("/x?y=1"), get("/x?")]),
    "set-query empty": ("http-request set-query %[hdr(none)]", "", [get("/x"), get("/x?y=1")]),
    "path of the backend": ("http-request set-path /f%[path]", "http-request set-path /b%[path]", [get("/x")]),
    "use_backend after rules": ("http-request set-path /b if { path /a }\nuse_backend other if { path /b }\nuse_backend none if { path /n }", "",
                                [get("/a"), get("/b"), get("/c")]),
    "deny": ("http-request deny if { path /d }\nhttp-request deny deny_status 429 if { path /e }", "",
             [get("/d"), get("/e"), get("/f"), get("/d", method="HEAD"), get("/d", version="1.0"),
              get("/d", "Connection: keep-alive", version="1.0"), get("/d", "Connection: close"), get("/d", method="POST", body=b"hello")]),
    "deny before the body is there": ("http-request deny", "", [get("/", "Content-Length: 5", method="POST") + b"he",
                                                              get("/", "Expect: 100-continue", "Content-Length: 5", method="POST")]),
    "deny of a chunked request": ("http-request deny if { path /d }", "",
                                  [get("/d", "Transfer-Encoding: chunked", method="POST") + b"5\r\nhello\r\n0\r\n\r\n" + get("/next")]),
    "deny with a status": ("http-request deny status 404 if { path /d }\nhttp-request deny status 418 content-type text/plain "
                           'string "no %[path]" if { path /e }', "", [get("/d"), get("/e"), get("/e", method="HEAD")]),
    "deny of a backend": ("", "http-request deny if { path /d }", [get("/d"), get("/a")]),
    "allow": ("http-request allow if { path /d }\nhttp-request deny", "http-request add-header X-B b", [get("/d"), get("/e")]),
    "allow of one section": ("http-request allow", "http-request deny", [get("/d")]),
    "return": ("http-request return if { path /a }\nhttp-request return status 503 if { path /b }\n"
               'http-request return content-type text/plain string "hello %[path] %%" if { path /c }\n'
               'http-request return status 201 content-type "text/plain; charset=utf-8" lf-string "hello %[path] %% %[src]" if { path /d }\n'
               "http-request return status 204 if { path /e }\nhttp-request return status 404", "",
               [get("/a") + get("/c") + get("/d"), get("/b"), get("/d", method="HEAD"), get("/e"), get("/f")]),
    "redirect location": ("http-request redirect location /new if { path /a }\n"
                          "http-request redirect location http://x%[path]?%[query] code 301 if { path /b }", "", [get("/a?x"), get("/b?y")]),
    "redirect prefix": ("http-request redirect prefix https://w.example if { path /a }\n"
                        "http-request redirect prefix https://w.example drop-query code 307 if { path /b }\n"
                        "http-request redirect prefix /pre drop-query append-slash code 308 if { path /c }\n"
                        "http-request redirect prefix / drop-query append-slash code 303 if { path /d /e/ }", "",
                        [get("/a?x=1"), get("/b?x=1"), get("/c"), get("/c?x=1"), get("/d?z"), get("/e/?z"), get("http://h.example/a")]),
    "redirect scheme": ("http-request redirect scheme https if { path /a }\nhttp-request redirect scheme https drop-query code 301", "",
                        [get("/a?x"), get("/b?x"), get("http://h.example/a"), get("*", method="OPTIONS")]),
    "redirect of a POST": ("http-request redirect scheme https", "", [get("/a", method="POST", body=b"hello") + get("/b")]),
    "redirect line": ("redirect prefix /%[path] if { path /a }\nredirect location /x code 301 if { path /b }\n"
                      "http-request set-path /b if { path /c }", "redirect location /be if { path /d }",
                      [get("/a?q"), get("/b"), get("/c"), get("/d"), get("/e")]),
    "response headers": ("http-response set-header X-F %[res.hdr(x-b)]\nhttp-response del-header Server",
                         'http-response set-header X-B "%[status] %[res.hdr(x-a)] %[method] %s %b %[src]"\nhttp-response add-header X-A 4\n'
                         "http-response replace-header Cache-Control ^private$ no-store", [get("/"), get("/", method="HEAD")]),
    "response condition": ('http-response set-header X-S ok if { status 200:299 } { res.hdr(server) srv } METH_GET\n'
                           "http-response set-header X-T no unless { res.hdr(x-a) 2 }", "", [get("/"), get("/", method="POST", body=b"1")]),
    "response deny": ("http-response deny if { res.hdr(server) srv }", "", [get("/")]),
    "response deny with a status": ("http-response deny deny_status 403", "", [get("/"), get("/", method="POST", body=b"hello")]),
    "response allow": ("http-response set-header X-F f", "http-response allow if { status 200 }\nhttp-response set-header X-B b", [get("/")]),
    "set-status": ("http-response set-status 418", "", [get("/"), get("/", method="HEAD")]),
    "set-status reason": ('http-response set-status 503 reason "Slow Down"', "", [get("/")]),
    "monitor-uri": ("monitor-uri /mon\nhttp-request deny\nmonitor fail if { hdr(x-fail) 1 }\nmonitor fail unless { nbsrv(other) gt 0 }", "",
                    [get("/mon"), get("/mon", method="HEAD"), get("/mon", "X-Fail: 1"), get("/mon?x"), get("/mon", method="POST", body=b"x"),
                     get("http://h.example/mon")]),
    "forwardfor": ("option forwardfor", "", [get("/"), get("/", "X-Forwarded-For: 1.2.3.4")]),
    "forwardfor except": ("option forwardfor except 192.168.1.0/24", "", [get("/")]),
    "forwardfor except others": ("option forwardfor except 10.0.0.0/8", "", [get("/")]),
    "forwardfor header": ("option forwardfor header X-Client", "", [get("/", "X-Client: a")]),
    "forwardfor header of the backend": ("option forwardfor header X-Front", "option forwardfor header X-Back", [get("/")]),
    "forwardfor if-none": ("option forwardfor if-none", "", [get("/", "X-Forwarded-For: 1.2.3.4"), get("/")]),
    "forwardfor if-none of one side": ("option forwardfor if-none", "option forwardfor", [get("/", "X-Forwarded-For: 1.2.3.4")]),
    "forwardfor and rules": ("option forwardfor\nhttp-request del-header X-Forwarded-For\nhttp-request set-header X-Real %[src]", "",
                             [get("/", "X-Forwarded-For: 1.2.3.4", "X-Real: 5")]),
    "errorfile": ("errorfile 429 {folder}/429.http\nerrorfile 200 {folder}/200.http\nerrorfile 408 /dev/null\nerrorfile 410 /dev/null\n"
                  "monitor-uri /mon\nhttp-request deny deny_status 429 if { path /a }\nhttp-request deny deny_status 410 if { path /b }\n"
                  "use_backend sorry if { path /c }\nuse_backend none if { path /d }\nerrorfile 503 {folder}/503.http", "",
                  [get("/a") + get("/mon"), get("/a", method="HEAD"), get("/a", "Connection: close"), get("/b"), get("/c"), get("/d")]),
    "no server": ("use_backend none", "", [get("/"), get("/", method="POST", body=b"hello") + get("/next"), get("/", version="1.0"),
                                           get("/", "Content-Length: 5", method="POST") + b"he"]),
    "errors on the way": ("use_backend refused if { path /r }\nuse_backend ends if { path /e }\nuse_backend silent if { path /s }", "",
                          [get("/r") + get("/ok"), get("/r", method="POST", body=b"hello") + get("/ok"), get("/e") + get("/ok"),
                           get("/e", "Connection: close"), get("/s") + get("/ok"), get("/s", method="HEAD")]),
    "too long": ("http-request set-header X-New %[hdr(x-in)]%[hdr(x-in)]%[hdr(x-in)]%[hdr(x-in)]", "",
                 [get("/", "X-In: " + "x" * 1000), get("/", "X-In: " + "x" * 5000), get("/")]),
    "too long an answer": ('http-request return content-type text/plain lf-string "%[hdr(x-in)]%[hdr(x-in)]"', "",
                           [get("/", "X-In: " + "x" * 8190) + get("/", "X-In: a"), get("/", "X-In: " + "x" * 7000)]),
    "retried": ("http-request set-path /r%[path]\nhttp-request add-header X-A a\nuse_backend second", "", [get("/a"), get("/b"), get("/c")]),
    "what counts counts once": (COUNTS + "http-request deny deny_status 429 if { sc0_inc_gpc0 gt 3 }", "", [get("/")] * 5),
    "what held holds": (COUNTS + "http-request set-header X-First yes if { sc0_get_gpc0 0 }\nhttp-request set-header X-N %[sc0_inc_gpc0]\n"
                        "use_backend second", "", [get("/")] * 3),
    BY_RULES: ("", "balance hdr(X-Key)\nhttp-request set-header X-Key %[path]\nserver other {other}", []),
    "httpclose": ("option httpclose\nhttp-request return", "", [get("/")]),
}
ORIGIN_FORM = "RFC 9112 3.2.1: a server that is no proxy is asked in origin-form"
WHOLE = "we say how long the body is, and so the client knows that it has all of it; RFC 9110 8.6"
DIFFERS = {("set-header host", 1): ORIGIN_FORM, ("errorfile", 5): WHOLE}
FILES = {"429.http": b"HTTP/1.1 429 Slow\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nslow\n",
         "200.http": b"HTTP/1.1 200 Fine\r\nContent-Length: 3\r\n\r\nup\n",
         "503.http": b"HTTP/1.1 503 Not Now\r\nContent-Type: text/plain\r\n\r\nlater",
         "sorry.http": b"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: http://sorry/\r\nContent-Length: 0\r\n\r\n"}


def clean(data):
    """A message with its header in an order of its own, lower case; a page's text is each program's own."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    fields = [f.split(b":", 1)[0].lower() + b":" + f.split(b":", 1)[1] for f in fields if b":" in f]
    if b"<html>" in body or b"content-type: text/html" in fields:
        fields = [f for f in fields if not f.startswith(b"content-length")]
        body = re.sub(rb"<html>.*?</html>\n", b"<page>", body, flags=re.S)
    return first, sorted(fields), body


def whole(data):
    """The first answer in data and what is behind it; None: it has not ended yet."""
    head, end, rest = data.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: (\d+)", head, re.I)
    n = int(length.group(1)) if length else 0
    return (head + end + rest[:n], rest[n:]) if end and len(rest) >= n else None


def talk(port, requests):
    """All answers to what is sent at once, and how it ended."""
    count = len(re.findall(rb" HTTP/1\.[01]\r\n", requests))
    head = requests.startswith(b"HEAD")         # its answer has a length and no body
    with dial(LB, port) as s:
        s.sendall(requests)
        s.settimeout(5)
        data, messages, end = b"", [], b"open"
        try:
            while not messages or not (len(messages) == count or b"connection: close" in messages[-1].lower()):
                more = s.recv(65536)
                if not more:
                    break
                data += more
                while (one := whole(data) if not head else (data, b"") if b"\r\n\r\n" in data else None) and one[0]:
                    messages.append(one[0])
                    data = one[1]
            s.settimeout(5 if not messages or b"connection: close" in messages[-1].lower() else 0.03)
            more = s.recv(65536)
            messages += [more] if more else []
            end = b"closed" if not more else b"more"
        except ConnectionResetError:
            end = b"reset"
        except (TimeoutError, socket.timeout):
            pass
    return [clean(m) for m in messages], end


class Server(ScriptedServer):
    """Answers each request with ANSWER, and keeps its head."""

    def __init__(self, lab):
        self.heads = []
        super().__init__(lab, self.serve_all)

    def serve_all(self, connection, _):
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                more = connection.recv(65536)
                if not more:
                    return
                data += more
            head, data = data.split(b"\r\n\r\n", 1)
            length = re.search(rb"\r\ncontent-length: (\d+)", head, re.I)
            while length and len(data) < int(length.group(1)):
                data += connection.recv(65536)
            data = data[int(length.group(1)) if length else 0:]
            self.heads.append(head)
            connection.sendall(ANSWER[:-2] if head.startswith(b"HEAD") else ANSWER)


@pytest.fixture
def both(lab):
    server, other = Server(lab), Server(lab)
    ends = ScriptedServer(lab, lambda connection, _: ends.head(connection))
    silent = ScriptedServer(lab, lambda connection, _: connection.recv(65536) and connection.recv(65536))

    def conf(first, user):
        text = HEAD.format(user=user) + f"backend refused\n    retries 0\n    server s 192.168.1.21:9\n"
        text += f"backend ends\n    server s {ends.address}\nbackend silent\n    timeout server 200ms\n    server s {silent.address}\n"
        text += (f"backend second\n    option redispatch\n    retries 1\n    http-request set-path /s%[path]\n    http-request add-header X-B b\n"
                 f"    server down 192.168.1.21:9\n    server s {server.address}\n")
        text += f"backend other\n    server s {other.address}\nbackend none\nbackend sorry\n    errorfile 503 {{folder}}/sorry.http\n"
        for i, (front, back, _) in enumerate(CASES.values()):
            text += (f"frontend f{i}\n    bind {LB}:{first + i}\n" + "".join(f"    {line}\n" for line in front.split("\n"))
                     + f"    default_backend b{i}\nbackend b{i}\n" + "".join(f"    {line}\n" for line in back.split("\n"))
                     + f"    server s {server.address}\n")
        return text.replace("{folder}", str(lab.folder)).replace("{other}", other.address)
    for name, content in FILES.items():
        (pathlib.Path(lab.folder) / name).write_bytes(content)
    path = pathlib.Path(lab.folder) / "haproxy.cfg"
    path.write_text(conf(3000, ""))
    log = open(pathlib.Path(lab.folder) / "haproxy.log", "w")
    lab.lb01.spawn("haproxy", "-q", "-db", "-f", path, stdout=log, stderr=log)
    node = Tandem(lab, "lb01", conf(2000, "user nobody")).start()
    wait_for(lambda: f"{LB}:{3000 + len(CASES) - 1} " in lab.lb01.run("ss", "-ltn"), 5, "haproxy: " + lab.lb01.run("haproxy", "-c", "-f", path))
    return node, server, other


def test_rules_as_haproxy_has_them(both):
    node, *servers = both
    wrong = []
    for i, (name, (_, _, requests)) in enumerate(CASES.items()):
        for number, request in enumerate(requests):
            seen = []
            for base in (2000, 3000):
                for s in servers:
                    s.heads.clear()
                answers = talk(base + i, request)
                seen.append((answers, [[clean(h + b"\r\n\r\n") for h in s.heads] for s in servers]))
            if seen[0] != seen[1] and (name, number) not in DIFFERS:
                wrong.append(f"{name} {number}: {request!r}\n  tandem  {seen[0]}\n  haproxy {seen[1]}")
    assert not wrong, "\n".join(wrong)
    for base in (2000, 3000):
        places = {}
        for turn in range(3):
            for path in b"abcdefghijkl":
                for s in servers:
                    s.heads.clear()
                talk(base + list(CASES).index(BY_RULES), get("/%c" % path))
                places.setdefault(path, set()).update(s.address for s in servers if s.heads)
        assert all(len(p) == 1 for p in places.values()) and len(set.union(*places.values())) == 2, (base, places)
    # What the guard has read is what a new worker has, whatever has become of the files.
    for name in FILES:
        (node.lab.folder / name).unlink()
    worker = node.worker()
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: node.children() and node.worker() != worker, 5, "another worker")
    answers, _ = talk(2000 + list(CASES).index("errorfile"), get("/a"))
    assert answers[0][2] == b"slow\n"
