# SPDX-License-Identifier: MIT
"""What passes the switch, with the kernel's time of each frame, and a third node that asks who has an address."""
import ctypes
import itertools
import select
import socket
import struct
import threading
import time

from lab import VIP, InHost

ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86dd
SO_ATTACH_FILTER, SO_TIMESTAMPNS, SOL_PACKET, ADD_MEMBERSHIP, PROMISCUOUS, ALL = 26, 35, 263, 1, 1, 3
CLIENT = bytes.fromhex("020000000064")
MACS = {"lb01": "02:00:00:00:00:0b", "lb02": "02:00:00:00:00:0c"}


class Frame:
    def __init__(self, when, data):
        self.when, self.to, self.source = when, data[:6], data[6:12].hex(":")
        self.kind, = struct.unpack("!H", data[12:14])
        self.payload = data[14:]

    def is_advert(self):
        return self.kind == IPV4 and self.payload[9] == 112 or self.kind == IPV6 and self.payload[6] == 112

    def claims(self, vip=VIP):
        """Says by ARP, or by a neighbour advertisement, that the address is at its sender."""
        if ":" not in vip:
            return self.kind == ARP and self.payload[14:18] == socket.inet_aton(vip)
        return self.kind == IPV6 and self.payload[6] == 58 and self.payload[40] == 136 and \
            self.payload[48:64] == socket.inet_pton(socket.AF_INET6, vip)

    def answers(self, vip=VIP):
        """The same, to the client, who has asked."""
        return self.claims(vip) and self.to == CLIENT

    def echoes(self, vip=VIP):
        """An answer to the client's ping."""
        return self.kind == IPV4 and self.payload[9] == 1 and self.payload[20] == 0 and self.payload[12:16] == socket.inet_aton(vip)


# ARP, IPv6, and of IPv4 what is ICMP or VRRP: the clients' traffic would be too much.
_FILTER = [(0x28, 0, 0, 12), (0x15, 5, 0, ARP), (0x15, 4, 0, IPV6), (0x15, 0, 4, IPV4),
           (0x30, 0, 0, 23), (0x15, 1, 0, 1), (0x15, 0, 1, 112), (0x06, 0, 0, 256), (0x06, 0, 0, 0)]


class Ears:
    """What passes the switch. Times are of time.time()'s clock."""

    def __init__(self):
        self.frames, self.done = [], False
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in _FILTER))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(_FILTER), ctypes.addressof(code)))
        self.socket.setsockopt(SOL_PACKET, ADD_MEMBERSHIP, struct.pack("iHH8s", socket.if_nametoindex("br0"), PROMISCUOUS, 0, b""))
        self.socket.bind(("br0", ALL))
        self.socket.settimeout(0.1)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.done:
            try:
                data, extra, _, _ = self.socket.recvmsg(256, 64)
            except socket.timeout:
                continue
            seconds, ns = struct.unpack("qq", extra[0][2])
            self.frames.append(Frame(seconds + ns / 1e9, data))

    def stop(self):
        time.sleep(0.15)
        self.done = True
        self.thread.join()
        self.socket.close()

    def heard(self, what, name=None, since=0, until=float("inf")):
        """The frames of a kind, what(frame), of a node."""
        return [f for f in list(self.frames) if since <= f.when < until and (not name or f.source == MACS[name]) and what(f)]


def _question(vip):
    """Who has it? A broadcast, or a solicitation to the group of its last bytes, from the client."""
    if ":" not in vip:
        return b"\xff" * 6 + CLIENT + struct.pack("!H", ARP) + bytes.fromhex("0001080006040001") + CLIENT + \
            socket.inet_aton("192.168.1.100") + bytes(6) + socket.inet_aton(vip)
    target, me = (socket.inet_pton(socket.AF_INET6, a) for a in (vip, "fd00::100"))
    group = bytes.fromhex("ff0200000000000000000001ff") + target[13:]
    body = struct.pack("!BBHI", 135, 0, 0, 0) + target + b"\1\1" + CLIENT
    total = sum(struct.unpack("!16H", me + group)) + len(body) + 58 + sum(struct.unpack(f"!{len(body) // 2}H", body))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    body = body[:2] + struct.pack("!H", total ^ 0xffff) + body[4:]
    return b"\x33\x33" + group[12:] + CLIENT + struct.pack("!HIHBB", IPV6, 6 << 28, len(body), 58, 255) + me + group + body


def who_answers(vips, seconds=0.4):
    """The client asks once who has each of these addresses: {address: the MAC addresses of all who answer, one for each answer}."""
    with InHost("client"):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
    s.bind(("eth0", ALL))
    found, end = {vip: [] for vip in vips}, time.monotonic() + seconds
    for vip in vips:
        s.send(_question(vip))
    while select.select([s], [], [], max(0, end - time.monotonic()))[0]:
        frame = Frame(0, s.recv(2000))
        for vip in vips:
            if frame.answers(vip):
                found[vip].append(frame.source)
    s.close()
    return found


class Asker:
    """The client asks all the time who has the address, and pings it; the answers are for Ears."""

    def __init__(self, vip=VIP, every=0.01):
        self.done = False
        with InHost("client"):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.bind(("eth0", 0))
        self.vip, self.every = vip, every
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        question = _question(self.vip)
        while not self.done:
            self.socket.send(question)
            time.sleep(self.every)

    def stop(self):
        self.done = True
        self.thread.join()
        self.socket.close()


class Pings:
    """The client pings the address every few milliseconds, and believes whoever tells it last where it is."""

    def __init__(self, vip=VIP, every=0.002):
        self.done, self.vip, self.every = False, vip, every
        with InHost("client"):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.socket.settimeout(1)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        for n in itertools.count():
            if self.done:
                return
            body = struct.pack("!BBHHH", 8, 0, 0, 4711, n & 0xffff)
            total = sum(struct.unpack("!4H", body))
            total = (total & 0xffff) + (total >> 16)
            try:
                self.socket.sendto(body[:2] + struct.pack("!H", total ^ 0xffff) + body[4:], (self.vip, 0))
            except OSError:
                pass                    # nobody has it for now
            time.sleep(self.every)

    def stop(self):
        self.done = True
        self.thread.join()
        self.socket.close()
