# SPDX-License-Identifier: MIT
"""tandem and Debian's HAProxy side by side with the same lines, before a server that records each byte it gets."""
import pathlib
import threading

from lab import ScriptedServer, Tandem, exchange, wait_for

LB = "192.168.1.11"
OURS, THEIRS = 80, 81           # ports of lb01
CONF = """
global
    maxconn 256
    {user}
    log {log} local0 info
    {globals}
defaults
    mode http
    log global
    option httplog
    timeout connect 2s
    timeout client {client}
    timeout server {server}
    timeout http-request {request}
{defaults}
frontend front
    bind 192.168.1.11:{port}
    default_backend back
{frontend}
backend back
{backend}
{servers}
"""


def start(lab, servers, backend="", frontend="", defaults="", client="5s", server="5s", request="5s", globals="",
          haproxy=True):
    """tandem on port 80 and, if wanted, HAProxy on port 81. Returns tandem."""
    def conf(**more):
        lines = "".join(f"    server s{i} {s}\n" for i, s in enumerate(servers, 1))
        return CONF.format(backend=backend, frontend=frontend, defaults=defaults, client=client, server=server, request=request,
                           globals=globals, servers=lines, **more)
    if haproxy:
        path = pathlib.Path(lab.folder) / "haproxy.cfg"
        path.write_text(conf(port=THEIRS, user="", log="127.0.0.1"))
        lab.lb01.spawn("haproxy", "-q", "-db", "-f", path)
    node = Tandem(lab, "lb01", conf(port=OURS, user="user nobody", log="stderr")).start()
    if haproxy:
        wait_for(lambda: f"{LB}:{THEIRS} " in lab.lb01.run("ss", "-ltn"), 5, "haproxy")
    return node


class Recorder(ScriptedServer):
    """Keeps what came on each connection, up to its end, and sends `answer` when `until` is there; then `then` (a function
    of the connection) if there is one."""

    def __init__(self, lab, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", until=b"\r\n\r\n", then=None):
        self.answer, self.until, self.then, self.got, self.lock, self.open = answer, until, then, [], threading.Lock(), 0
        super().__init__(lab, self.record)

    def record(self, connection, _):
        with self.lock:
            self.got.append(b"")
            at, self.open = len(self.got) - 1, self.open + 1
        try:
            answered = False
            while more := connection.recv(65536):
                with self.lock:
                    self.got[at] += more
                if not answered and self.until in self.got[at]:
                    answered = True
                    if self.answer:
                        connection.sendall(self.answer)
                    if self.then:
                        self.then(connection)
        finally:
            with self.lock:
                self.open -= 1

    def take(self):
        """What came since the last time; waits until all connections have ended."""
        wait_for(lambda: self.open == 0, 10, "the end of the connections to the server")
        with self.lock:
            got, self.got = self.got, []
        return got


def status(data):
    """0: nothing that is a response."""
    return int(data[9:12]) if data.startswith(b"HTTP/1.") and data[9:12].isdigit() else 0


def ask(port, request, timeout=3):
    return exchange(LB, port, request, timeout=timeout)


def read_all(s):
    """Up to the end, which may be a reset: then <RESET> stands there."""
    data = b""
    try:
        while more := s.recv(65536):
            data += more
    except ConnectionResetError:
        data += b"<RESET>"
    return data
