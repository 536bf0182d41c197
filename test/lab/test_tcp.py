# SPDX-License-Identifier: MIT
"""Connections: PROXY headers, addresses to listen on, mode tcp, beside Debian's HAProxy with the same lines and real nginx."""
import os
import pathlib
import random
import re
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest
from lab import TANDEM, InHost, Server, dial, listen, wait_for

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


class Recorder(Server):
    """A server that answers what it hears; seen has what each connection said."""

    def __init__(self, host="web01", port=9000, answer=OK, address=None):
        self.seen, self.answer = [], answer
        self.listen_at(address or f"192.168.1.{21 if host == 'web01' else 22}", port, host)

    def serve(self, connection, _):
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
            # With more threads HAProxy may see the end of a request after the next one has come.
            conf = HEAD.format(user="user nobody" if who == "tandem" else "nbthread 1", log=LOG_PORT + base)
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
    try:
        s = dial(address, port, timeout=timeout)
    except ConnectionResetError:
        return b"RESET"
    with s:
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
        def serve(self, connection, _):
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
        # As HAProxy does, one for each of them: gone with its client here, kept for a while there.
        for data in seen_by(server, 2):
            addresses = re.findall(rb"(?:TCP4 |GET /)(\S+)", data)
            assert len(addresses) == 4 and len(set(addresses)) == 1 and data.count(b"PROXY") == 1
    finally:
        server.close()


SEEN = """
defaults
    mode http
    log global
    option httplog
    timeout connect 1s
    timeout client 3s
    timeout server 3s
frontend f
    bind 192.168.1.11:PORT+1 accept-proxy
    bind 192.168.1.11:PORT+2
    tcp-request connection reject if { src 1.2.3.4 }
    use_backend by_src if { src 1.2.3.0/24 } { src_port 99 }
    use_backend by_dst if { dst 2001:db8::2 } { dst_port 80 }
    use_backend real if { dst 192.168.1.11 } { src 192.168.1.100 }
    default_backend other
backend by_src
    server s 192.168.1.21:9000
backend by_dst
    server s 192.168.1.21:9000
backend real
    server s 192.168.1.21:9000
backend other
    server s 192.168.1.21:9000
"""


def test_conditions_see_the_addresses_of_the_header(both, recorder):
    recorder()
    pair = both(SEEN)

    def chosen(base, port, data):
        assert talk(LB, base + port, data).endswith(b"ok")
        return re.search(r"\] f (\w+)/s ", pair.log(base, "] f "))[1]
    for base in (8000, 9000):
        assert chosen(base, 1, V1 + ASK) == chosen(base, 1, GOOD["2"] + ASK) == "by_src"
        assert chosen(base, 1, GOOD["1, IPv6"] + ASK) == chosen(base, 1, GOOD["2, IPv6"] + ASK) == "by_dst"
        assert chosen(base, 1, GOOD["1, unknown"] + ASK) == chosen(base, 1, GOOD["2, local"] + ASK) == chosen(base, 2, ASK) == "real"
        assert chosen(base, 1, V1.replace(b"1.2.3.4", b"1.2.4.4") + ASK) == "other"


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


# ---- mode tcp ----

TCP = """
defaults tcp
    mode tcp
    log global
    option tcplog
    retries 1
    timeout connect 200ms
    timeout client 500ms
    timeout server 600ms
listen plain
    bind 192.168.1.11:PORT+1
    server s 192.168.1.21:9000
listen refused
    bind 192.168.1.11:PORT+2
    server s 192.168.1.21:9
listen unanswered
    bind 192.168.1.11:PORT+3
    server s 192.168.1.99:9
listen none
    bind 192.168.1.11:PORT+4
    server s 192.168.1.21:9000 disabled
listen tunnel
    bind 192.168.1.11:PORT+5
    timeout tunnel 900ms
    server s 192.168.1.21:9000
listen quick
    bind 192.168.1.11:PORT+6
    timeout client 300ms
    server s 192.168.1.21:9000
listen null
    bind 192.168.1.11:PORT+7
    option dontlognull
    server s 192.168.1.21:9000
listen fin
    bind 192.168.1.11:PORT+8
    timeout client 3s
    timeout server 3s
    timeout client-fin 200ms
    timeout server-fin 200ms
    server s 192.168.1.21:9000
listen tunnelfin
    bind 192.168.1.11:PORT+10
    timeout tunnel 3s
    timeout client-fin 200ms
    server s 192.168.1.21:9000
listen two
    bind 192.168.1.11:PORT+9
    option redispatch
    server s 192.168.1.21:9 weight 256
    server t 192.168.1.21:9000
"""


class Says(Server):
    """Does what the first bytes of a client ask for."""

    def __init__(self):
        self.listen_at("192.168.1.21", 9000, "web01")

    def serve(self, connection, _):
        connection.settimeout(8)
        try:
            with connection:
                word = connection.recv(100)
                what = word.split(b"\n")[0]
                if what == b"answer":                   # and end
                    connection.sendall(b"x" * 100)
                elif what == b"wait":                   # for the client's end, then answer
                    while connection.recv(100):
                        pass
                    connection.sendall(b"y" * 50)
                elif what == b"silent":
                    while connection.recv(100):
                        pass
                    time.sleep(2)
                elif what == b"reset":
                    connection.sendall(b"z" * 30)
                    time.sleep(0.1)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                elif what == b"half":                   # sends its end, and goes on reading
                    connection.sendall(b"h" * 10)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(100):
                        pass
                elif what == b"stream":
                    while True:
                        connection.sendall(b"s" * 10000)
                        time.sleep(0.01)
                elif what == b"flood":
                    while True:
                        connection.sendall(bytes(1 << 18))
        except OSError:
            pass


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def client(s, how):
    """One connection: b"word" is sent, "end" ends our side, "reset" resets, a number is waited, "read" reads to the end."""
    got = b""
    try:
        for step in how:
            if isinstance(step, bytes):
                s.sendall(step)
            elif step == "end":
                s.shutdown(socket.SHUT_WR)
            elif step == "reset":
                reset(s)
                return got
            elif step == "read":
                while more := s.recv(65536):
                    got += more
            elif step == "some":
                got += s.recv(10)
            else:
                time.sleep(step)
    except (ConnectionResetError, BrokenPipeError):
        return got + b"RESET"
    finally:
        s.close()
    return got


# Port, what the client does, and how long that must take where a timeout decides.
TCP_CASES = {
    "the server answers and ends": (1, [b"answer\n", "read"]),
    "the client ends first": (1, [b"wait\n", "end", "read"]),
    "the client says nothing and ends": (1, [0.1, "end", "read"]),
    "the client resets": (1, [b"stream\n", "some", "reset"]),
    "the client resets, silent": (1, [b"silent\n", 0.1, "reset"]),
    "the server resets": (1, [b"reset\n", "read"]),
    "the server is silent": (1, [b"silent\n", "read"], 0.5, 1.9),
    "the client is silent, but may still be answered": (6, [b"wait\n", "read"], 0.3, 1.9),
    "the server half-closes": (1, [b"half\n", "some", b"more", 0.1, b"more", "end", "read"]),
    "the server half-closes and the client is silent": (1, [b"half\n", "some", 1], 0.5, 1.9),
    "the client half-closes and the server is silent": (1, [b"silent\n", "end", "read"], 0.6, 1.9),
    "no connection": (2, [b"x", "read"]),
    "no answer": (3, [b"x", "read"], 0.4, 1.9),
    "no answer, and the client resets": (3, [b"x", 0.05, "reset"]),
    "no server": (4, ["read"]),
    "a silent tunnel": (5, [b"silent\n", "read"], 0.9, 2.5),
    "a tunnel that ends on one side": (5, [b"silent\n", "end", "read"], 0.9, 2.5),
    "silent, dontlognull": (7, [0.1, "end", "read"]),
    "not silent, dontlognull": (7, [b"answer\n", "read"]),
    "client-fin": (8, [b"half\n", "some", 1], 0.2, 1.5),
    "server-fin": (8, [b"silent\n", "end", "read"], 0.2, 1.5),
    "client-fin before tunnel": (10, [b"half\n", "some", 1], 0.2, 1.5),
    "a second server": (9, [b"answer\n", "read"]),
}


def test_connections_end_and_are_logged_as_haproxys(both):
    """All but the numbers of connections, which HAProxy has given back before it writes them, and a millisecond of Tw."""
    server = Says()
    pair = both(TCP)
    ports, got, lines = {}, {}, {}

    def run(base, name):
        port, how, *_ = TCP_CASES[name]
        s = dial(LB, base + port)
        ports[base, s.getsockname()[1]] = name
        got[base, name] = client(s, how)

    def read_logs(base):
        missing = set(TCP_CASES) - {"silent, dontlognull"}
        while missing:
            text = pair.log(base, "] ")
            found = re.match(r"192\.168\.1\.100:(\d+) \[\S+\] (\S+ \S+) (-?)\d+/(-?)\d+/(\d+) (\d+) (..) \d+/\d+/\d+/\d+/(\S+ \S+)$", text)
            name = ports[base, int(found.group(1))]
            missing.discard(name)
            what, waited, connected, took, sent, end, rest = found.groups()[1:]
            lines[base, name] = (what, waited, connected, "some" if name == "the client resets" else sent, end, rest), int(took) / 1000
    try:
        threads = [threading.Thread(target=run, args=(base, name)) for base in (8000, 9000) for name in TCP_CASES]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for base in (8000, 9000):
            read_logs(base)
            pair.quiet(base)
    finally:
        server.close()
    for name, (_, _, *limits) in TCP_CASES.items():
        if name == "the server resets":         # HAProxy ends in good order what was cut off, and the client takes it for the whole
            assert got[8000, name].endswith(b"RESET") and got[9000, name] == b"z" * 30
        else:
            assert got[8000, name] == got[9000, name], name
        if name == "silent, dontlognull":
            continue
        (ours, our_time), (theirs, their_time) = lines[8000, name], lines[9000, name]
        assert ours == theirs, name
        for low, high in [limits] if limits else []:
            assert low <= our_time < high and low <= their_time < high, (name, our_time, their_time)
    assert lines[8000, "a second server"][0] == ("two two/t", "", "", "100", "--", "+1 0/0")


KEEPALIVE = """
listen none
    mode tcp
    bind 192.168.1.11:PORT+1
    server s 192.168.1.21:9000
listen both
    mode tcp
    option tcpka
    bind 192.168.1.11:PORT+2
    server s 192.168.1.21:9000
listen clients
    mode http
    option clitcpka
    bind 192.168.1.11:PORT+3
    server s 192.168.1.21:9000
listen servers
    mode tcp
    option srvtcpka
    bind 192.168.1.11:PORT+4
    server s 192.168.1.21:9000
"""


def test_the_kernel_asks_who_is_silent(lab, both):
    server = Says()
    clients = {}
    try:
        both(KEEPALIVE)
        for base in (8000, 9000):
            for port in (1, 2, 3, 4):
                s = clients[base, port] = dial(LB, base + port)
                s.sendall(b"GET /" if port == 3 else b"silent\n")

        def timers():
            """Which clients, and how many of the connections to the server, have one."""
            found, servers = set(), []
            for line in lab.lb01.run("ss", "-tnoH", "state", "established").splitlines():
                asked, peer = "keepalive" in line, line.split()[3]
                if peer == "192.168.1.21:9000":
                    servers.append(asked)
                found |= {key for key, s in clients.items() if asked and peer == f"{CLIENT}:{s.getsockname()[1]}"}
            return (found, sorted(servers)) if len(servers) == 6 else None
        found, servers = wait_for(timers, 5, "six connections to the server")
        assert found == {(base, port) for base in (8000, 9000) for port in (2, 3)} and servers == [False] * 2 + [True] * 4
    finally:
        for s in clients.values():
            s.close()
        server.close()


BIG = 150 << 20


def digest(s, size=None):
    """Of what comes: of all of it, or the first bytes of it."""
    import hashlib
    h, got = hashlib.sha256(), 0
    while size is None or got < size:
        more = s.recv(1 << 18)
        if not more:
            break
        h.update(more)
        got += len(more)
    return got, h.hexdigest()


def send_pattern(s, size):
    import hashlib
    block, h = os.urandom(1 << 20), hashlib.sha256()
    for i in range(size >> 20):
        part = i.to_bytes(4, "big") + block[4:]
        h.update(part)
        s.sendall(part)
    return size, h.hexdigest()


def test_large_transfers_both_ways_at_once(lab, both):
    """150 MB each way through one connection, the end of each way passed on when it is due."""
    listener, server = listen("192.168.1.21", 9000, "web01"), {}

    def serve():
        connection, _ = listener.accept()
        with connection:
            sender = threading.Thread(target=lambda: server.update(sent=send_pattern(connection, BIG)))
            sender.start()
            server.update(got=digest(connection))       # to the client's end
            sender.join()
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        both("listen l\n    mode tcp\n    bind 192.168.1.11:PORT+1\n    server s 192.168.1.21:9000\n")
        with dial(LB, 8001, timeout=30) as s:
            client = {}
            reader = threading.Thread(target=lambda: client.update(got=digest(s)))
            reader.start()
            client.update(sent=send_pattern(s, BIG))
            s.shutdown(socket.SHUT_WR)
            reader.join(60)
        thread.join(60)
        assert client["got"] == server["sent"] and server["got"] == client["sent"] and client["got"][0] == BIG
    finally:
        listener.close()


def test_stalled_readers_cost_their_buffers_and_no_more(lab, both):
    """Twenty clients that do not read what a server sends as fast as it can, and another one that gets it all meanwhile."""
    server = Says()
    stalled = []
    try:
        pair = both("listen l\n    mode tcp\n    bind 192.168.1.11:PORT+1\n    server s 192.168.1.21:9000\n")
        worker = int(pathlib.Path(f"/proc/{pair.process.pid}/task/{pair.process.pid}/children").read_text().split()[0])
        memory = lambda: int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{worker}/status").read_text())[1])
        assert talk(LB, 8001, b"answer\n") == b"x" * 100
        before = memory()
        for _ in range(20):
            s = dial(LB, 8001)
            s.sendall(b"flood\n")
            stalled.append(s)
        for s in stalled:
            assert s.recv(1) == b"\0"
        with dial(LB, 8001) as s:
            s.sendall(b"flood\n")
            got = 0
            while got < 500000:
                got += len(s.recv(65536))
        assert memory() - before <= 20 * 2 * 17 + 200, (before, memory())       # kB
        # What was stalled goes on when it is read: more than the kernel's own buffers may hold.
        got = 0
        while got < 8 << 20:
            got += len(stalled[0].recv(1 << 18))
    finally:
        for s in stalled:
            s.close()
        server.close()


# ---- rules about connections ----

SNI = """
defaults
    mode tcp
    log global
    option tcplog
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend tls
    bind 192.168.1.11:PORT+1
    tcp-request inspect-delay 4s
    tcp-request content accept if { req.ssl_hello_type 1 }
    acl is_a req.ssl_sni -i a.example
    use_backend a if is_a
    use_backend b if { req_ssl_sni -m end -i .b.example }
    default_backend other
frontend short
    bind 192.168.1.11:PORT+2
    tcp-request inspect-delay 400ms
    tcp-request content accept if { req.ssl_hello_type 1 }
    use_backend a if { req.ssl_sni a.example }
    default_backend other
frontend strict
    bind 192.168.1.11:PORT+3
    tcp-request inspect-delay 400ms
    tcp-request content reject unless { req.ssl_hello_type 1 }
    use_backend a if { req.ssl_sni -i a.example }
    default_backend other
frontend not_awaited
    bind 192.168.1.11:PORT+4
    tcp-request content reject if { req.ssl_sni -i c.example }
    default_backend other
frontend early
    bind 192.168.1.11:PORT+5
    tcp-request inspect-delay 4s
    tcp-request content accept if { src 192.168.1.100 }
    tcp-request content reject if { req.ssl_sni -i c.example }
    default_backend other
frontend real
    bind 192.168.1.11:PORT+6
    tcp-request inspect-delay 4s
    tcp-request content accept if { req.ssl_hello_type 1 }
    use_backend nginx_a if { req.ssl_sni -i a.example }
    use_backend nginx_b if { req.ssl_sni -i x.b.example }
    default_backend openssl
backend a
    server s 192.168.1.21:9101
backend b
    server s 192.168.1.21:9102
backend other
    server s 192.168.1.21:9103
backend nginx_a
    server s 192.168.1.22:9104
backend nginx_b
    server s 192.168.1.22:9105
backend openssl
    server s 192.168.1.22:9106
"""


class Echo(Recorder):
    """Says its name, then what it hears."""

    def __init__(self, port, name):
        self.name = name
        super().__init__(port=port)

    def serve(self, connection, _):
        connection.settimeout(10)
        try:
            with connection:
                connection.sendall(self.name)
                while data := connection.recv(65536):
                    connection.sendall(data)
        except OSError:
            pass


def hello(name, records=None):
    """What openssl says first, with that name in it, in records of that many bytes."""
    text = (pathlib.Path(__file__).parents[1] / "vectors/tls_hello.txt").read_text()
    message = bytes.fromhex(re.search(r"TLS 1.2\n< (\S+)", text)[1])[5:]
    old, new = b"b.example.net", name.encode()
    at, grown = message.index(old), len(new) - len(old)
    extensions = 4 + 2 + 32 + 1 + message[38] + 2 + int.from_bytes(message[39 + message[38]:41 + message[38]], "big") + 2
    message = message[:at] + new + message[at + len(old):]

    def grow(message, where, size):
        return message[:where] + (int.from_bytes(message[where:where + size], "big") + grown).to_bytes(size, "big") + message[where + size:]
    for where, size in ((1, 3), (extensions, 2), (at - 7, 2), (at - 5, 2), (at - 2, 2)):
        message = grow(message, where, size)
    records = records or len(message)
    return b"".join(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part
                    for part in (message[i:i + records] for i in range(0, len(message), records)))


def routed(port, data, pieces=False, shut=False, more=b""):
    """Who answers, after how long; all the bytes arrive there."""
    began = time.monotonic()
    with dial(LB, port) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for part in [bytes([byte]) for byte in data] if pieces else [data]:
                s.sendall(part)
            if shut:
                s.shutdown(socket.SHUT_WR)
            who = s.recv(1)
        except (ConnectionResetError, BrokenPipeError):
            who = b""
        took = time.monotonic() - began
        if who:
            s.sendall(more) if more else None
            got = b""
            while len(got) < len(data + more):
                part = s.recv(65536)
                assert part, (got, data)
                got += part
            assert got == data + more
        return who.decode(), took


def test_tls_is_routed_by_the_name_that_it_asks_for(lab, both):
    servers = [Echo(9101, b"A"), Echo(9102, b"B"), Echo(9103, b"O")]
    try:
        pair = both(SNI)

        def same(name, port, *arguments, who, theirs=None, fast=True, **options):
            for base in (8000, 9000):
                found, took = routed(base + port, *arguments, **options)
                wanted = who if base == 8000 or theirs is None else theirs
                assert found == wanted, (name, base, found)
                assert took < 3 if fast else took >= 0.35, (name, base, took)
                line = pair.log(base, "] ")
                assert re.search(r"\] \S+ " + {"A": "a/s", "B": "b/s", "O": "other/s", "": r"\S+/<NOSRV>"}[wanted], line), (name, line)
                assert wanted or re.search(r" -1/-1/\d+ 0 PR ", line), line
        same("a name", 1, hello("a.example"), who="A", more=b"and more")
        same("in capitals", 1, hello("A.Example"), who="A")
        same("an end", 1, hello("x.y.b.example"), who="B")
        same("another name", 1, hello("a.example.net"), who="O")
        same("byte by byte", 1, hello("a.example"), pieces=True, who="A")
        # HAProxy looks into one record only; the servers behind it look into all of them.
        same("two records", 1, hello("a.example", 100), who="A", theirs="O")
        same("records of seven bytes, byte by byte", 1, hello("x.b.example", 7), pieces=True, who="B", theirs="O")
        same("HTTP", 1, ASK, who="O")
        same("garbage", 1, bytes(100), who="O")
        same("half of it and the end", 1, hello("a.example")[:80], shut=True, who="O")
        same("half of it", 2, hello("a.example")[:80], who="O", fast=False)
        same("nothing", 2, b"", who="O", fast=False)
        same("case counts without -i", 2, hello("A.example"), who="O")
        same("must be TLS", 3, hello("a.example"), who="A")
        same("is not TLS", 3, ASK, who="")
        same("nothing, but must be TLS", 3, b"", who="", fast=False)
        same("an early rule", 5, b"", who="O")
        same("not awaited", 4, b"", who="O")
    finally:
        for s in servers:
            s.close()


TLS_NGINX = """user root root; daemon off; master_process off; pid {d}/tls.pid; error_log {d}/tls.err;
events {{ }}
http {{ access_log off; client_body_temp_path {d}/tls.b; proxy_temp_path {d}/tls.p; fastcgi_temp_path {d}/tls.f; uwsgi_temp_path {d}/tls.u;
 scgi_temp_path {d}/tls.s; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {d}/tls.crt; ssl_certificate_key {d}/tls.key;
 server {{ listen 192.168.1.22:9104 ssl; location / {{ return 200 "a $ssl_server_name $ssl_protocol\\n"; }} }}
 server {{ listen 192.168.1.22:9105 ssl; location / {{ return 200 "b $ssl_server_name $ssl_protocol\\n"; }} }} }}
"""


def test_real_tls_passes_through(lab, both):
    """curl and openssl, to two nginx and openssl behind it: the handshake is the server's own, and the names lead where they should."""
    folder, processes = lab.folder, []
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{folder}/tls.key",
                    "-out", f"{folder}/tls.crt", "-days", "2", "-subj", "/CN=lab", "-addext", "subjectAltName=DNS:a.example,DNS:x.b.example,DNS:c.example"],
                   check=True, stderr=subprocess.DEVNULL)
    (pathlib.Path(folder) / "tls.conf").write_text(TLS_NGINX.format(d=folder))
    both(SNI)
    try:
        program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        for command in ((program, "-p", folder, "-c", f"{folder}/tls.conf"),
                        ("openssl", "s_server", "-accept", "192.168.1.22:9106", "-cert", f"{folder}/tls.crt", "-key", f"{folder}/tls.key", "-www")):
            processes.append(lab.web02.spawn(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        wait_for(lambda: all(f":{p} " in lab.web02.run("ss", "-ltn") for p in (9104, 9105, 9106)), 10, "TLS servers")
        for version in ("1.2", "1.3"):
            for name, answer in (("a.example", f"a a.example TLSv{version}"), ("x.b.example", f"b x.b.example TLSv{version}")):
                # The certificate is verified: nobody stands between.
                got = lab.client.run("curl", "-sS", "-m", "10", "--cacert", f"{folder}/tls.crt", f"--tlsv{version}", "--tls-max", version,
                                     "--resolve", f"{name}:8006:{LB}", f"https://{name}:8006/")
                assert got.strip() == answer
        got = lab.client.run("curl", "-sS", "-m", "10", "-k", "--resolve", f"c.example:8006:{LB}", "https://c.example:8006/")
        assert "s_server" in got
        got = lab.client.run("openssl", "s_client", "-connect", f"{LB}:8006", "-servername", "A.EXAMPLE", "-CAfile", f"{folder}/tls.crt", check=False)
        assert "Verify return code: 0 (ok)" in got and "CONNECTED" in got
    finally:
        for process in processes:
            process.kill()
            process.wait()
            lab.web02.processes.remove(process)


CONNECTIONS = """
defaults
    mode tcp
    log global
    option tcplog
    timeout connect 1s
    timeout client 3s
    timeout server 3s
frontend rejected
    bind 192.168.1.11:PORT+1
    tcp-request connection reject if { src 192.168.1.100 }
    default_backend b
frontend accepted
    bind 192.168.1.11:PORT+2
    tcp-request connection accept if { src 192.168.1.0/24 } { dst_port gt 1024 }
    tcp-request connection reject
    default_backend b
frontend others
    bind [fd00::11]:PORT+2
    tcp-request connection reject if { src 192.168.1.0/24 }
    default_backend b
frontend expects
    mode http
    option httplog
    bind 192.168.1.11:PORT+3
    tcp-request connection reject if { src 1.2.3.4 }
    tcp-request connection expect-proxy layer4 if { src 192.168.1.100 }
    default_backend h
backend b
    server s 192.168.1.21:9000
backend h
    mode http
    option forwardfor
    server s 192.168.1.21:9000
"""


def test_connections_are_taken_or_not_before_they_say_anything(both, recorder):
    server = recorder()
    pair = both(CONNECTIONS)
    for base in (8000, 9000):
        assert talk(LB, base + 1, ASK) == b"RESET"
        assert talk(LB, base + 2, ASK).endswith(b"ok") and " accepted b/s " in pair.log(base, "] ")         # and no line of the one before
        assert talk(LB6, base + 2, ASK).endswith(b"ok") and " others b/s " in pair.log(base, "] ")
        server.seen.clear()
        assert talk(LB, base + 3, V1 + ASK).endswith(b"ok") and pair.log(base, "] ").startswith("1.2.3.4:99 ")
        assert b"1.2.3.4" in seen_by(server)[0]
        assert talk(LB, base + 3, ASK) in (b"RESET", b"") and "which does not look like" in pair.log(base, "] ")


GARBAGE = """
defaults
    timeout connect 1s
    timeout client 1s
    timeout server 1s
frontend h
    mode http
    bind 192.168.1.11:PORT+1 accept-proxy
    default_backend bh
frontend t
    mode tcp
    bind 192.168.1.11:PORT+2 accept-proxy
    tcp-request inspect-delay 200ms
    tcp-request content accept if { req.ssl_hello_type 1 }
    use_backend bt if { req.ssl_sni -m end example }
    default_backend bt
backend bh
    mode http
    server s 192.168.1.21:9000 send-proxy-v2
backend bt
    mode tcp
    server s 192.168.1.21:9000 send-proxy
"""


def test_garbage_does_no_harm(both, recorder):
    """Mutations of good headers and ClientHellos, in pieces and cut off: the same worker is there, and all sessions are free."""
    recorder()
    pair = both(GARBAGE)
    children = pathlib.Path(f"/proc/{pair.process.pid}/task/{pair.process.pid}/children")
    worker, dice = children.read_text(), random.Random(1)
    seeds = [header + rest for header in GOOD.values() for rest in (ASK, hello("a.example", 50))]

    def one(number):
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(0, 4)):
            at = dice.randrange(min(len(data), 120))
            data[at:at + dice.randint(0, 2)] = dice.randbytes(dice.randint(0, 2))
        with dial(LB, 8001 + number % 2) as s:
            try:
                for part in (data[:dice.randrange(len(data))], data):
                    s.sendall(part)
                if dice.random() < 0.5:
                    s.shutdown(socket.SHUT_WR)
                if dice.random() < 0.3:
                    s.settimeout(0.03)
                    s.recv(1000)
            except OSError:
                pass
    for number in range(400):
        one(number)
    assert children.read_text() == worker
    clients = [dial(LB, 8001) for _ in range(64)]               # maxconn
    for s in clients:
        s.sendall(V1 + ASK)
    for s in clients:
        assert s.recv(1000).startswith(b"HTTP/1.1 200")
        s.close()


# ---- stick tables ----

STICK = """
defaults
    mode tcp
    timeout connect 1s
    timeout client 10s
    timeout server 10s
    default_backend b
frontend current
    bind 192.168.1.11:PORT+1
    stick-table type ip size 100 expire 10s store conn_cur
    tcp-request connection track-sc0 src
    tcp-request connection reject if { sc0_conn_cur gt 3 }
frontend rate
    bind 192.168.1.11:PORT+2
    bind [fd00::11]:PORT+2
    stick-table type ip size 100 expire 10s store conn_rate(1s),conn_cnt
    tcp-request connection track-sc0 src
    tcp-request connection reject if { sc0_conn_rate gt 5 }
frontend by_source
    bind 192.168.1.11:PORT+3
    tcp-request connection reject if { src_conn_cnt(rate) gt 6 }
    tcp-request connection reject if { src_conn_cur(rate) gt 0 }
frontend counted
    bind 192.168.1.11:PORT+4
    stick-table type ip size 100 expire 10s store gpc0
    tcp-request connection track-sc0 src
    tcp-request connection reject if { sc0_get_gpc0 ge 5 }
    tcp-request content reject if { sc0_inc_gpc0 gt 3 }
frontend counted_by_source
    bind 192.168.1.11:PORT+5
    stick-table type ip size 100 store gpc0
    tcp-request connection reject if { src_inc_gpc0 gt 3 }
frontend purged
    bind 192.168.1.11:PORT+6
    stick-table type ip size 2 expire 10s store conn_cnt
    tcp-request connection track-sc0 src
    tcp-request connection reject if { sc0_conn_cnt gt 2 }
frontend not_purged
    bind 192.168.1.11:PORT+7
    stick-table type ip size 2 nopurge expire 1s store conn_cnt
    tcp-request connection track-sc0 src
    tcp-request connection reject if { sc0_conn_cnt gt 2 }
frontend ipv6
    bind 192.168.1.11:PORT+8
    bind [fd00::11]:PORT+8
    stick-table type ipv6 size 100 store conn_cnt
    tcp-request connection track-sc0 src
    tcp-request connection reject if { sc0_conn_cnt gt 1 } { sc0_conn_cnt(ipv6) 2 3 }
frontend elsewhere
    bind 192.168.1.11:PORT+9
    tcp-request connection track-sc0 src table ipv6 if { src 192.168.1.0/24 }
    tcp-request connection reject if { sc0_conn_cnt gt 3 } || { sc0_conn_rate gt 0 } || { sc0_conn_cur(rate) gt 0 }
backend b
    server s 192.168.1.21:9000
"""


class Greets(Echo):
    def __init__(self):
        super().__init__(9000, b"+")


def taken(base, port, source=CLIENT, keep=None):
    """Whether the connection is taken; kept open in the list, else ended."""
    with InHost("client"):
        try:
            s = socket.create_connection((LB6 if ":" in source else LB, base + port), timeout=10, source_address=(source, 0))
        except ConnectionResetError:
            return False
    try:
        good = s.recv(1) == b"+"
    except ConnectionResetError:
        good = False
    if keep is not None and good:
        keep.append(s)
        return good
    # Ended by the other side: then its session there is over, too.
    try:
        s.shutdown(socket.SHUT_WR)
        while s.recv(100):
            pass
    except OSError:
        pass
    s.close()
    return good


def test_addresses_are_remembered_as_haproxy_does(lab, both):
    server = Greets()
    others = [f"192.168.1.{n}" for n in (101, 102, 103)]
    for address in others:
        lab.client.run("ip", "addr", "add", f"{address}/32", "dev", "eth0")
    yes, no = True, False
    try:
        both(STICK)
        for base in (8000, 9000):

            def again(n, port, *source):
                time.sleep(0.02)                        # HAProxy knows who is older by the millisecond
                return [taken(base, port, *source) for _ in range(n)]
            kept = []
            assert [taken(base, 1, CLIENT, kept) for _ in range(5)] == [yes, yes, yes, no, no]
            assert taken(base, 1, others[0])
            s = kept.pop()
            s.close()
            wait_for(lambda: taken(base, 1), 5, "a place again")
            for s in kept:
                s.close()
            began = time.monotonic()
            first = again(7, 2)
            if time.monotonic() - began < 0.9:          # else the machine was too slow for seven a second
                assert first == [yes] * 5 + [no] * 2
            assert taken(base, 2, others[0])
            assert again(3, 2, CLIENT6) == [yes] * 3    # not an address of this table
            assert again(2, 3) == [no, no] and taken(base, 3, others[0]) and taken(base, 3, others[1])
            assert again(7, 4) == [yes] * 3 + [no] * 4
            assert again(5, 5) == [yes] * 3 + [no] * 2
            assert again(3, 6) == [yes, yes, no] and again(2, 6, others[0]) == [yes, yes]
            # The third address takes the place of the one that was used last before the others.
            assert again(2, 6, others[1]) == [yes, yes] and again(3, 6) == [yes, yes, no]
            assert again(3, 7) == [yes, yes, no] and again(3, 7, others[0]) == [yes, yes, no] and again(5, 7, others[1]) == [yes] * 5
            assert again(4, 8) == [yes, no, no, yes] and again(4, 8, CLIENT6) == [yes, no, no, yes]
            assert taken(base, 9, others[2]) and taken(base, 9, CLIENT) == no
        time.sleep(2.1)                                 # two periods, and expire
        for base in (8000, 9000):
            assert taken(base, 2) and [taken(base, 7, others[1]) for _ in range(3)] == [yes, yes, no]
    finally:
        server.close()


STICK_HTTP = """
defaults
    mode http
    timeout connect 1s
    timeout client 10s
    timeout server 10s
    default_backend b
frontend by_request
    bind 192.168.1.11:PORT+1
    stick-table type ip size 100 expire 20s store http_req_rate(20s)
    http-request track-sc0 src
    http-request deny deny_status 429 if { sc_http_req_rate(0) gt 5 }
frontend by_connection
    bind 192.168.1.11:PORT+2
    stick-table type ip size 100 store http_req_cnt,conn_cnt
    tcp-request connection track-sc0 src
    http-request deny deny_status 429 if { sc0_http_req_cnt gt 3 }
    http-request deny deny_status 403 if { sc0_conn_cnt gt 2 }
frontend proxied
    bind 192.168.1.11:PORT+3 accept-proxy
    stick-table type ip size 100 store http_req_cnt
    http-request track-sc0 src
    http-request deny deny_status 429 if { sc0_http_req_cnt gt 2 }
frontend at_once
    bind 192.168.1.11:PORT+4
    stick-table type ip size 100 store conn_cur,gpc0
    http-request track-sc0 src
    http-request deny deny_status 429 if { sc0_conn_cur gt 1 }
    http-request deny deny_status 403 if { path /inc } { sc0_inc_gpc0 gt 1 }
    http-request deny deny_status 404 if { src_get_gpc0 gt 2 }
frontend both
    bind 192.168.1.11:PORT+5
    tcp-request connection track-sc0 src table connections
    http-request track-sc0 src table requests if { path /x }
    http-request deny deny_status 429 if { sc0_http_req_cnt gt 1 }
backend connections
    stick-table type ip size 100 store http_req_cnt
backend requests
    stick-table type ip size 100 store http_req_cnt
backend b
    server s 192.168.1.21:9000
"""


def test_requests_are_counted_as_haproxy_does(lab, both):
    class Answers(Recorder):
        def serve(self, connection, _):
            connection.settimeout(20)
            try:
                with connection:
                    data = b""
                    while more := connection.recv(65536):
                        data += more
                        if data.endswith(b"\r\n\r\n"):
                            connection.sendall(OK)
            except OSError:
                pass
    server = Answers()

    def status(s, path="/"):
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        data = b""
        while b"\r\n\r\n" not in data:
            data += s.recv(4096)
        head, rest = data.split(b"\r\n\r\n", 1)
        length = int((re.search(rb"(?i)content-length: (\d+)", head) or [0, 0])[1])
        while len(rest) < length:
            rest += s.recv(4096)
        return int(head.split()[1])

    def several(base, port, *paths, header=b""):
        """On one connection, which is closed in the end or by the answer."""
        with dial(LB, base + port) as s:
            if header:
                s.sendall(header)
            return [status(s, path) for path in paths]

    def all_of_it(base):
        found = [several(base, 1, "/", "/", "/"), several(base, 1, "/"), several(base, 1, "/"), several(base, 1, "/"), several(base, 1, "/")]
        found += [several(base, 2, "/", "/"), several(base, 2, "/"), several(base, 2, "/")]
        for client in (b"1.1.1.1", b"2.2.2.2", b"1.1.1.1", b"1.1.1.1"):
            found.append(several(base, 3, "/", header=V1.replace(b"1.2.3.4", client)))
        with dial(LB, base + 4) as idle:
            found += [status(idle), several(base, 4, "/"), several(base, 4, "/inc"), several(base, 4, "/inc"), several(base, 4, "/inc"),
                      several(base, 4, "/")]
        found += [several(base, 5, "/x"), several(base, 5, "/"), several(base, 5, "/"), several(base, 5, "/x")]
        return found
    try:
        both(STICK_HTTP)
        ours, theirs = all_of_it(8000), all_of_it(9000)
        assert ours == theirs
        assert ours[:5] == [[200] * 3, [200], [200], [429], [429]] and ours[5:8] == [[200, 200], [200], [429]]
        assert ours[8:12] == [[200], [200], [200], [429]]
    finally:
        server.close()


STICK_ON = """
defaults
    mode tcp
    timeout connect 1s
    timeout client 10s
    timeout server 10s
listen sticks
    bind 192.168.1.11:PORT+1
    stick-table type ip size 100 expire 20s
    stick on src
    server s1 192.168.1.21:9101
    server s2 192.168.1.21:9102
listen only_looks
    bind 192.168.1.11:PORT+2
    stick match src table sticks
    server s1 192.168.1.21:9102
    server s2 192.168.1.21:9101
listen conditional
    bind 192.168.1.11:PORT+3
    stick-table type ip size 100 expire 20s
    stick on src if { src 192.168.1.101 }
    server s1 192.168.1.21:9101
    server s2 192.168.1.21:9102
listen elsewhere
    bind 192.168.1.11:PORT+4
    stick-table type ip size 100 expire 20s
    option redispatch
    retries 1
    timeout connect 200ms
    stick on src
    server s1 192.168.1.21:9103
    server s2 192.168.1.21:9101
"""


def test_clients_stay_on_the_server_that_a_table_has_for_them(lab, both):
    servers = [Echo(9101, b"A"), Echo(9102, b"B")]
    lab.client.run("ip", "addr", "add", "192.168.1.101/32", "dev", "eth0")
    other = "192.168.1.101"

    def who(base, port, source=CLIENT):
        with InHost("client"):
            s = socket.create_connection((LB, base + port), timeout=10, source_address=(source, 0))
        with s:
            return s.recv(1).decode()
    try:
        both(STICK_ON)
        for base in (8000, 9000):
            assert [who(base, 1) for _ in range(3)] == ["A"] * 3 and [who(base, 1, other) for _ in range(3)] == ["B"] * 3
            assert [who(base, 1) for _ in range(2)] == ["A"] * 2
            assert [who(base, 2) for _ in range(3)] == ["B"] * 3        # its first server is this one
            assert [who(base, 3, other) for _ in range(3)] == ["A"] * 3
            assert sorted(who(base, 3) for _ in range(2)) == ["A", "B"]
            assert [who(base, 4) for _ in range(3)] == ["A"] * 3        # by redispatch, and then by the table
    finally:
        for s in servers:
            s.close()
