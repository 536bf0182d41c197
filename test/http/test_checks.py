# SPDX-License-Identifier: MIT
"""Health checks of each kind, beside Debian's HAProxy with the same lines before the same servers: what they ask, when a server
counts as up and as down, and the reason in the log."""
import pathlib
import re
import socket
import struct

from lab import ScriptedServer, Tandem, wait_for

GLOBAL = """
global
    {user}
    log {log} local0 info
defaults
    mode http
    log global
    timeout connect 2s
    timeout client 5s
    timeout server 5s
    timeout check 2s
    option httpchk GET /inherited HTTP/1.1
    http-check send hdr Host inherited
    http-check expect status 204
{option}
"""


def ok(body="ok", line="HTTP/1.1 200 OK"):
    return f"{line}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def said(wanted, *answers):
    """What a server does on a connection: each wanted text is waited for, then the answer goes out."""
    return list(zip(wanted, answers))


END = b"\r\n\r\n"
CLOSE, RESET, SILENT = object(), object(), object()
HTTP = "option httpchk GET /health"
# lines; what the server does while it is good, and while it is bad
CASES = {
    "inherited": ([], said([END], ok(line="HTTP/1.1 204 None")), said([END], ok())),
    "not inherited": (["option httpchk POST /own"], said([END], ok()), said([END], ok(line="HTTP/1.1 404 None"))),
    "only the kind is inherited": (["http-check send hdr Host own"], said([END], ok()), said([END], ok(line="HTTP/1.1 404 None"))),
    "plain tcp": (["option tcp-check"], said([b""], SILENT), None),
    "expect default": ([HTTP], said([END], ok()), said([END], ok(line="HTTP/1.1 503 Not now"))),
    "expect status": ([HTTP, "http-check expect status 200-299,404"], said([END], ok(line="HTTP/1.1 404 None")), said([END], ok(line="HTTP/1.1 302 Away"))),
    "expect no status": ([HTTP, "http-check expect ! status 500-599"], said([END], ok(line="HTTP/1.1 404 None")), said([END], ok(line="HTTP/1.1 500 Oh"))),
    "expect string": ([HTTP, "http-check expect string well"], said([END], ok("all is well")), said([END], ok("all is bad"))),
    "expect no string": ([HTTP, "http-check expect ! string bad"], said([END], ok("all is well")), said([END], ok("all is bad"))),
    "no http": ([HTTP], said([END], ok()), said([END], b"SSH-2.0-OpenSSH\r\n")),
    "nothing": ([HTTP], said([END], ok()), said([END], CLOSE)),
    "silence": ([HTTP], said([END], ok()), said([END], SILENT)),
    "send": ([HTTP, "http-check send meth POST uri /a?b ver HTTP/1.1 hdr Host www.example.net hdr X-A \"b c\" body hello"], said([b"hello"], ok()),
             said([b"hello"], ok(line="HTTP/1.1 400 No"))),
    "send without option": (["option httpchk", "http-check send meth GET uri /x hdr Connection close ver HTTP/1.1"], said([END], ok()), said([END], CLOSE)),
    "send over option": (["option httpchk OPTIONS /y HTTP/1.1\\r\\nHost:\\ old", "http-check send hdr Host new"], said([END], ok()), said([END], CLOSE)),
    "put of nothing": (["option httpchk PUT /y"], said([END], ok()), said([END], CLOSE)),
    "connect": ([HTTP, "http-check connect", "http-check send uri /other", "http-check expect status 200"], said([END], ok()), said([END], ok(line="HTTP/1.1 201 Made"))),
    "steps": (["option tcp-check", "tcp-check send PING\\r\\n", "tcp-check expect string +PONG", "tcp-check send QUIT\\r\\n", "tcp-check expect string +OK"],
              said([b"PING\r\n", b"QUIT\r\n"], b"+PONG\r\n", b"+OK\r\n"), said([b"PING\r\n", b"QUIT\r\n"], b"+PONG\r\n", CLOSE)),
    "greeting": (["option tcp-check", "tcp-check connect", "tcp-check expect string 220", "tcp-check send QUIT\\r\\n"], said([b""], b"220 mail ESMTP\r\n"),
                 said([b""], CLOSE)),
    "wrong greeting": (["option tcp-check", "tcp-check connect", "tcp-check expect string 220"], said([b""], b"220 mail\r\n"),
                       [(b"", b"554 go away\r\n"), (b"", CLOSE)]),
    "silent greeting": (["option tcp-check", "tcp-check connect", "tcp-check expect string 220"], said([b""], b"220 mail\r\n"), said([b""], SILENT)),
    "unwanted": (["option tcp-check", "tcp-check send-binary 50494e47", "tcp-check expect ! string error"], [(b"PING", b"fine"), (b"", CLOSE)],
                 [(b"PING", b"an error")]),
    "binary": (["option tcp-check", "tcp-check send a", "tcp-check expect binary 00ff"], said([b"a"], b"x\0\xff"), [(b"a", b"x\0\xfe"), (b"", CLOSE)]),
    "two connections": (["option tcp-check", "tcp-check connect", "tcp-check send one", "tcp-check expect string 1", "tcp-check connect", "tcp-check send two",
                         "tcp-check expect string 2"], [(b"one", b"1")], said([b"one"], b"3")),
    "only connect": (["option tcp-check", "tcp-check connect"], said([b""], SILENT), None),
}


class Patient(ScriptedServer):
    """Good or bad; keeps what each connection said first."""

    def __init__(self, lab, good, bad):
        self.good, self.bad, self.is_good, self.heard = good, bad, False, []
        super().__init__(lab, self.play)

    def play(self, connection, _):
        heard = b""
        for wanted, answer in self.good if self.is_good else self.bad or [(b"", CLOSE)]:
            while wanted not in heard and heard != b"two":
                more = connection.recv(65536)
                if not more:
                    return
                heard += more
            if self.is_good:
                self.heard.append(heard)
            if heard == b"two":
                answer = b"2"
            if answer is SILENT:
                connection.recv(65536)
            elif answer is CLOSE:
                connection.shutdown(socket.SHUT_WR)
            elif answer is RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            else:
                connection.sendall(answer)
        while connection.recv(65536):
            pass


def reasons(log):
    """{backend: [what was said of its server, without figures that vary]}."""
    found = {}
    for name, rest in re.findall(r"Server (b\d+)/s is ((?:UP|DOWN), reason: .*?), check duration", log):
        found.setdefault(int(name[1:]), []).append(rest)
    return found


def results(log):
    """{backend: [each result that was logged]}."""
    found = {}
    for name, result, rest, status in re.findall(r"Health check for server b(\d+)/s (\w+), (reason: .*?), check duration: \d+ms, (status: [^.]*)", log):
        found.setdefault(int(name), []).append(f"{result}, {rest}, {status}")
    return found


def small_names(request):
    """Field names in small letters."""
    return re.sub(rb"(?m)^[A-Za-z-]+:", lambda m: m.group(0).lower(), request.split(b"\r\n\r\n")[0]) + request[request.find(b"\r\n\r\n"):]


def play(lab, option, rise_and_fall, seen):
    """The sick servers go down before both, then all are well; seen(log) is {case: [what the log says of it]}, whose last word is where
    it stands. Returns that of both programs, and the servers."""
    servers = [Patient(lab, good, bad) for _, good, bad in CASES.values()]

    def conf(user, log):
        text = GLOBAL.format(user=user, log=log, option=option) + f"frontend f\n    bind 192.168.1.11:{80 if user else 81}\n    default_backend b0\n"
        for i, (lines, _, bad) in enumerate(CASES.values()):
            text += f"backend b{i}\n" + "".join(f"    {line}\n" for line in lines)
            text += f"    server s {servers[i].address} check inter 300ms {rise_and_fall}\n"
        return text
    log_path = pathlib.Path(lab.folder) / "haproxy.log"
    path = pathlib.Path(lab.folder) / "haproxy.cfg"
    path.write_text(conf("", "127.0.0.1"))
    with open(log_path, "w") as log:
        lab.lb01.spawn("haproxy", "-db", "-f", path, stdout=log, stderr=log)
    node = Tandem(lab, "lb01", conf("user nobody", "stderr")).start()
    sick = {i for i, (_, _, bad) in enumerate(CASES.values()) if bad is not None}

    def all_say(word):
        return all(sick <= {i for i, lines in seen(log).items() if word in lines[-1]} for log in (node.log(), log_path.read_text()))
    wait_for(lambda: all_say("DOWN"), 30, "the sick are down")
    for s in servers:
        s.is_good = True
    wait_for(lambda: all_say("UP"), 30, "they are up again")
    for s in servers:
        s.close()
    return seen(node.log()), seen(log_path.read_text()), servers


def test_checks_are_haproxys(lab):
    ours, theirs, servers = play(lab, "", "fall 1 rise 1", reasons)
    for i, name in enumerate(CASES):
        assert ours.get(i) == theirs.get(i), name
        assert len({small_names(h) for h in servers[i].heard if END in h}) <= 1, (name, servers[i].heard)


def test_each_result_in_the_log_is_haproxys(lab):
    """option log-health-checks. (HAProxy then leaves the reason out of the line about the server; we do not.)"""
    ours, theirs, _ = play(lab, "    option log-health-checks\n", "fall 2 rise 2", results)
    for i, name in enumerate(CASES):
        assert ours.get(i) == theirs.get(i), name
