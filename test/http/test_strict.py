# SPDX-License-Identifier: MIT
"""Requests that two parties could read differently: none reaches a server, and what is hidden behind them neither. The same
to Debian's HAProxy: where it lets one pass, the case says why we do not."""
import pytest
from lab import dial, wait_for
from raw import LB, OURS, THEIRS, Recorder, ask, read_all, start, status

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def post(fields, body=b"", version=b"1.1"):
    return b"POST /a HTTP/" + version + b"\r\nHost: x\r\n" + fields + b"\r\n" + body


def get(line=b"GET /a HTTP/1.1", fields=b"Host: x\r\n"):
    return line + b"\r\n" + fields + b"\r\n"


def length(value):
    return post(b"Content-Length:" + value + b"\r\n", b"hello")


def coding(value, version=b"1.1"):
    return post(b"Transfer-Encoding:" + value + b"\r\n", b"5\r\nhello\r\n0\r\n\r\n", version)


def host(value):
    return get(fields=b"Host:" + value + b"\r\n")


# Why we refuse what HAProxy 2.6 passes on.
ONE = "RFC 9112 6.3 case 3 allows to drop the length and go on; but who sends both wants two to read them differently"
LISTS = "RFC 9112 6.3 case 5 allows to fold equal ones; nobody honest sends them, and the next one may take the first, the last or none"
FOLD = "RFC 9112 5.2 leaves refusing or folding: what is refused nobody can fold in another way"
LF = "RFC 9112 2.2 allows to take it for a line end, so some do and some do not: a line can be hidden from one of them"
CONTROL = "RFC 9110 5.5: dangerous; who reads C strings sees the value, or the head, end there"
HOST = "RFC 9112 3.2: missing, double or invalid is 400; the next server may choose another site than we did"
SPACES = "RFC 9112 3: one space each; who splits at the first finds another target than who splits at the last"
VERSION = "RFC 9110 15.6.6: a version that we do not speak may mean another framing"

# name: (request, why we are right if HAProxy does not refuse it as well)
HEADS = {
    # ---- Content-Length ----
    "length and coding": (post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), ONE),
    "coding and length": (post(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n"), ONE),
    "two lengths that differ": (post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello!"), None),
    "two lengths": (post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"), LISTS),
    "list of lengths": (length(b" 5, 5"), LISTS),
    "list of lengths that differ": (length(b" 5, 6"), None),
    "comma behind a length": (length(b" 5,"), None),
    "comma before a length": (length(b" ,5"), None),
    "plus": (length(b" +5"), None),
    "minus": (length(b" -5"), None),
    "hex length": (length(b" 0x5"), None),
    "space in a length": (length(b" 5 0"), None),
    "underscore": (length(b" 5_0"), None),
    "fraction": (length(b" 5.0"), None),
    "exponent": (length(b" 5e0"), None),
    "form feed": (length(b" \x0c5"), None),
    "vertical tab": (length(b" 5\x0b"), None),
    "length with obs-text": (length(b" \xa05"), None),
    "empty length": (length(b""), None),
    "blank length": (length(b"  \t"), None),
    "quoted length": (length(b' "5"'), None),
    "length of 2^63": (length(b" 9223372036854775808"), None),
    "length of 2^64": (length(b" 18446744073709551616"), "the number does not fit: HAProxy 2.6 takes it for 0, and the body for a request"),
    "length of 2^64 and 5": (length(b" 18446744073709551621"), None),
    "length of many digits": (length(b" 00000000000000000000000005"), "who counts digits, or reads them as octal, comes to another end"),
    # ---- Transfer-Encoding ----
    "two codings": (post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), None),
    "coding and identity": (post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", b"0\r\n\r\n"), None),
    "chunked twice": (coding(b" chunked, chunked"), None),
    "chunked not last": (coding(b" chunked, gzip"), None),
    "identity": (coding(b" identity"), None),
    "gzip": (coding(b" gzip"), None),
    "gzip, chunked": (coding(b" gzip, chunked"), None),
    "unknown coding": (coding(b" xchunked"), None),
    "chunked with a parameter": (coding(b" chunked;a=b"), None),
    "quoted chunked": (coding(b' "chunked"'), None),
    "empty coding": (coding(b""), None),
    "comma behind chunked": (coding(b" chunked,"), "it is handed on with the comma: who behind us does not strip it takes no coding, and the chunks for requests"),
    "comma before chunked": (coding(b" ,chunked"), None),
    "vertical tab before chunked": (coding(b" \x0bchunked"), None),
    "form feed behind chunked": (coding(b" chunked\x0c"), None),
    "no-break space before chunked": (coding(b" \xa0chunked"), None),
    "chunked in 1.0": (coding(b" chunked", b"1.0"), "RFC 9112 6.1: the framing is faulty; a server of 1.0 does not know chunks"),
    "underscore in the name": (post(b"Transfer_Encoding: chunked\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"), None),
    # ---- lines ----
    "obs-fold": (get(fields=b"Host: x\r\nA: b\r\n c\r\n"), FOLD),
    "obs-fold of the coding": (post(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"), FOLD),
    "obs-fold with a tab": (get(fields=b"Host: x\r\nA: b\r\n\tc\r\n"), FOLD),
    "white space before the first field": (get(fields=b" Host: x\r\n"), None),
    "a blank line with a space": (get(fields=b"Host: x\r\n \r\n"), FOLD),
    "bare LF": (b"GET /a HTTP/1.1\nHost: x\n\n", LF),
    "bare LF behind the request line": (b"GET /a HTTP/1.1\nHost: x\r\n\r\n", LF),
    "bare LF behind a field": (get(fields=b"Host: x\r\nA: b\nC: d\r\n"), LF),
    "bare LF at the end": (b"GET /a HTTP/1.1\r\nHost: x\r\n\n", LF),
    "bare LF before it": (b"\n" + get(), LF),
    "bare CR in a field": (get(fields=b"Host: x\r\nA: b\rC: d\r\n"), None),
    "CR CR LF": (get(fields=b"Host: x\r\r\nA: b\r\n"), None),
    "bare CR behind the request line": (b"GET /a HTTP/1.1\rHost: x\r\n\r\n", None),
    "NUL in a value": (get(fields=b"Host: x\r\nA: b\0c\r\n"), CONTROL),
    "NUL in a name": (get(fields=b"Host: x\r\nA\0: b\r\n"), None),
    "control byte in a value": (get(fields=b"Host: x\r\nA: b\x01c\r\n"), CONTROL),
    "DEL in a value": (get(fields=b"Host: x\r\nA: b\x7fc\r\n"), CONTROL),
    "space before the colon": (post(b"Content-Length : 5\r\n", b"hello"), None),
    "tab before the colon": (post(b"Transfer-Encoding\t: chunked\r\n", b"0\r\n\r\n"), None),
    "empty name": (get(fields=b"Host: x\r\n: b\r\n"), None),
    "no colon": (get(fields=b"Host: x\r\nA\r\n"), None),
    "parenthesis in a name": (get(fields=b"Host: x\r\nA(: b\r\n"), None),
    "slash in a name": (get(fields=b"Host: x\r\nA/B: b\r\n"), None),
    "obs-text in a name": (get(fields=b"Host: x\r\nA\xe4: b\r\n"), None),
    # ---- Host ----
    "no Host": (get(fields=b""), HOST),
    "two Hosts": (get(fields=b"Host: x\r\nHost: y\r\n"), None),
    "two equal Hosts": (get(fields=b"Host: x\r\nHost: x\r\n"), HOST),
    "empty Host": (host(b""), HOST),
    "Host with a space": (host(b" x y"), HOST),
    "Host with a user": (host(b" u@x"), HOST),
    "Host with a path": (host(b" x/a"), HOST),
    "Host list": (host(b" x, y"), HOST),
    "Host with letters as port": (host(b" x:http"), HOST),
    "Host with port 65536": (host(b" x:65536"), HOST),
    "Host with an open bracket": (host(b" [::1"), HOST),
    "Host with obs-text": (host(b" x\xe4"), HOST),
    "absolute-form with a bad Host": (get(b"GET http://x/a HTTP/1.1", b"Host: x y\r\n"), None),
    "absolute-form with another Host and user": (get(b"GET http://u@x/a HTTP/1.1"), "RFC 9110 4.2.4: a user in an http URI is an error, and what it is for is to deceive"),
    # ---- request line ----
    "fragment": (get(b"GET /a#b HTTP/1.1"), None),
    "control byte in the target": (get(b"GET /\x01 HTTP/1.1"), None),
    "DEL in the target": (get(b"GET /\x7f HTTP/1.1"), None),
    "NUL in the target": (get(b"GET /\0 HTTP/1.1"), None),
    "obs-text in the target": (get(b"GET /\xe4 HTTP/1.1"), None),
    "tab in the target": (get(b"GET /a\tb HTTP/1.1"), None),
    "space in the target": (get(b"GET /a b HTTP/1.1"), None),
    "two spaces": (get(b"GET  /a HTTP/1.1"), SPACES),
    "two spaces before the version": (get(b"GET /a  HTTP/1.1"), SPACES),
    "tab for a space": (get(b"GET\t/a HTTP/1.1"), SPACES),
    "space first": (get(b" GET /a HTTP/1.1"), None),
    "space behind the version": (get(b"GET /a HTTP/1.1 "), None),
    "no version": (get(b"GET /a"), None),
    "no target": (get(b"GET HTTP/1.1"), None),
    "relative target": (get(b"GET a HTTP/1.1"), None),
    "authority-form": (get(b"GET x:80 HTTP/1.1"), None),
    "star": (get(b"GET * HTTP/1.1"), "RFC 9112 3.2.4: of OPTIONS only; there is no such resource"),
    "CONNECT with a path": (get(b"CONNECT /a HTTP/1.1"), None),
    "CONNECT with a body": (b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\nContent-Length: 5\r\n\r\nhello", "RFC 9110 9.3.6: content of a CONNECT has no meaning: it could as well be the tunnel's first bytes"),
    "method with a colon": (get(b"GE:T /a HTTP/1.1"), None),
    "small letters": (get(b"GET /a http/1.1"), None),
    "HTTP/0.9": (get(b"GET /a HTTP/0.9"), VERSION),
    "HTTP/1.2": (get(b"GET /a HTTP/1.2"), VERSION),
    "HTTP/1.10": (get(b"GET /a HTTP/1.10"), None),
    "HTTP/01.1": (get(b"GET /a HTTP/01.1"), None),
    "HTTP/2.0": (get(b"GET /a HTTP/2.0"), VERSION),
    "HTTP/1,1": (get(b"GET /a HTTP/1,1"), None),
    "HTTP/1.1x": (get(b"GET /a HTTP/1.1x"), None),
    "preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
    "Connection with a field that is none": (get(fields=b"Host: x\r\nConnection: a b\r\n"), "RFC 9110 7.6.1: the options are tokens; which fields end here cannot be told"),
    "an expectation that nobody knows": (get(fields=b"Host: x\r\nExpect: 200-ok\r\n"), "RFC 9110 10.1.1 lets us answer 417; the server would be the second to decide"),
}


# What stands behind a head with `Transfer-Encoding: chunked`.
BLANK = "RFC 9112 7.1 has no white space there, its errata know some in extensions: both readings are in use"
CRLF = "RFC 9112 7.1: CRLF; who reads a line to LF, and who takes two bytes for its end, part here"
LATE = "RFC 9110 6.5.1: not in trailers: who merges them into the head sees another length, site or user than we did"
CHUNKS = {
    "plus": (b"+5\r\nhello\r\n0\r\n\r\n", None),
    "minus": (b"-5\r\nhello\r\n0\r\n\r\n", None),
    "prefix": (b"0x5\r\nhello\r\n0\r\n\r\n", None),
    "space before a size": (b" 5\r\nhello\r\n0\r\n\r\n", None),
    "space behind a size": (b"5 \r\nhello\r\n0\r\n\r\n", BLANK),
    "tab behind a size": (b"5\t\r\nhello\r\n0\r\n\r\n", BLANK),
    "underscore": (b"0_5\r\nhello\r\n0\r\n\r\n", None),
    "no size": (b"\r\nhello\r\n0\r\n\r\n", None),
    "only an extension": (b";a\r\nhello\r\n0\r\n\r\n", None),
    "no digit": (b"g\r\nhello\r\n0\r\n\r\n", None),
    "2^63": (b"8000000000000000\r\nhello\r\n0\r\n\r\n", None),
    "2^64 and 5": (b"10000000000000005\r\nhello\r\n0\r\n\r\n", None),
    "bare LF behind a size": (b"5\nhello\r\n0\r\n\r\n", CRLF),
    "bare CR behind a size": (b"5\rhello\r\n0\r\n\r\n", None),
    "CR CR LF": (b"5\r\r\nhello\r\n0\r\n\r\n", None),
    "LF in an extension": (b"5;a\nb\r\nhello\r\n0\r\n\r\n", None),
    "CR in an extension": (b"5;a\rb\r\nhello\r\n0\r\n\r\n", None),
    "NUL in an extension": (b"5;a\0b\r\nhello\r\n0\r\n\r\n", CONTROL),
    "data longer than its size": (b"5\r\nhelloX\r\n0\r\n\r\n", None),
    "data shorter than its size": (b"6\r\nhello\r\n0\r\n\r\n", CRLF),
    "bare LF behind the data": (b"5\r\nhello\n0\r\n\r\n", CRLF),
    "bare CR behind the data": (b"5\r\nhello\r0\r\n\r\n", None),
    "no line end behind the data": (b"5\r\nhello0\r\n\r\n", None),
    "bare LF at the end": (b"5\r\nhello\r\n0\r\n\n", CRLF),
    "bare LF behind the last chunk": (b"5\r\nhello\r\n0\n\r\n", CRLF),
    "trailer without a colon": (b"0\r\nA b\r\n\r\n", None),
    "trailer with a space before the colon": (b"0\r\nA : b\r\n\r\n", "RFC 9112 5.1: 400, in any field"),
    "trailer without a name": (b"0\r\n: b\r\n\r\n", None),
    "trailer with a fold": (b"0\r\nA: b\r\n c\r\n\r\n", FOLD),
    "trailer with a bare LF": (b"0\r\nA: b\nB: c\r\n\r\n", LF),
    "trailer Content-Length": (b"0\r\nContent-Length: 3\r\n\r\n", LATE),
    "trailer Transfer-Encoding": (b"0\r\nTransfer-Encoding: chunked\r\n\r\n", LATE),
    "trailer Host": (b"0\r\nHost: y\r\n\r\n", LATE),
    "trailer Cookie": (b"0\r\nCookie: a=b\r\n\r\n", LATE),
    "trailer Authorization": (b"0\r\nAuthorization: Basic YTpi\r\n\r\n", LATE),
    "an extension without end": (b"5;" + b"a" * 2000 + b"\r\nhello\r\n0\r\n\r\n", "RFC 9112 7.1.1: limited; nobody has a use for them, and without a limit they cost time for no body at all"),
    "trailers without end": (b"0\r\n" + b"A: b\r\n" * 1000 + b"\r\n", None),
}

# What is right, if odd, must pass: request, and what of it the server gets behind the request line.
GOOD = {
    "chunked in capitals": (coding(b"\tCHUNKED "), b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    "small chunks, zeros and extensions": (post(b"Transfer-Encoding: chunked\r\n", b'0000000000000005;a="b;c"\r\nhello\r\nA ;b\r\n'.replace(b"A ", b"a") +
                                           b"0123456789\r\n00;x\r\nX-T: 1\r\n\r\n"), b"hello"),
    "an empty line before it": (b"\r\n" + get(), b""),
    "a length of 0": (post(b"Content-Length: 0\r\n"), b"content-length: 0\r\n"),
    "a length with zeros": (post(b"Content-Length: 00005\r\n", b"hello"), b"content-length: 5\r\n"),
    "obs-text in a value": (get(fields=b"Host: x\r\nA: \xe4\r\n"), b"A: \xe4\r\n"),
    "no space behind the colon": (get(fields=b"Host:x\r\nA:b\r\n"), b"A: b\r\n"),
    "white space around a value": (get(fields=b"Host: x\r\nA: \t b \t\r\n"), b"A: b\r\n"),
    "an empty value": (get(fields=b"Host: x\r\nA:\r\n"), b"A: \r\n"),
    "Host of IPv6 with a port": (host(b" [::1]:80"), b"host: [::1]:80\r\n"),
    "absolute-form": (get(b"GET http://y:81/a?b HTTP/1.1"), b"host: y:81\r\n"),
    "every mark in a target": (get(b"GET /a!$&'()*+,-./:;=?@[]_~%00\\^`{|}\"<> HTTP/1.1"), b""),
    "1.0 without Host": (get(b"GET /a HTTP/1.0", b""), b""),
    "OPTIONS *": (get(b"OPTIONS * HTTP/1.1"), b""),
}


@pytest.fixture
def server(lab):
    made = Recorder(lab)
    yield made
    made.close()


@pytest.fixture
def twins(lab, server):
    start(lab, [server.address])
    return server


def refusal(answer):
    """One answer, which says so and ends the connection."""
    return (status(answer) in (400, 417, 501, 505) and answer.count(b"\r\n\r\n") == 1 and answer.endswith(b"</html>\n") and
            b"\r\nconnection: close\r\n" in answer)


def test_ambiguous_heads_reach_no_server(twins):
    for name, (request, why) in HEADS.items():
        answer = ask(OURS, request + HIDDEN)
        assert refusal(answer), (name, answer)
        assert twins.take() == [], name
        theirs = ask(THEIRS, request + HIDDEN, 1)
        assert not twins.take() or why, f"{name}: HAProxy passes it: {theirs}"


def test_broken_chunks_reach_no_server(twins):
    head = post(b"Transfer-Encoding: chunked\r\n")
    for name, (chunks, why) in CHUNKS.items():
        assert refusal(ask(OURS, head + chunks + HIDDEN)), name
        assert twins.take() == [], name
        theirs = ask(THEIRS, head + chunks + HIDDEN, 1)
        assert not twins.take() or why, f"{name}: HAProxy passes it: {theirs}"


def test_chunks_that_break_late_end_the_request(lab, server):
    """The server has the head already: it must see neither an end of the message nor what is hidden behind it."""
    server.answer = None
    start(lab, [server.address], haproxy=False)
    for name, (chunks, _) in CHUNKS.items():
        with dial(LB, OURS) as s:
            s.sendall(post(b"Transfer-Encoding: chunked\r\n"))
            wait_for(lambda: server.got and server.got[0].endswith(b"\r\n\r\n"), 5, name)
            s.sendall(chunks + HIDDEN)
            assert refusal(read_all(s)), name
        [got] = server.take()
        assert b"hidden" not in got and not got.endswith(b"0\r\n\r\n"), (name, got)


def test_what_is_right_passes(lab, server):
    start(lab, [server.address], haproxy=False)
    for name, (request, wanted) in GOOD.items():
        answer = ask(OURS, request + HIDDEN.replace(b"hidden", b"next"))
        got = server.take()
        assert status(answer) == 200 and answer.endswith(b"ok"), (name, answer)
        assert wanted in got[0], (name, got)
        assert name.startswith("1.0") or (len(got) == 2 and got[1].startswith(b"GET /next HTTP/1.1\r\n")), (name, got)
