# SPDX-License-Identifier: MIT
"""Connections: PROXY headers, addresses to listen on, mode tcp, beside Debian's HAProxy with the same lines and real nginx."""
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import threading

import pytest
from lab import TANDEM, InHost, dial, listen, wait_for

LB, LB6, CLIENT, CLIENT6 = "192.168.1.11", "fd00::11", "192.168.1.100", "fd00::100"
LOG_PORT = 5516
HEAD = """
global
    maxconn 64
    {user}
    log 127.0.0.1:{log} local0 info
defaults
    log global
    timeout connect 1s
    timeout client 3s
    timeout server 3s
"""
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ASK = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def v2(command, family, payload):
    return SIGNATURE + bytes([0x20 | command, family]) + struct.pack(">H", len(payload)) + payload


class Recorder:
    """A server that answers what it hears; seen has what each connection said."""

    def __init__(self, host="web01", port=9000, answer=OK, address=None):
        self.seen, self.answer = [], answer
        self.socket = listen(address or f"192.168.1.{21 if host == 'web01' else 22}", port, host)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.settimeout(10)
        data = b""
        try:
            while b"\r\n\r\n" not in data[12:]:
                more = connection.recv(65536)
                if not more:
                    break
                data += more
            self.seen.append(data)
            if data:
                connection.sendall(self.answer)
        except OSError:
            self.seen.append(data)
        finally:
            connection.close()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Pair:
    """tandem and HAProxy on lb01 with the same lines but for the ports they listen on: where the text says PORT+n, tandem has
    8000+n and HAProxy 9000+n. Each logs to a socket of its own."""

    def __init__(self, lab, text):
        self.lab, self.logs = lab, {}
        for who, base in (("tandem", 8000), ("haproxy", 9000)):
            with InHost("lb01"):
                log = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            log.bind(("127.0.0.1", LOG_PORT + base))
            log.settimeout(5)
            self.logs[base] = log
            conf = HEAD.format(user="user nobody" if who == "tandem" else "", log=LOG_PORT + base)
            conf += re.sub(r"PORT\+(\d+)", lambda m: str(base + int(m[1])), text)
            path = pathlib.Path(lab.folder) / f"{who}.cfg"
            path.write_text(conf)
            if who == "tandem":
                self.process = lab.lb01.spawn(TANDEM, "run", "-n", "lb01", "-f", path)
            else:
                lab.lb01.spawn("haproxy", "-db", "-f", path, stderr=subprocess.DEVNULL)
            ports = {base + int(n) for n in re.findall(r"PORT\+(\d+)", text)}
            wait_for(lambda: ports <= self.listening(), 10, f"{who}: {ports}")

    def listening(self):
        return {int(p) for p in re.findall(r":(\d+) +\S+:\*", self.lab.lb01.run("ss", "-ltn"))}

    def log(self, base, text=" "):
        """The next line that has the text, without what syslog puts in front."""
        while True:
            line = self.logs[base].recv(4096).decode()
            line = line.split("]: ", 1)[1].strip()
            if text in line:
                return line

    def quiet(self, base):
        """No line of a session is there."""
        self.logs[base].settimeout(0.2)
        try:
            while True:
                line = self.logs[base].recv(4096).decode()
                assert not re.search(r"\[\d\d/\w{3}/\d{4}", line), line
        except socket.timeout:
            pass
        finally:
            self.logs[base].settimeout(5)

    def close(self):
        for log in self.logs.values():
            log.close()


@pytest.fixture
def both(lab):
    made = []

    def start(text):
        made.append(Pair(lab, text))
        return made[-1]
    yield start
    for p in made:
        p.close()


@pytest.fixture
def recorder():
    made = []

    def make(*arguments, **options):
        made.append(Recorder(*arguments, **options))
        return made[-1]
    yield make
    for r in made:
        r.close()


def talk(address, port, data, shut=False, pieces=False, timeout=10):
    """All that comes back; b"RESET" behind it if that is how it ended."""
    with dial(address, port, timeout=timeout) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        got = b""
        try:
            if pieces:
                for byte in data:
                    s.sendall(bytes([byte]))
            else:
                s.sendall(data)
            if shut:
                s.shutdown(socket.SHUT_WR)
            while True:
                more = s.recv(65536)
                if not more:
                    return got
                got += more
        except (ConnectionResetError, BrokenPipeError):
            return got + b"RESET"
        except OSError as error:
            if error.errno == 107:              # reset before it was shut down
                return got + b"RESET"
            raise


def seen_by(recorder, count=1):
    seen = wait_for(lambda: len(recorder.seen) >= count and list(recorder.seen), 5, "what the server saw")
    recorder.seen.clear()
    return seen


# ---- the PROXY protocol ----

V1 = b"PROXY TCP4 1.2.3.4 5.6.7.8 99 80\r\n"
V4_BLOCK = bytes([1, 2, 3, 4, 5, 6, 7, 8, 0, 99, 0, 80])
V6_BLOCK = bytes.fromhex("20010db8000000000000000000000001" "20010db8000000000000000000000002") + V4_BLOCK[8:]
GOOD = {
    "1": V1, "1, IPv6": b"PROXY TCP6 2001:db8::1 2001:db8::2 99 80\r\n", "1, unknown": b"PROXY UNKNOWN\r\n",
    "1, mapped": b"PROXY TCP6 ::ffff:1.2.3.4 ::ffff:5.6.7.8 1 2\r\n",
    "2": v2(1, 0x11, V4_BLOCK), "2, IPv6": v2(1, 0x21, V6_BLOCK), "2, local": v2(0, 0, b""), "2, local with addresses": v2(0, 0x11, V4_BLOCK),
    "2, long": v2(1, 0x11, V4_BLOCK + b"\x04\x08\0" + bytes(2048)),
}
BAD = {
    "no header": ASK, "TLS": bytes.fromhex("1603010200010001fc0303") + bytes(64), "1, not TCP": b"PROXY UDP4 1.2.3.4 5.6.7.8 99 80\r\n" + ASK,
    "1, one word too many": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n" + ASK, "2, short": v2(1, 0x11, bytes(8)) + ASK,
    "2, another command": v2(2, 0x11, bytes(12)) + ASK, "2, UDP": v2(1, 0x12, V4_BLOCK) + ASK, "2, Unix": v2(1, 0x31, bytes(216)) + ASK,
}
# Ended before the header was complete.
ENDED = {"half a header": b"PROXY TC", "nothing": b""}
PROXYPROTO = """
frontend f1
    mode http
    option httplog
    bind 192.168.1.11:PORT+1 accept-proxy name first
    bind [fd00::11]:PORT+2 accept-proxy
    default_backend b1
frontend f2
    mode tcp
    option tcplog
    bind 192.168.1.11:PORT+3 accept-proxy
    default_backend b2
frontend f3
    mode tcp
    bind 192.168.1.11:PORT+4 accept-proxy
    default_backend b1t
frontend f4
    mode http
    option httplog
    option dontlognull
    bind [fd00::11]:PORT+5
    bind 192.168.1.11:PORT+6 accept-proxy
    timeout client 300ms
    default_backend b2h
backend b1
    mode http
    option forwardfor
    server s 192.168.1.21:9000 send-proxy
backend b1t
    mode tcp
    server s 192.168.1.21:9000 send-proxy
backend b2
    mode tcp
    server s 192.168.1.21:9000 send-proxy-v2
backend b2h
    mode http
    option forwardfor
    default-server send-proxy
    server s 192.168.1.21:9000 send-proxy-v2
"""


def without_ports(base, text):
    """Ports of the client's own connection, and of ours, differ from one to the other; so do times and numbers of connections."""
    text = re.sub(r"\[\d\d/\w{3}[^]]*\]", "[date]", text)
    text = re.sub(r"\b\d+/\d+/\d+/\d+/\d+ 200 \d+", "T 200 B", text)
    text = re.sub(r" \d+/\d+/\d+ ", " T ", text)
    text = re.sub(r"\d+/\d+/\d+/\d+/0 0/0", "C", text)
    text = re.sub(r"(192\.168\.1\.100|fd00::100):\d+", r"\1:P", text)
    return re.sub(rf":{base // 1000}00", ":PORT+", text)


def header_of(base, data):
    """The header that a server saw, with the client's port and ours left out; and the rest."""
    if data.startswith(SIGNATURE):
        n = 16 + struct.unpack(">H", data[14:16])[0]
        header, rest = data[:n], data[n:]
        if b"\xc0\xa8\x01\x64" in header or b"\xfd\0\0" in header:
            header = header[:-4]
        return header, rest
    header, rest = data.split(b"\r\n", 1)
    return re.sub(rb"(192\.168\.1\.100 \S+|fd00::100 \S+) \d+ \d+", rb"\1", header), rest


def test_headers_are_taken_and_made_as_haproxy_does(both, recorder):
    server = recorder()
    pair = both(PROXYPROTO)

    def one(base, port, header, address=LB, pieces=False):
        assert talk(address, base + port, header + ASK, pieces=pieces).endswith(b"ok")
        data = seen_by(server)[0]
        header, rest = header_of(base, data)
        fields = sorted(line.lower() for line in rest.split(b"\r\n") if not line.lower().startswith(b"connection"))
        return header, fields, without_ports(base, pair.log(base, " b" if port != 4 else "Connect from"))
    for port in (1, 3, 4):
        for name, header in GOOD.items():
            ours, theirs = one(8000, port, header), one(9000, port, header)
            assert ours == theirs, (port, name)
            if "long" not in name:              # byte by byte, which HAProxy calls truncated
                assert one(8000, port, header, pieces=True) == theirs, (port, name)
    for address, port in ((LB6, 2), (LB, 6)):
        for name, header in GOOD.items():
            assert one(8000, port, header, address) == one(9000, port, header, address), name
    assert one(8000, 5, b"", LB6) == one(9000, 5, b"", LB6)


def test_wrong_headers_are_refused_as_haproxy_does(both, recorder):
    server = recorder()
    pair = both(PROXYPROTO)
    for name, data in {**BAD, **ENDED}.items():
        for port in (1, 3, 6):
            ours, theirs = [(talk(LB, base + port, data, shut=name in ENDED), None if (name, port) == ("nothing", 6) else
                             without_ports(base, pair.log(base, "PROXY protocol header"))) for base in (8000, 9000)]
            assert ours[1] == theirs[1] and ours[0] in (b"", b"RESET") and theirs[0] in (b"", b"RESET"), name
    # What the specification forbids and HAProxy takes, or the other way round.
    for header in (b"PROXY TCP4 1.2.3.4 5.6.7.8 099 80\r\n", b"PROXY TCP4 01.2.3.4 5.6.7.8 99 80\r\n", b"PROXY UNKNOWN" + b"x" * 100 + b"\r\n"):
        assert talk(LB, 8001, header + ASK) in (b"", b"RESET")
        assert "f1/first: Received an " in pair.log(8000, "PROXY protocol header")
    assert not server.seen
    assert talk(LB, 8001, b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n" + ASK).endswith(b"ok")
    assert header_of(8000, seen_by(server)[0])[0] == b"PROXY TCP4 192.168.1.100 192.168.1.11"
    pair.log(8000, "GET")
    # No log format, or silence under dontlognull: no line.
    assert talk(LB, 8004, ASK) in (b"", b"RESET") and talk(LB, 8006, b"") == b""
    pair.quiet(8000)


def test_a_header_that_does_not_come_is_not_waited_for_for_ever(both, recorder):
    recorder()
    pair = both(PROXYPROTO.replace("timeout client 300ms\n", "").replace("option httplog\n", "option httplog\n    timeout client 300ms\n", 1))
    assert talk(LB, 8001, b"") == talk(LB, 9001, b"") == b""
    ours, theirs = [without_ports(base, pair.log(base, "PROXY protocol header")) for base in (8000, 9000)]
    assert ours == theirs == "192.168.1.100:P [date] f1/first: Timeout while waiting for PROXY protocol header"


def test_a_connection_with_a_header_serves_one_client(both, recorder):
    """Both clients' requests would look like the first one's."""
    class Keeps(Recorder):
        def serve(self, connection):
            data = b""
            try:
                while more := connection.recv(65536):
                    data += more
                    if data.endswith(b"\r\n\r\n"):
                        connection.sendall(OK)
            except OSError:
                pass
            self.seen.append(data)
    server = Keeps()
    try:
        both(PROXYPROTO.replace("option forwardfor", ""))
        with dial(LB, 8001) as a, dial(LB, 8001) as b:
            for s, address in ((a, b"1.1.1.1"), (b, b"2.2.2.2")):
                s.sendall(V1.replace(b"1.2.3.4", address))
            for _ in range(3):
                for s, address in ((a, b"1.1.1.1"), (b, b"2.2.2.2")):
                    s.sendall(b"GET /" + address + b" HTTP/1.1\r\nHost: x\r\n\r\n")
                    assert s.recv(4096).endswith(b"ok")
        for data in seen_by(server, 6):
            addresses = re.findall(rb"(?:TCP4 |GET /)(\S+)", data)
            assert len(addresses) >= 2 and len(set(addresses)) == 1 and data.count(b"PROXY") == 1
    finally:
        server.close()


CHECKS = """
backend b
    mode tcp
    default-server check inter 200ms
    server s1 192.168.1.21:9001 send-proxy
    server s2 192.168.1.21:9002 send-proxy-v2
    server s3 192.168.1.21:9003 send-proxy port 9003
    server s4 192.168.1.21:9004 port 9004 check-send-proxy
    server s5 192.168.1.21:9005 send-proxy-v2 check-send-proxy addr 192.168.1.21
backend h
    mode http
    option httpchk GET /health
    default-server check inter 200ms
    server s6 192.168.1.21:9006 send-proxy
listen l
    mode tcp
    bind 192.168.1.11:PORT+1
    server s 192.168.1.21:9000
"""


def test_checks_begin_with_the_header_too(both, recorder, lab):
    servers = [recorder(port=9000 + i) for i in range(1, 7)]
    both(CHECKS)

    def said(server):
        """By both, but for their own ports and the fields of HTTP."""
        data = {re.sub(rb"(TCP4 \S+ \S+) \d+ \d+", rb"\1", d).split(b"host:")[0].split(b"Host:")[0] for d in server.seen}
        return {re.sub(rb"(?i)(connection: close)?\r\n(?=\r\n|$).*", b"", d, flags=re.S) if b"GET" in d else d for d in data}
    for server in servers:
        wait_for(lambda: len(server.seen) >= 6, 10, server.socket)
    line = b"PROXY TCP4 192.168.1.11 192.168.1.21\r\n"
    assert [said(s) for s in servers[:5]] == [{line}, {v2(0, 0, b"")}, {b""}, {line}, {v2(0, 0, b"")}]
    assert {d.split(b" HTTP/1.")[0] for d in said(servers[5])} == {line + b"GET /health"}


NGINX = """user root root; daemon off; master_process off; pid {d}/pp.pid; error_log {d}/pp.err;
events {{ }}
http {{ access_log off; client_body_temp_path {d}/pp.b; proxy_temp_path {d}/pp.p; fastcgi_temp_path {d}/pp.f; uwsgi_temp_path {d}/pp.u;
 scgi_temp_path {d}/pp.s;
 server {{ listen 192.168.1.22:9010 proxy_protocol;
  location / {{ return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port\\n"; }} }} }}
stream {{
 server {{ listen 192.168.1.22:9011; proxy_pass 192.168.1.11:8003; proxy_protocol on; }}
 server {{ listen [fd00::22]:9011; proxy_pass 192.168.1.11:8003; proxy_protocol on; }} }}
"""
CHAIN = """
frontend f1
    mode http
    bind 192.168.1.11:PORT+1
    bind [fd00::11]:PORT+1
    default_backend b
frontend f2
    mode tcp
    option tcplog
    bind 192.168.1.11:PORT+3 accept-proxy
    default_backend t
frontend f4
    mode http
    bind 192.168.1.11:PORT+4
    bind [fd00::11]:PORT+4
    default_backend b2
backend b
    mode http
    server s 192.168.1.22:9010 send-proxy
backend b2
    mode http
    server s 192.168.1.22:9010 send-proxy-v2
backend t
    mode tcp
    server s 192.168.1.22:9010 send-proxy
"""


def test_nginx_at_the_other_end(lab, both):
    path = pathlib.Path(lab.folder) / "pp.conf"
    path.write_text(NGINX.format(d=lab.folder))
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    modules = pathlib.Path("/usr/lib/nginx/modules/ngx_stream_module.so")
    text = path.read_text()
    if modules.exists():
        text = f"load_module {modules};\n" + text
    elif "with-stream" not in subprocess.run([program, "-V"], stderr=subprocess.PIPE, text=True).stderr.replace("with-stream=dynamic", ""):
        text = text[:text.index("stream {")]
        print("this nginx has no stream module: its headers are not tried")
    path.write_text(text)
    both(CHAIN)
    process = lab.web02.spawn(program, "-p", lab.folder, "-c", path, stderr=subprocess.DEVNULL)
    try:
        curl = lambda url: lab.client.run("curl", "-s", "-m", "5", "-w", "%{local_port}", "-g", url, check=False).split()
        wait_for(lambda: len(curl("http://192.168.1.11:8001/")) == 5, 10, "nginx")
        for port in (8001, 8004):
            for host, client, ours in ((LB, CLIENT, LB), (f"[{LB6}]", CLIENT6, LB6)):
                source, source_port, target, target_port, local_port = curl(f"http://{host}:{port}/")
                assert (source, source_port, target, target_port) == (client, local_port, ours, str(port))
        if "stream" not in text:
            return
        for host, client in (("192.168.1.22", CLIENT), ("[fd00::22]", CLIENT6)):
            source, source_port, _, target_port, local_port = curl(f"http://{host}:9011/")
            assert (source, source_port, target_port) == (client, local_port, "9011")
    finally:
        process.kill()
        process.wait()
        lab.web02.processes.remove(process)


# ---- where it listens ----

BINDS = """
defaults http
    mode http
    log global
    option httplog
    timeout connect 1s
    timeout client 3s
    timeout server 3s
frontend exact
    bind 192.168.1.11:PORT+1
    default_backend b
frontend every
    bind *:PORT+1
    bind :PORT+11-PORT+13,[fd00::11]:PORT+13
    bind :PORT+8 interface eth0
    default_backend b
frontend both
    bind [::]:PORT+1
    bind :::PORT+2
    bind [::]:PORT+3 v4v6
    default_backend b
frontend six
    bind :::PORT+4 v6only
    bind :PORT+4
    bind :::PORT+5 v6only
    bind :PORT+8 interface lo
    default_backend b
backend b
    mode http
    option forwardfor
    server s 192.168.1.21:9000
"""


def test_clients_come_in_where_haproxy_lets_them(lab, both, recorder):
    """By IPv4 and IPv6, to each address: which frontend takes them, and what it says of them."""
    server = recorder()
    pair = both(BINDS)
    sh = lab.lb01.run
    sh("ip", "addr", "add", "192.168.1.13/32", "dev", "eth0")

    def one(base, address, port):
        try:
            assert talk(address, base + port, ASK).endswith(b"ok")
        except ConnectionRefusedError:
            return "refused"
        forwarded = re.search(rb"(?i)x-forwarded-for: (\S+)", seen_by(server)[0]).group(1).decode()
        line = re.sub(r":\d+ \[", ":P [", without_ports(base, pair.log(base, " b")))
        return forwarded, re.sub(rf"{base // 1000}(0\d\d)", r"PORT+\1", line)
    found = {}
    for address in (LB, "192.168.1.13", LB6):
        for port in (1, 2, 3, 4, 5, 8, 11, 12, 13):
            ours, theirs = one(8000, address, port), one(9000, address, port)
            assert ours == theirs, (address, port)
            found[address, port] = ours if ours == "refused" else (ours[0], ours[1].split("] ")[1].split()[0])
    assert found[LB, 1] == (CLIENT, "exact") and found["192.168.1.13", 1] == (CLIENT, "every") and found[LB6, 1] == (CLIENT6, "both")
    assert found[LB, 2] == found[LB, 3] == ("::ffff:" + CLIENT, "both") and found[LB, 5] == "refused"
    assert found[LB, 8] == found[LB, 12] == (CLIENT, "every") and found[LB6, 13] == (CLIENT6, "every") and found[LB6, 12] == "refused"
