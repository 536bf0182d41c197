# SPDX-License-Identifier: MIT
"""Software that others wrote, before and behind tandem: python3-websockets, curl with every framing, wrk, h2load, nginx."""
import hashlib
import pathlib
import re
import socket
import sys

import pytest
from lab import InHost, wait_for
from raw import LB, OURS, start

HERE = pathlib.Path(__file__).parent
DEBIANS_PYTHON = "/usr/bin/python3"             # has Debian's websockets
NGINX = ["192.168.1.21:80 cookie web01", "192.168.1.22:80 cookie web02"]


@pytest.fixture
def serve(lab):
    """serve(program, port): a server of our own on web01; returns its address."""
    made = []

    def begin(python, script, port):
        made.append(lab.web01.spawn(python, HERE / script, "serve", lab.web01.address, port))

        def listening():
            with InHost("client"):
                try:
                    socket.create_connection((lab.web01.address, port), 1).close()
                    return True
                except OSError:
                    assert made[-1].poll() is None, f"{script} did not start"
                    return False
        wait_for(listening, 20, script)
        return f"{lab.web01.address}:{port}"
    yield begin
    for process in made:
        process.kill()
        process.wait()


def curl(lab, *arguments, stdin=None):
    return lab.client.run("curl", "-sS", "-m", "30", *arguments)


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_websockets(lab, serve, mode):
    server = serve(DEBIANS_PYTHON, "websocket.py", 8098)
    line = f"    mode {mode}\n"
    start(lab, [server], haproxy=False, frontend=line, backend=line)
    assert lab.client.run(DEBIANS_PYTHON, HERE / "websocket.py", "talk", LB, OURS, 10, timeout=60).strip() == "10"


def test_curl_with_every_framing(lab, serve):
    server = serve(sys.executable, "load.py", 8097)
    start(lab, [server], haproxy=False, backend="    option forwardfor\n")
    file = lab.folder / "10m"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    url = f"http://{LB}/upload"
    uploads = {
        "--data-binary": ("--data-binary", f"@{file}"),
        "-T with a length": ("-T", file),
        "-T chunked": ("-T", file, "-H", "Transfer-Encoding: chunked"),
        "Expect": ("-T", file, "-H", "Expect: 100-continue"),
        "Expect and chunked": ("-T", file, "-H", "Expect: 100-continue", "-H", "Transfer-Encoding: chunked"),
        "no Expect": ("-T", file, "-H", "Expect:"),
        "HTTP/1.0": ("--http1.0", "-T", file),
    }
    for name, how in uploads.items():
        assert curl(lab, *how, url) == digest, name
    # From a pipe curl does not know the length.
    assert lab.client.run("sh", "-c", f"cat {file} | curl -sS -m 30 -T - {url}") == digest
    for name, how in {"1.1": (), "1.0": ("--http1.0",), "0 bytes": ()}.items():
        size = 0 if name == "0 bytes" else 3000000
        wanted = lab.client.run("curl", "-sS", "-m", "30", f"http://{server}/{size}/5", "-o", lab.folder / "straight") or lab.folder / "straight"
        for chunked in ("", "/chunked"):
            curl(lab, *how, "-o", lab.folder / "through", f"http://{LB}/{size}/5{chunked}")
            assert (lab.folder / "through").read_bytes() == wanted.read_bytes(), (name, chunked)


def test_curl_and_nginx(lab):
    start(lab, NGINX, haproxy=False, backend="    cookie S insert indirect nocache\n    option httpchk GET /health\n")
    head = curl(lab, "-I", f"http://{LB}/1k")
    assert head.startswith("HTTP/1.1 200 OK\r\n") and "\r\nContent-Length: 1024" in head.replace("content-length", "Content-Length")
    assert curl(lab, "-o", "/dev/null", "-w", "%{http_code} %{size_download} ", "-r", "100-199", f"http://{LB}/1k") == "206 100 "
    # Three requests on one connection; HTTP/1.0 without and with keep-alive.
    urls = [f"http://{LB}/name"] * 3
    assert sum(map(int, curl(lab, "-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null", "-w", "%{num_connects} ", *urls).split())) == 1
    once = curl(lab, "--http1.0", "-H", "Connection: keep-alive", "-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null", "-w", "%{num_connects} ", *urls)
    assert sum(map(int, once.split())) == 1
    etag = re.search(r"(?i)etag: (\S+)", head).group(1)
    assert curl(lab, "-o", "/dev/null", "-w", "%{http_code}", "-H", f"If-None-Match: {etag}", f"http://{LB}/1k") == "304"
    # A session: the jar keeps the cookie, and with it the server; without it there are two.
    jar = lab.folder / "jar"
    jar.unlink(missing_ok=True)
    first = curl(lab, "-c", jar, "-b", jar, f"http://{LB}/name")
    assert {curl(lab, "-c", jar, "-b", jar, f"http://{LB}/name") for _ in range(6)} == {first}
    assert len({curl(lab, f"http://{LB}/name") for _ in range(6)}) == 2
    assert "cookie= " in curl(lab, "-b", jar, f"http://{LB}/headers")


def test_wrk_and_h2load_see_no_error(lab):
    start(lab, NGINX, haproxy=False)
    said = lab.client.run("wrk", "-t1", "-c50", "-d2s", "--timeout", "20s", f"http://{LB}/1k")
    assert re.search(r"\d+ requests in", said) and "Socket errors" not in said and "Non-2xx" not in said, said
    said = lab.client.run("h2load", "--h1", "-n", "3000", "-c", "50", "-m", "1", f"http://{LB}/1k")
    assert "3000 succeeded, 0 failed, 0 errored, 0 timeout" in said and "status codes: 3000 2xx" in said, said
    # Pipelined, eight requests at a time.
    said = lab.client.run("h2load", "--h1", "-n", "3000", "-c", "20", "-m", "8", f"http://{LB}/name")
    assert "3000 succeeded, 0 failed, 0 errored, 0 timeout" in said, said
