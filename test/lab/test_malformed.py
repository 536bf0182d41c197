# SPDX-License-Identifier: MIT
"""Malformed adverts on the wire, from a third node: cut at each length, each field wrong, and seeded mutations. Neither the state
nor the address changes, and each packet is counted once, under its reason, by each node that hears it. What the reason must be
is said by classify() below, which knows nothing of our source."""
import collections
import ipaddress
import json
import random
import socket
import struct

import pytest
from lab import InHost, Sampler, Tandem, wait_for
from test_control import ask, control, facts, path_of

MUTATIONS = 2500
NODES = ("lb01", "lb02")
OTHER = {"lb01": "lb02", "lb02": "lb01"}
MACS = {"lb01": bytes.fromhex("02000000000b"), "lb02": bytes.fromhex("02000000000c"), "client": bytes.fromhex("020000000064")}
ADDRESSES = {4: {"lb01": "192.168.1.11", "lb02": "192.168.1.12", "client": "192.168.1.100", "group": "224.0.0.18"},
             6: {"lb01": "fe80::11", "lb02": "fe80::12", "client": "fe80::100", "group": "ff02::12"}}
GLOBAL = {"lb01": "fd00::11", "lb02": "fd00::12"}      # unicast over IPv6
VIPS = {4: ["192.168.1.10"], 6: ["fe80::10", "fd00::10"]}
WAYS = {f"{'ipv6' if family == 6 else f'v{version}'}-{cast}": (family, version, cast)
        for family, version in ((4, 2), (4, 3), (6, 3)) for cast in ("multicast", "unicast")}
PASSWORD = b"s3cret\0\0"
INTERVAL = {2: 1, 3: 20}
VRID = 51


def sum16(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


class Way:
    """A way to speak: what the nodes are configured for, and how a packet is made that they would believe."""

    def __init__(self, name):
        self.family, self.version, self.cast = WAYS[name]
        self.unicast = self.cast == "unicast"
        self.width = 4 if self.family == 4 else 16

    def pack(self, text):
        return socket.inet_pton(socket.AF_INET if self.family == 4 else socket.AF_INET6, text)

    def address(self, name):
        if self.family == 6 and self.unicast:
            return self.pack(GLOBAL[name])
        return self.pack(ADDRESSES[self.family][name])

    def conf(self):
        peers = ""
        if self.unicast:
            mine = GLOBAL if self.family == 6 else ADDRESSES[4]
            peers = "".join(f"    @{n} unicast_src_ip {mine[n]}\n    @{n} unicast_peer {mine[OTHER[n]]}\n" for n in NODES)
        vips = "".join(f"    virtual_ipaddress {v}/{24 if self.family == 4 else 64}\n" for v in VIPS[self.family])
        more = "    auth_pass s3cret\n" if self.version == 2 else "    version 3\n"
        return f"""global
vrrp VI_1
    interface eth0
    virtual_router_id {VRID}
    @lb01 priority 200
    @lb02 priority 100
    advert_int {1 if self.version == 2 else 0.2}
{more}{vips}{peers}"""

    def message(self, version=None, interval=None, **fields):
        """An advert of a master that is stronger than both: whoever believes it changes."""
        version = version or self.version
        interval = INTERVAL[version] if interval is None else interval
        vips = b"".join(map(self.pack, VIPS[self.family]))
        f = dict(first=version << 4 | 1, vrid=VRID, priority=254, count=len(VIPS[self.family]), auth=1, vips=vips, password=PASSWORD)
        f.update(fields)
        timing = struct.pack("!BB", f["auth"], interval) if version == 2 else struct.pack("!H", interval)
        return struct.pack("!BBBB", f["first"], f["vrid"], f["priority"], f["count"]) + timing + b"\0\0" + f["vips"] + \
            (f["password"] if version == 2 else b"")

    def sign(self, message, source, destination):
        """The checksum made right."""
        if len(message) < 8:
            return message
        total = sum16(message[:6] + b"\0\0" + message[8:])
        if self.family == 6 or message[0] >> 4 != 2:
            total = sum16(struct.pack("!H", total) + source + destination + struct.pack("!HH", 112, len(message)))
        return message[:6] + struct.pack("!H", total ^ 0xffff) + message[8:]

    def ip(self, message, source, destination, ttl=255, **f):
        """The message in a datagram."""
        if self.family == 6:
            return struct.pack("!IHBB", 6 << 28, f.get("length", len(message)), f.get("protocol", 112), ttl) + source + destination + message
        head = struct.pack("!BBHHHBBH", f.get("first", 0x45), 0xc0, f.get("length", 20 + len(message)), 0, f.get("fragment", 0), ttl,
                           f.get("protocol", 112), 0) + source + destination
        return repair(head) + message

    def good(self, node, **fields):
        """The whole packet, as the peer of that node would send it, and where from and to."""
        source = self.address(OTHER[node]) if self.unicast else self.address("client")
        destination = self.address(node) if self.unicast else self.address("group")
        return self.sign(self.message(**fields), source, destination), source, destination

    def frame(self, node, packet):
        mac = MACS[node] if self.unicast else bytes.fromhex("01005e000012" if self.family == 4 else "333300000012")
        return mac + MACS["client"] + (b"\x08\0" if self.family == 4 else b"\x86\xdd") + packet

    def classify(self, node, packet):
        """Why this node does not believe the packet; None: it is none of VRRP's; "good": it would."""
        if len(packet) <= (9 if self.family == 4 else 6) or packet[9 if self.family == 4 else 6] != 112:
            return None
        if packet[0] >> 4 == 4 and len(packet) >= 20 and packet[9] == 112:
            head = packet[0] % 16 * 4
            length, fragment = struct.unpack("!2xH2xH", packet[:8])
            if head < 20 or length < head or length > len(packet) or sum16(packet[:head]) != 0xffff or fragment & 0x3fff:
                return "bad IP header"
            family, ttl, source, destination, message = 4, packet[8], packet[12:16], packet[16:20], packet[head:length]
        elif packet[0] >> 4 == 6 and len(packet) >= 40 and packet[6] == 112:
            length, = struct.unpack("!4xH", packet[:6])
            if length > len(packet) - 40:
                return "bad IP header"
            family, ttl, source, destination, message = 6, packet[7], packet[8:24], packet[24:40], packet[40:40 + length]
        else:
            return "bad IP header"
        who = ipaddress.ip_address(source)
        if who.is_unspecified or who.is_loopback or who.is_multicast or (family == 4 and source[0] >= 240):
            return "bad IP header"
        return self.classify_message(message, family, source, destination) or self.judge(node, message, family, ttl, source, destination)

    def classify_message(self, m, family, source, destination):
        if len(m) < 8:
            return "wrong length"
        version, width = m[0] >> 4, len(source)
        if version != 3 and not (version == 2 and family == 4):
            return "unknown version"
        if m[0] % 16 != 1:
            return "unknown type"
        if m[3] == 0:
            return "no addresses"
        length = 8 + width * m[3] + (8 if version == 2 else 0)
        if len(m) not in (length, length + 28):
            return "wrong length"
        summed = m if family == 6 else m[:length]
        groups = [destination] if family == 6 else [destination, self.pack("224.0.0.18") if self.family == 4 else destination]
        sums = [sum16(summed + source + g + struct.pack("!HH", 112, len(summed))) for g in groups] if version == 3 else []
        if family == 4:
            sums.append(sum16(summed))
        if 0xffff not in sums:
            return "bad checksum"
        if m[1] == 0:
            return "virtual_router_id 0"
        if (m[5] if version == 2 else struct.unpack("!4xH", m[:6])[0] & 0xfff) == 0:
            return "interval 0"
        return None

    def judge(self, node, m, family, ttl, source, destination):
        if family == self.family and source == self.address(node):
            return "our own address"
        if m[1] != VRID:
            return "unknown virtual_router_id"
        if family != self.family:
            return "other address family"
        if m[0] >> 4 != self.version:
            return "other version"
        multicast = destination[0] >> 4 == 14 if family == 4 else destination[0] == 255
        if multicast if self.unicast else destination != self.address("group"):
            return "multicast instead of unicast or the reverse"
        if ttl < 255 and not (family == 6 and self.unicast):
            return "wrong TTL"
        if self.unicast and source != self.address(OTHER[node]):
            return "not a configured peer"
        if len(m) > 8 + self.width * m[3] + (8 if self.version == 2 else 0):
            return "other authentication"               # a trailer of auth_hmac
        if self.version == 2:
            if m[4] != 1:
                return "other authentication"
            if m[-8:] != PASSWORD:
                return "other password"
            if m[5] != INTERVAL[2]:
                return "other interval"
        if family == 6 and not (m[8] == 0xfe and m[9] >> 6 == 2):
            return "first address not link-local"
        return "good"


def repair(head):
    return head[:10] + struct.pack("!H", sum16(head[:10] + b"\0\0" + head[12:20]) ^ 0xffff) + head[12:]


def each_field(way, node):
    """(the reason it must be counted under, packet)."""
    def packet(reason, ip={}, source=None, destination=None, wrong=0, more=b"", **fields):
        message, s, d = way.good(node)
        s, d = source or s, destination or d
        message = way.sign(way.message(**fields), s, d)
        message = message[:6] + struct.pack("!H", struct.unpack("!H", message[6:8])[0] ^ wrong) + message[8:]
        return reason, way.ip(message + more, s, d, **ip)
    v, other = way.version, 5 - way.version
    yield packet("bad checksum", wrong=1)
    yield packet("bad checksum", wrong=0x8000)
    for version in (0, 1, 4, 15) + ((2,) if way.family == 6 else ()):
        yield packet("unknown version", first=version << 4 | 1)
    for kind in (0, 2, 15):
        yield packet("unknown type", first=v << 4 | kind)
    if way.family == 4:
        yield packet("other version", version=other)
    yield packet("virtual_router_id 0", vrid=0)
    for vrid in (VRID - 1, 255):
        yield packet("unknown virtual_router_id", vrid=vrid)
    yield packet("no addresses", count=0)
    for count in (len(VIPS[way.family]) + 1, 255):
        yield packet("wrong length", count=count)
    yield packet("wrong length", vips=b"")
    for more in (b"\0", bytes(4), bytes(27), bytes(29), bytes(1400)):
        yield packet("wrong length", more=more)
    yield packet("interval 0", interval=0)
    if v == 2:
        for auth in (0, 2, 3, 255):
            yield packet("other authentication", auth=auth)
        yield packet("other authentication", more=bytes(28))
        for interval in (2, 255):
            yield packet("other interval", interval=interval)
        for password in (b"other\0\0\0", bytes(8), b"s3cretxx", b"S3cret\0\0"):
            yield packet("other password", password=password)
    if way.family == 6:
        yield packet("first address not link-local", vips=b"".join(map(way.pack, reversed(VIPS[6]))))
    if not (way.family == 6 and way.unicast):
        for ttl in (254, 64, 1, 0):
            yield packet("wrong TTL", ip={"ttl": ttl})
    if way.unicast:
        yield packet("our own address", source=way.address(node))
        yield packet("not a configured peer", source=way.address(node)[:-1] + b"\x63")
        yield packet("multicast instead of unicast or the reverse", destination=way.pack(ADDRESSES[way.family]["group"]))
    else:
        yield packet("multicast instead of unicast or the reverse", destination=way.address(node))
    yield packet("bad IP header", ip={"length": 2000})
    for source in ("0.0.0.0", "127.0.0.1", "224.0.0.18", "255.255.255.255") if way.family == 4 else ("::", "::1", "ff02::12"):
        yield packet("bad IP header", source=way.pack(source))
    yield packet(None, ip={"protocol": 111})
    if way.family == 4:
        for first in (0x05, 0x55, 0x65, 0xf5, 0x44, 0x40, 0x4f):
            yield packet("bad IP header", ip={"first": first})
        for length in (0, 19, 20 + 8 + 4 + 8 + 1, 0xffff):
            yield packet("bad IP header", ip={"length": length})
        yield packet("wrong length", ip={"length": 27})
        for fragment in (0x2000, 1, 0x1fff):
            yield packet("bad IP header", ip={"fragment": fragment})
        reason, whole = packet("bad IP header")
        yield reason, whole[:10] + bytes([whole[10] ^ 1]) + whole[11:]
    else:
        yield packet("wrong length", ip={"length": 7})
        reason, whole = packet("bad IP header")
        yield reason, b"\x55" + whole[1:]


def each_length(way, node):
    """Cut in the frame alone; and cut by who made it, so that all lengths agree."""
    message, s, d = way.good(node)
    whole = way.ip(message, s, d)
    for n in range(len(whole)):
        yield whole[:n]
    for n in range(len(message)):
        yield way.ip(way.sign(message[:n], s, d), s, d)


def mutations(way, node, count, seed):
    chance = random.Random(seed)
    while count > 0:
        message, s, d = way.good(node, version=chance.choice((2, 3)) if way.family == 4 and chance.random() < 0.2 else None)
        how = chance.randrange(5)
        if how == 0:                    # anywhere, as noise would do it
            data = bytearray(way.ip(message, s, d))
            for _ in range(chance.randint(1, 6)):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        elif how == 1:                  # in the message, with the checksum made right
            data = bytearray(message)
            for _ in range(chance.randint(1, 3)):
                data[chance.randrange(len(data))] = chance.choice((0, 1, 2, 3, 0x21, 0x31, 127, 254, 255, chance.randrange(256)))
            data = way.ip(way.sign(bytes(data), s, d), s, d)
        elif how == 2:                  # in the IP header, which is made right
            data = bytearray(way.ip(message, s, d))
            data[chance.randrange(20 if way.family == 4 else 40)] = chance.randrange(256)
            data = repair(bytes(data)) if way.family == 4 else data
        elif how == 3:                  # cut, or more than it should be
            data = (message + bytes(chance.randrange(256) for _ in range(chance.randrange(64))))[:chance.randint(0, len(message) + 40)]
            data = way.ip(way.sign(data, s, d) if chance.random() < 0.7 else data, s, d)
        else:                           # nothing of it is right
            data = way.ip(bytes(chance.randrange(256) for _ in range(chance.randrange(80))), s, d)
        data = bytes(data)
        if way.classify(node, data) not in (None, "good"):
            yield data
            count -= 1


class Sender:
    """Sends from the client; keeps count of what each node must have counted."""

    def __init__(self, lab, way):
        self.lab, self.way = lab, way
        self.expected = {n: collections.Counter() for n in NODES}
        self.before = {n: self.counters(n) for n in NODES}
        with InHost("client"):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind(("eth0", 0))
        self.sent = 0

    def counters(self, node):
        return collections.Counter(json.loads(ask(path_of(self.lab, node), b"show vrrp json\n"))["vrrp"][0]["discarded"])

    def send(self, node, packet):
        self.socket.send(self.way.frame(node, packet))
        for n in ((node,) if self.way.unicast else NODES):
            reason = self.way.classify(n, packet)
            assert reason != "good"
            if reason:
                self.expected[n][reason] += 1
        self.sent += 1
        if self.sent % 100 == 0:        # no more than what a socket holds
            self.settle()

    def settle(self):
        for n in NODES:
            total = (self.before[n] + self.expected[n]).total()
            wait_for(lambda: self.counters(n).total() >= total, 10,
                     f"{n} counts what was sent: {self.found(n)} of {self.expected[n]}")

    def found(self, node):
        return self.counters(node) - self.before[node]


@pytest.mark.parametrize("name", WAYS)
def test_malformed_adverts_change_nothing_and_are_counted_by_reason(lab, name):
    way = Way(name)
    nodes = [Tandem(lab, n, control(lab, way.conf())).start() for n in NODES]
    vip = VIPS[way.family][-1]
    wait_for(lambda: lab.lb01.holds(vip) and not lab.lb02.holds(vip), 10, nodes[0].log())
    wait_for(lambda: facts(lab, "lb02")["vrrp"][0]["adverts_received"] > 0, 5, "lb02 hears lb01")
    assert way.classify("lb02", way.ip(*way.good("lb02"))) == "good"
    sampler, lines = Sampler(lab, vip), [n.log().count("\n") for n in nodes]
    states = [n.log().count("Entering") for n in nodes]
    sender = Sender(lab, way)
    for node in NODES if way.unicast else ("lb02",):
        for reason, packet in each_field(way, node):
            assert way.classify(node, packet) == reason, (reason, packet.hex())
            sender.send(node, packet)
        for packet in each_length(way, node):
            sender.send(node, packet)
        for packet in mutations(way, node, MUTATIONS // (2 if way.unicast else 1), f"{name} {node}"):
            sender.send(node, packet)
    sender.settle()
    for n in NODES:
        discarded = facts(lab, n)["vrrp"][0]["discarded"]
        found = collections.Counter(discarded) - sender.before[n]
        assert found == sender.expected[n], (found - sender.expected[n], sender.expected[n] - found)
    sampler.stop()
    assert {holders for _, holders in sampler.samples} == {("lb01",)}
    assert [n.log().count("Entering") for n in nodes] == states
    for node, before in zip(nodes, lines):
        assert node.log().count("\n") - before < 100, node.log()
    # The same packet, unharmed, would have been believed.
    for node in NODES:
        sender.socket.send(way.frame(node, way.ip(*way.good(node))))
    nodes[0].wait_log("has the higher priority 254, ours is 200")
    wait_for(lambda: not lab.lb01.holds(vip), 2, "lb01 lets go")
    sender.socket.close()
