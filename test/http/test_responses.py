# SPDX-License-Identifier: MIT
"""Servers that misbehave: a client gets a whole answer that is its own, an error, or sees that something is missing; it never
gets another's, and nothing that such a server said is taken for the next answer."""
import http.client
import os
import pathlib
import random
import re
import signal
import socket
import struct
import threading
import time

import pytest
from lab import InHost, ScriptedServer, dial, exchange, one_response, wait_for
from raw import LB, OURS, THEIRS, ask, read_all, start, status
from test_strict import CHUNKS

GET = b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"


def ok(fields=b"", body=b"", line=b"HTTP/1.1 200 OK"):
    return line + b"\r\n" + fields + b"\r\n" + body


def length(value, body=b"hello"):
    return ok(b"Content-Length:" + value + b"\r\n", body)


def coding(value, line=b"HTTP/1.1 200 OK"):
    return ok(b"Transfer-Encoding:" + value + b"\r\n", b"5\r\nhello\r\n0\r\n\r\n", line)


# Why we refuse what HAProxy 2.6 passes on.
ONE = "RFC 9112 6.3 case 3 would let the coding win; but one of the two is wrong, and nobody can tell which"
LISTS = "RFC 9112 6.3 case 5 allows to fold equal ones; another hop may not"
LAX = "RFC 9112 5.2, 2.2: the client may read another head than we did"
CONTROL = "RFC 9110 5.5: dangerous: what is behind it exists for some readers only"
CODE = "RFC 9112 4: three digits, of which the first says whether there is a body at all"
VERSION = "a version that we did not ask for may mean another framing"

# name: (answer, why we are right if HAProxy does not make it a 502 as well)
HEADS = {
    "length and coding": (ok(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), ONE),
    "two lengths that differ": (ok(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello!"), None),
    "two lengths": (ok(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"), LISTS),
    "list of lengths": (length(b" 5, 5"), LISTS),
    "plus": (length(b" +5"), None),
    "minus": (length(b" -5"), None),
    "hex length": (length(b" 0x5"), None),
    "empty length": (length(b""), None),
    "space in a length": (length(b" 5 0"), None),
    "length of 2^63": (length(b" 9223372036854775808"), None),
    "length of 2^64 and 5": (length(b" 18446744073709551621"), None),
    "two codings": (ok(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), None),
    "chunked twice": (coding(b" chunked, chunked"), None),
    "chunked not last": (coding(b" chunked, gzip"), None),
    "gzip": (coding(b" gzip"), None),
    "gzip, chunked": (coding(b" gzip, chunked"), None),
    "identity": (coding(b" identity"), None),
    "unknown coding": (coding(b" xchunked"), None),
    "chunked with a parameter": (coding(b" chunked;a=b"), None),
    "empty coding": (coding(b""), "what is behind it has no end that all agree on (RFC 9112 6.3 case 4)"),
    "chunked in 1.0": (coding(b" chunked", b"HTTP/1.0 200 OK"), "RFC 9112 6.1: faulty framing"),
    "obs-fold": (ok(b"A: b\r\n c\r\nContent-Length: 0\r\n"), LAX),
    "white space before the first field": (ok(b" A: b\r\nContent-Length: 0\r\n"), None),
    "bare LF": (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", LAX),
    "bare LF behind a field": (ok(b"A: b\nContent-Length: 0\r\n"), LAX),
    "bare CR": (ok(b"A: b\rC: d\r\nContent-Length: 0\r\n"), None),
    "NUL": (ok(b"A: b\0\r\nContent-Length: 0\r\n"), CONTROL),
    "control byte": (ok(b"A: b\x01\r\nContent-Length: 0\r\n"), CONTROL),
    "space before the colon": (ok(b"Content-Length : 0\r\n"), None),
    "empty name": (ok(b": b\r\nContent-Length: 0\r\n"), None),
    "no token": (ok(b"A(: b\r\nContent-Length: 0\r\n"), None),
    "no colon": (ok(b"A\r\nContent-Length: 0\r\n"), None),
    "two digits": (ok(b"Content-Length: 0\r\n", line=b"HTTP/1.1 20 OK"), CODE),
    "four digits": (ok(b"Content-Length: 0\r\n", line=b"HTTP/1.1 2000 OK"), CODE),
    "signed status": (ok(b"Content-Length: 0\r\n", line=b"HTTP/1.1 +20 OK"), None),
    "status 099": (ok(b"Content-Length: 0\r\n", line=b"HTTP/1.1 099 OK"), CODE),
    "two spaces": (ok(b"Content-Length: 0\r\n", line=b"HTTP/1.1  200 OK"), LAX),
    "small letters": (ok(b"Content-Length: 0\r\n", line=b"http/1.1 200 OK"), None),
    "HTTP/2.0": (ok(b"Content-Length: 0\r\n", line=b"HTTP/2.0 200 OK"), VERSION),
    "HTTP/1.2": (ok(b"Content-Length: 0\r\n", line=b"HTTP/1.2 200 OK"), VERSION),
    "another protocol": (b"ICY 200 OK\r\n\r\n", None),
    "a banner": (b"220 mail.example.net ESMTP\r\n", None),
    "an empty line before it": (b"\r\n" + length(b" 5"), LAX),
    "nothing but a body": (b"<html>hello</html>\r\n\r\n", None),
    "101 that nobody asked for": (ok(b"Upgrade: x\r\nConnection: upgrade\r\n", EVIL, b"HTTP/1.1 101 Switching Protocols"), None),
    "1xx that speaks of a body": (ok(b"Content-Length: 5\r\n", b"hello" + EVIL, b"HTTP/1.1 103 Early Hints"), None),
    "1xx with a coding": (ok(b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n" + EVIL, b"HTTP/1.1 100 Continue"), None),
    "1xx and nothing else": (ok(line=b"HTTP/1.1 103 Early Hints"), None),
    "half a status line": (b"HTTP/1.1 20", None),
    "half a head": (b"HTTP/1.1 200 OK\r\nConte", None),
    "a head without its end": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", None),
    "nothing": (b"", None),
    "a head that does not end": (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 5000, None),
}


class Once(ScriptedServer):
    """Reads a request, says `answer`, and ends."""

    def __init__(self, lab):
        self.answer = b""
        super().__init__(lab, self.script_once)

    def script_once(self, connection, _):
        self.head(connection)
        connection.sendall(self.answer)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


def test_broken_heads_are_a_502(lab):
    server = Once(lab)
    start(lab, [server.address])
    for name, (server.answer, why) in HEADS.items():
        ours = ask(OURS, GET)
        *interim, last = re.split(rb"(?=HTTP/1\.1 \d)", ours)[1:]
        assert status(last) == 502 and last.endswith(b"</html>\n") and b"\r\nconnection: close\r\n" in last, (name, ours)
        assert all(status(i) == 103 for i in interim) and b"evil" not in ours and b"hello" not in ours, (name, ours)
        theirs = ask(THEIRS, GET, 1)
        assert status(theirs) in (502, 103) or why, f"{name}: HAProxy passes it: {theirs}"
    server.close()


def is_whole(data):
    """Would a client that knows its RFC take this for a whole answer?"""
    try:
        _, headers, body = one_response(data)
        return "transfer-encoding" in headers or len(body) == int(headers.get("content-length", len(body)))
    except (ValueError, OSError, http.client.HTTPException):
        return False


def test_broken_bodies_are_not_taken_for_whole(lab):
    """By then the client has the head, so that there is no error to be sent: it must miss the end."""
    server = Once(lab)
    start(lab, [server.address], haproxy=False)
    chunked = ok(b"Transfer-Encoding: chunked\r\n")
    cases = {name: chunked + b"3\r\nabc\r\n" + chunks for name, (chunks, _) in CHUNKS.items()}
    cases |= {"cut length": length(b" 10"), "cut chunk": chunked + b"9\r\nhello", "no last chunk": chunked + b"5\r\nhello\r\n",
              "half a last chunk": chunked + b"5\r\nhello\r\n0\r\n", "half a trailer": chunked + b"5\r\nhello\r\n0\r\nA: b\r\n"}
    for name, server.answer in cases.items():
        for version in (b"1.1", b"1.0"):
            data = ask(OURS, GET.replace(b"1.1", version))
            assert status(data) == 502 or data.endswith(b"<RESET>") or not is_whole(data), (name, version, data)
    server.close()


# ---- connections that are used again ----

class Echo(ScriptedServer):
    """Answers with the path as body. What else it does stands at the path's start."""

    def __init__(self, lab):
        self.heads, self.lock, self.ended = [], threading.Lock(), set()
        super().__init__(lab, self.serve_all)

    def serve_all(self, connection, number):
        try:
            self.serve_requests(connection, number)
        finally:
            self.ended.add(number)

    def serve_requests(self, connection, number):
        rest = b""
        while True:
            data = rest
            while b"\r\n\r\n" not in data:
                more = connection.recv(65536)
                if not more:
                    return
                data += more
            head, rest = data.split(b"\r\n\r\n", 1)
            with self.lock:
                self.heads.append((number, head))
            method, path = head.split(b" ", 2)[:2]
            if not self.act(connection, method, path):
                return
            wanted = re.search(rb"\r\ncontent-length: (\d+)", head)
            while wanted and len(rest) < int(wanted.group(1)):
                more = connection.recv(65536)
                if not more:
                    return
                rest += more
            rest = rest[int(wanted.group(1)):] if wanted else rest

    def act(self, c, method, path):
        """False: the connection ends."""
        body = b"" if method == b"HEAD" else path
        good = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path)
        word = path[1:].split(b"/")[0]
        if word == b"extra":
            c.sendall(good + body + EVIL)
        elif word == b"late":
            c.sendall(good + body)
            time.sleep(0.02)
            c.sendall(EVIL)
        elif word == b"204":
            c.sendall(b"HTTP/1.1 204 No Content\r\nX-Path: " + path + b"\r\n\r\n" + EVIL)
        elif word == b"204-length":
            c.sendall(b"HTTP/1.1 204 No Content\r\nX-Path: " + path + b"\r\nContent-Length: %d\r\n\r\n" % len(EVIL))
            time.sleep(0.02)
            c.sendall(EVIL)
        elif word == b"304":
            c.sendall(b"HTTP/1.1 304 Not Modified\r\nX-Path: " + path + b"\r\nContent-Length: %d\r\n\r\n" % len(EVIL) + EVIL)
        elif word == b"head":
            c.sendall(good + path + EVIL)
        elif word == b"flood":
            c.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 300 + good + body)
        elif word == b"chunked":
            c.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            c.sendall(b"" if method == b"HEAD" else b"%x\r\n%s\r\n0\r\n\r\n" % (len(path), path))
        elif word == b"close":
            c.sendall(good.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n") + body + EVIL)
        elif word == b"cut":
            c.sendall(good + path[:-1])
        elif word == b"bad":
            c.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n" + path + b"\r\n0\r\n\r\n")
        elif word == b"nothing":
            pass
        elif word == b"reset":
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif word == b"early":
            c.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: %d\r\n\r\n" % len(path) + body)
        else:
            c.sendall(good + body)
            return True
        return word in (b"extra", b"late", b"204", b"204-length", b"304", b"head", b"flood", b"chunked", b"early")


@pytest.fixture
def echo(lab):
    server = Echo(lab)
    yield server
    server.close()


class Browser:
    """One connection to the proxy that is kept; reads answers as the RFC says."""

    def __init__(self, port=OURS):
        self.socket, self.data = dial(LB, port), b""

    def more(self):
        got = self.socket.recv(65536)
        if not got:
            raise EOFError
        self.data += got

    def head(self):
        while b"\r\n\r\n" not in self.data:
            self.more()
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        return head.lower()

    def ask(self, path, method=b"GET", fields=b"", body=b""):
        """Status, and the body; X-Path for one that has none."""
        self.socket.sendall(method + b" " + path + b" HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n" + body)
        head = self.head()
        while status(b"HTTP" + head[4:]) == 103:
            head = self.head()
        code = status(b"HTTP" + head[4:])
        if method == b"HEAD":
            return code, path
        if code in (204, 304):
            return code, re.search(rb"x-path: (\S+)", head).group(1)
        got = b""
        if b"transfer-encoding: chunked" in head:
            while True:
                size = int(self.line(), 16)
                got += self.take(size)
                assert self.take(2) == b"\r\n"
                if size == 0:
                    return code, got
        return code, self.take(int(re.search(rb"content-length: (\d+)", head).group(1)))

    def line(self):
        while b"\r\n" not in self.data:
            self.more()
        line, self.data = self.data.split(b"\r\n", 1)
        return line

    def take(self, n):
        while len(self.data) < n:
            self.more()
        got, self.data = self.data[:n], self.data[n:]
        return got


def test_what_a_server_says_too_much_is_nobodys(lab, echo):
    """In the same packet as the answer, or a moment later: the next request goes out on another connection."""
    start(lab, [echo.address], haproxy=False)
    browser, other = Browser(), Browser()
    other.ask(b"/first")
    for word in (b"extra", b"late", b"204", b"204-length", b"304", b"head", b"close"):
        methods = (b"HEAD",) if word == b"head" else (b"GET", b"HEAD") if word in (b"extra", b"late", b"close") else (b"GET",)
        for method in methods:
            path = b"/" + word + b"/1"
            assert browser.ask(path, method)[1] == path
            number = echo.heads[-1][0]
            if word == b"late":         # what comes while a request is under way could not be told from its answer
                wait_for(lambda: number in echo.ended, 5, "the end of a connection that spoke")
            assert browser.ask(b"/own") == (200, b"/own") and other.ask(b"/others") == (200, b"/others"), word
            assert [n for n, h in echo.heads[-2:] if n == number] == [], word


def test_a_waiting_connection_that_speaks_is_not_used(lab, echo):
    """Both are there when the worker looks: the bytes nobody asked for, and the next request."""
    def unread():
        lines = [line.split() for line in lab.lb01.run("ss", "-tnH", "dst", echo.address).splitlines()]
        return any(int(line[1]) > 0 for line in lines)
    node = start(lab, [echo.address], haproxy=False)
    for turn in range(4):
        browsers = [Browser() for _ in range(3)]
        for b in browsers:
            assert b.ask(b"/first") == (200, b"/first")
        assert browsers[0].ask(b"/late/1") == (200, b"/late/1")         # speaks in 20 ms
        os.kill(node.worker(), signal.SIGSTOP)
        wait_for(unread, 5, "words that nobody asked for")
        request = b"GET /own HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        for b in browsers:
            b.socket.sendall(request)
        os.kill(node.worker(), signal.SIGCONT)
        for b in browsers:
            assert read_all(b.socket).endswith(b"\r\n\r\n/own")


def test_a_connection_that_is_used_again_at_once_is_looked_at(lab):
    """The next request is there already, and what nobody asked for comes while the worker is busy with the answer."""
    answered = threading.Event()

    def play(connection, number):
        server.head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nown")
        answered.wait(10)
        if number == 1:
            connection.sendall(EVIL)
        connection.recv(1)
    server = ScriptedServer(lab, play)
    node = start(lab, [server.address], haproxy=False)
    tracer = lab.lb01.spawn("strace", "-p", node.worker(), "-e", "inject=sendmsg:delay_exit=400000", "-o", "/dev/null")
    wait_for(lambda: "TracerPid:\t0" not in pathlib.Path(f"/proc/{node.worker()}/status").read_text(), 10, "strace")
    browser = Browser()
    browser.socket.sendall(b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    while b"own" not in browser.data:
        browser.more()
    answered.set()
    data = browser.data + read_all(browser.socket)
    tracer.kill()
    tracer.wait()
    assert data.count(b"own") == 2 and b"evil" not in data and server.accepted == 2, data
    server.close()


def test_an_answer_before_the_request_leaves_no_connection(lab):
    """It cannot be told from an early answer to it. But then the answer to it is one too many."""
    ended = []

    def first(connection, number):
        connection.sendall(EVIL.replace(b"evil", b"1st!"))
        try:
            server.head(connection)
            connection.sendall(EVIL)
            server.head(connection)
        finally:
            ended.append(number)
    server = ScriptedServer(lab, first)
    start(lab, [server.address], haproxy=False)
    browser = Browser()
    for i in range(1, 6):
        assert browser.ask(b"/a") == (200, b"1st!")
        # What comes while the next one is under way could not be told from its answer.
        wait_for(lambda: len(ended) == i, 5, "the end of the connection")
    assert server.accepted == 5 and len(server.received) == 5
    server.close()


# ---- to another protocol ----

KEY, ACCEPT = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
NOT_OFFERED = "RFC 9110 7.8: only to a protocol that the client has named"
# (request's fields behind "Upgrade: ", answer's, status, why it is not HAProxy's)
SWITCHES = [
    (b"websocket\r\n" + KEY, b"websocket\r\n" + ACCEPT, 101, None),
    (b"websocket\r\n", b"websocket\r\n" + ACCEPT, 400, None),
    (b"websocket\r\n" + KEY, b"websocket\r\n", 502, None),
    (b"websocket\r\n" + KEY, b"other\r\n", 502, NOT_OFFERED),
    (b"other/1\r\n", b"websocket\r\n" + ACCEPT, 502, NOT_OFFERED),
    (b"other/1\r\n", b"\r\n", 502, NOT_OFFERED),
    (b"Other/1, more\r\n", b"other/1\r\n", 101, None),
    (b"other\r\nUpgrade: more\r\n", b"more, other\r\n", 101, None),
]


def test_only_what_was_offered_is_switched_to(lab):
    server = Once(lab)
    start(lab, [server.address])
    for offer, answer, code, why in SWITCHES:
        server.answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: " + answer + b"\r\n"
        request = b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: " + offer + b"\r\n"
        ours, theirs = [status(exchange(LB, port, request, timeout=3, shut=True)) for port in (OURS, THEIRS)]
        assert ours == code and (theirs == code or why), (offer, answer, ours, theirs)
    server.close()


# ---- early answers ----

def test_an_early_answer_leaves_no_connection_behind(lab, echo):
    """Whether the rest of the request's body comes or not, nothing that is hidden in it is taken for a request."""
    start(lab, [echo.address], haproxy=False)
    hidden = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
    for fields, body in ((b"Content-Length: 5000\r\n", hidden), (b"Transfer-Encoding: chunked\r\n", b"30\r\n" + hidden),
                         (b"Content-Length: 5000\r\nExpect: 100-continue\r\n", b"")):
        browser = Browser()
        code, got = browser.ask(b"/early/1", b"POST", fields, body)
        assert (code, got) == (413, b"/early/1")
        number = echo.heads[-1][0]
        try:
            browser.socket.sendall(hidden * 3)
            assert read_all(browser.socket) in (b"", b"<RESET>")
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert Browser().ask(b"/own") == (200, b"/own")
        assert echo.heads[-1][0] != number and not any(h.startswith(b"GET /hidden") for _, h in echo.heads)


def test_the_end_of_an_early_answer_is_not_lost(lab):
    """The client goes on sending and reads nothing for longer than anybody waits for one that has its answer; then it reads it
    all. One that reads nothing at all is waited for as long as `timeout client` says."""
    size = 40000                        # as much as the proxy's system takes at once, but not the client's

    def early(connection, _):
        server.head(connection)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
        while connection.recv(65536):
            pass

    def connect(port):
        with InHost("client"):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.settimeout(10)
            s.connect((LB, port))
        s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        return s
    server = ScriptedServer(lab, early)
    start(lab, [server.address])
    clients, silent = [connect(OURS), connect(THEIRS)], connect(OURS)
    for _ in range(30):
        time.sleep(0.1)
        for s in clients:
            s.send(b"x")
    for s in clients:
        head, body = read_all(s).split(b"\r\n\r\n", 1)
        assert status(head) == 413 and body == b"x" * size, len(body)
    wait_for(lambda: "tandem" not in lab.lb01.run("ss", "-tnpH", "sport", "=", f":{OURS}"), 20, "the end of who does not read")
    silent.close()
    server.close()


# ---- twice or not ----

@pytest.mark.parametrize("how", ["end", "reset"])
def test_only_what_may_be_sent_twice_is(lab, how):
    """The server ends a connection that was used before, without an answer. Had it done what was asked? Nobody knows."""
    def once(connection, _):
        server.head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        server.head(connection)
        if how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server = ScriptedServer(lab, once)
    start(lab, [server.address], haproxy=False)
    for method, body, twice in ((b"GET", b"", True), (b"PUT", b"hello", True), (b"DELETE", b"", True), (b"OPTIONS", b"", True),
                                (b"POST", b"", False), (b"POST", b"hello", False), (b"PATCH", b"", False), (b"BREW", b"", False)):
        browser = Browser()
        fields = b"Content-Length: %d\r\n" % len(body)
        assert browser.ask(b"/1", method, fields, body) == (200, b"ok")
        server.received.clear()
        if twice:
            assert browser.ask(b"/2", method, fields, body) == (200, b"ok"), method
        else:
            with pytest.raises((EOFError, ConnectionResetError)):
                browser.ask(b"/2", method, fields, body)
        assert len(server.received) == (2 if twice else 1), (method, body, server.received)
    server.close()


# ---- floods, and all of it at once ----

def test_a_flood_of_interim_answers(lab):
    count = 30000
    hint = b"HTTP/1.1 103 Early Hints\r\n\r\n"

    def flood(connection, _):
        server.head(connection)
        connection.sendall(hint * count + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        connection.recv(1)
    server = ScriptedServer(lab, flood)
    start(lab, [server.address], haproxy=False)
    data = ask(OURS, GET, 20)
    assert data.count(hint) == count and data.endswith(b"\r\n\r\nok")
    data = ask(OURS, GET.replace(b"1.1", b"1.0"), 20)
    assert data.startswith(b"HTTP/1.1 200 OK\r\n") and data.endswith(b"\r\n\r\nok")
    server.close()


def test_everybody_gets_their_own(lab, echo):
    """Clients with one wish after the other before a server that does all of the above, in an order that chance makes."""
    start(lab, [echo.address], haproxy=False)
    words = [b"own"] * 6 + [b"extra", b"204", b"304", b"flood", b"chunked", b"close", b"cut", b"bad", b"nothing", b"reset", b"early"]
    failed, whole, lock = [], [0], threading.Lock()

    def client(seed):
        dice, browser = random.Random(seed), Browser()
        for i in range(60):
            word = dice.choice(words)
            path = b"/%s/%d-%d" % (word, seed, i)
            method = b"POST" if word == b"early" else dice.choice([b"GET", b"GET", b"HEAD"])
            fields, body = (b"Content-Length: 3000\r\n", b"x" * dice.choice([0, 1500, 3000])) if method == b"POST" else (b"", b"")
            try:
                code, got = browser.ask(path, method, fields, body)
                with lock:
                    whole[0] += code < 500
                    if code < 500 and got != path or b"evil" in got:
                        failed.append((path, code, got))
                if code >= 400:
                    browser = Browser()
            except (EOFError, OSError):
                browser = Browser()
    threads = [threading.Thread(target=client, args=(seed,)) for seed in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not failed and whole[0] > 400


# ---- byte by byte ----

def test_byte_by_byte_is_the_same(lab):
    """Every message in pieces of one byte, both ways, with the same result as in one."""
    request = (b"POST /a HTTP/1.1\r\nHost: x\r\nCookie: a=b; c=d\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: u\r\n\r\n"
               b"GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answers = {b"POST": b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n",
               b"GET ": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"}
    bodies, slow = [], [False]

    def dribble(s, data):
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(data)):
            s.sendall(data[i:i + 1])
            time.sleep(0.0005)

    def serve(connection, _):
        while True:
            head, body = server.head(connection)
            while b"chunked" in head and not body.endswith(b"0\r\n\r\n"):
                body += connection.recv(65536)
            bodies.append(re.sub(rb"[0-9a-f]+\r\n(.*?)\r\n", rb"\1", body))
            answer = answers[head[:4]]
            dribble(connection, answer) if slow[0] else connection.sendall(answer)

    def plain(data):
        """Chunks of another size say the same."""
        return re.sub(rb"\r\n([1-9a-f])\r\n", b"\r\n", data).replace(b"abc\r\nde", b"abcde").replace(b"a\r\nb\r\nc\r\nd\r\ne", b"abcde")
    server = ScriptedServer(lab, serve)
    start(lab, [server.address], haproxy=False)
    results = []
    for slow[0] in (False, True):
        server.received.clear()
        bodies.clear()
        with dial(LB, OURS) as s:
            if slow[0]:
                dribble(s, request)
            else:
                s.sendall(request)
            data = read_all(s)
        results.append((plain(data), list(server.received), list(bodies)))
    assert results[0] == results[1]
    server.close()
