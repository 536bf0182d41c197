# SPDX-License-Identifier: MIT
"""Bodies pass through bounded buffers: what is large, or is not read, costs no more memory than what is idle; and afterwards
everything has been given back. TANDEM_FLOW_MB=10240 sends 10 GB instead of some hundred megabytes, TANDEM_FLOW_BYTES=4000000
lets the thousand clients move up to 4 MB each."""
import os
import pathlib
import socket
import struct
import sys
import threading
import time

import pytest
from lab import InHost, ScriptedServer, dial, wait_for
from raw import LB, OURS, start

MB = int(os.environ.get("TANDEM_FLOW_MB", "300"))
LOAD_BYTES = int(os.environ.get("TANDEM_FLOW_BYTES", "400000"))
LOAD = pathlib.Path(__file__).parent / "load.py"
ZEROS = bytes(1 << 20)
SOCKET = "/run/lab/tandem.sock"


def rss_kb(pid):
    """By the page tables: what /proc/PID/status says is rounded by some pages a core."""
    return int(pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().split("\nRss:")[1].split()[0])


def pools():
    """What is taken from the worker's pools, of `show info`."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(SOCKET)
        s.sendall(b"show info\n")
        text = b""
        while more := s.recv(65536):
            text += more
    info = dict(line.split(": ", 1) for line in text.decode().split("\n") if ": " in line)
    return tuple(int(info[name]) for name in ("CurrConns", "UsedBuffers", "UsedServerConns", "UsedLogLines"))


def all_given_back():
    """Idle server connections stay for some seconds."""
    wait_for(lambda: pools() == (0, 0, 0, 0), 15, "the pools to be full")


class Sink(ScriptedServer):
    """POST: swallows the body. GET: sends zeros without end in sight."""

    def __init__(self, lab):
        self.swallowed, self.stall_over = 0, threading.Event()
        super().__init__(lab, self.play)

    def play(self, connection, _):
        head, rest = self.head(connection)
        if head.startswith(b"POST /stalled"):
            self.stall_over.wait(120)
        elif head.startswith(b"POST"):
            self.swallowed = len(rest)
            while self.swallowed < MB << 20:
                self.swallowed += len(connection.recv(1 << 20))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (MB << 20))
            for _ in range(MB):
                connection.sendall(ZEROS)


@pytest.fixture
def sink(lab):
    server = Sink(lab)
    yield server
    server.stall_over.set()
    server.close()


def run(lab, sink, **options):
    return start(lab, [sink.address], haproxy=False, globals=f"stats socket {SOCKET}", client="60s", server="60s", **options)


def test_large_and_stalled_transfers_cost_two_buffers(lab, sink):
    node = run(lab, sink)
    worker = node.worker()
    lab.client.run("curl", "-s", "-m", "5", "-o", "/dev/null", "-r", "0-0", f"http://{LB}/", check=False)
    all_given_back()
    idle = rss_kb(worker)
    most, done = [0, 0], threading.Event()

    def watch():
        while not done.is_set():
            most[0], most[1] = max(most[0], rss_kb(worker)), max(most[1], pools()[1])
            time.sleep(0.02)
    watcher = threading.Thread(target=watch)
    watcher.start()
    stalled = [dial(LB, OURS, timeout=60) for _ in range(16)]
    for s in stalled[:8]:               # clients that do not read
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    for s in stalled[8:]:               # and a server that does not
        s.sendall(b"POST /stalled HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (MB << 20))
        s.settimeout(0.2)
        try:
            while True:
                s.sendall(ZEROS)
        except TimeoutError:
            pass
    with dial(LB, OURS, timeout=60) as s:
        s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (MB << 20))
        for _ in range(MB):
            s.sendall(ZEROS)
        assert s.recv(4096).endswith(b"\r\n\r\nok") and sink.swallowed == MB << 20
    with dial(LB, OURS, timeout=60) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = 0
        while more := s.recv(1 << 20):
            got += len(more)
        assert got > MB << 20
    done.set()
    watcher.join()
    for s in stalled:
        s.close()
    sink.stall_over.set()
    print(f"{MB} MB up and down, and 16 stalled transfers: {most[1]} buffers, {idle} kB before, {most[0]} kB at most")
    # Sixteen stalled ones with a buffer each, two for who is active, and the stack; pages of them are 4 kB.
    assert most[1] <= 18 and most[0] - idle <= 18 * 20 + 64, (idle, most)
    all_given_back()


def test_a_thousand_clients_at_once(lab, sink):
    """Through maxconn 256, with uploads and downloads of random sizes, chunked or not."""
    server = lab.web01.spawn(sys.executable, LOAD, "serve", lab.web01.address, "8099")
    try:
        def listening():
            with InHost("client"):
                try:
                    socket.create_connection((lab.web01.address, 8099), 1).close()
                    return True
                except OSError:
                    return False
        wait_for(listening, 10, "the server")
        start(lab, [f"{lab.web01.address}:8099"], haproxy=False, globals=f"stats socket {SOCKET}", client="60s", server="60s", request="60s")
        said = lab.client.run(sys.executable, LOAD, "load", LB, OURS, 1000, LOAD_BYTES, timeout=300)
        assert said.strip() == "{'right': 1000}"
        all_given_back()
    finally:
        server.kill()
        server.wait()


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def fill(s):
    """Sends until nobody has taken anything for a while."""
    s.settimeout(0.3)
    try:
        while True:
            s.send(ZEROS)
    except TimeoutError:
        pass


def test_who_is_reset_is_forgotten(lab):
    """A client before an interim answer to it; client and server of a tunnel in which both directions stand still."""
    go, gone = threading.Event(), threading.Event()

    def play(connection, _):
        head, _ = server.head(connection)
        go.wait(20)
        if b"upgrade" in head.lower():
            connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
            fill(connection)
            reset(connection)
            gone.set()
        else:
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            connection.recv(1)

    def connections(port):
        return len(lab.lb01.run("ss", "-tnH", "sport", "=", f":{port}").splitlines())
    server = ScriptedServer(lab, play)
    node = start(lab, [server.address], haproxy=False, globals=f"stats socket {SOCKET}", client="60s", server="60s")
    worker = node.worker()
    client = dial(LB, OURS)
    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_for(lambda: server.received, 10, "the request")
    reset(client)
    wait_for(lambda: connections(OURS) == 0, 10, "the reset")
    go.set()
    all_given_back()
    assert node.worker() == worker, node.log()
    client = dial(LB, OURS)
    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
    fill(client)
    assert gone.wait(20)
    reset(client)
    all_given_back()
    server.close()
