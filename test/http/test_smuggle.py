# SPDX-License-Identifier: MIT
"""What stands behind or inside a message is never taken for another: bodies of requests that tandem answers itself, pipelines with
a broken request in them, and bodies that look like requests."""
import re

import pytest
from lab import dial
from raw import LB, OURS, Recorder, read_all, start, status

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
RULES = """
    http-request deny if { path /deny }
    http-request return status 200 content-type text/plain string own if { path /return }
    http-request redirect location /elsewhere if { path /redirect }
    monitor-uri /monitor
"""
FRAMES = {
    "length": lambda body: (b"Content-Length: %d\r\n" % len(body), body),
    "chunked": lambda body: (b"Transfer-Encoding: chunked\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)),
}


@pytest.fixture
def server(lab):
    made = Recorder(lab)            # one request a connection
    yield made
    made.close()


def talk(*parts, wait=0.05):
    """Sends the parts one after the other, each in packets of its own; returns all answers up to the end."""
    with dial(LB, OURS, timeout=5) as s:
        try:
            for part in parts:
                s.sendall(part)
                if len(parts) > 1:
                    s.settimeout(wait)
                    try:
                        s.recv(1, 2)            # MSG_PEEK: whether there is an answer already does not matter
                    except TimeoutError:
                        pass
                    s.settimeout(5)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read_all(s)


@pytest.mark.parametrize("path", ["/deny", "/return", "/redirect", "/monitor", "/nowhere"])
def test_bodies_of_requests_that_we_answer_are_no_requests(lab, server, path):
    """/nowhere: there is no server for it. The body comes with the head, or later, or in part only."""
    start(lab, [server.address + (" disabled" if path == "/nowhere" else "")], haproxy=False, frontend=RULES)
    for name, frame in FRAMES.items():
        fields, body = frame(HIDDEN * 3)
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\n".encode() + fields + b"\r\n"
        for parts in ((head + body + LAST,), (head, body + LAST), (head + body[:20], body[20:] + LAST), (head + body, LAST)):
            data = talk(*parts)
            answers = re.findall(rb"HTTP/1\.1 (\d\d\d) ", data)
            assert 1 <= len(answers) <= 2, (name, parts, data)
            got = b"".join(server.take())
            assert b"hidden" not in got and b"POST" not in got, (name, parts, got)
            assert got == b"" or (len(answers) == 2 and got.startswith(b"GET /last ")), (name, parts, data, got)


def test_bodies_that_look_like_requests_stay_bodies(lab, server):
    start(lab, [server.address], haproxy=False)
    for name, frame in FRAMES.items():
        fields, body = frame(HIDDEN * 3)
        head = b"POST /a HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n"
        for parts in ((head + body + LAST,), (head, body + LAST), (head + body[:20], body[20:], LAST), (head + body, LAST)):
            server.until = b"ost: x\r\n\r\n"      # of the body, or of the last one
            talk(*parts)
            first, *others = server.take()
            plain = re.sub(rb"(?<=\r\n)[0-9a-f]+\r\n(.*?)\r\n(?=[0-9a-f]+\r\n)", rb"\1", first, flags=re.S)
            assert plain.count(HIDDEN) == 3 and not any(b"hidden" in other for other in others), (name, first, others)


BROKEN = {
    "length and coding": b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bare LF": b"GET /b HTTP/1.1\nHost: x\n\n",
    "no host": b"GET /b HTTP/1.1\r\n\r\n",
    "bad chunk": b"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
    "rubbish": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("apart", [False, True])
def test_a_broken_request_ends_the_pipeline(lab, server, apart):
    """Those before it are answered, in order; nothing behind it is."""
    start(lab, [server.address], haproxy=False)
    good = [b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % i for i in range(3)]
    for name, broken in BROKEN.items():
        parts = [*good[:1], broken, HIDDEN, LAST]
        data = talk(*parts) if apart else talk(b"".join(parts))
        answers = re.split(rb"(?=HTTP/1\.1 \d)", data)[1:]
        assert [status(a) for a in answers] == [200, 400], (name, data)
        got = b"".join(server.take())
        assert got.startswith(b"GET /0 ") and b"hidden" not in got and b"/last" not in got and b"/b" not in got, (name, got)
