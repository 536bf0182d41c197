# SPDX-License-Identifier: MIT
"""Three adverts of ten are lost on the way, in both directions, at the switch, where both programs suffer it: pairs of tandem
beside pairs of keepalived, and the first pair of the one loses the same adverts, by number, as the first of the other, and so
on. TEST_LOAD_SECONDS=60 for longer."""
import os
import random
import threading
import time

from lab import Tandem, sh, wait_for
from test_interop import Keepalived

PAIRS = 10
LOST = 0.3
SEED = 37                               # with it, takeovers begin early
ROUTERS = [(program, i) for program in ("tandem", "keepalived") for i in range(PAIRS)]
VRID = {r: (51 if r[0] == "tandem" else 151) + r[1] for r in ROUTERS}
VIP = {r: f"192.168.1.{VRID[r]}" for r in ROUTERS}
PRIORITY = {"lb01": 100, "lb02": 90}


def conf(program, name):
    text = ""
    for r in (r for r in ROUTERS if r[0] == program):
        if program == "tandem":
            text += f"vrrp VI_{VRID[r]}\n interface eth0\n virtual_router_id {VRID[r]}\n priority {PRIORITY[name]}\n" \
                    f" virtual_ipaddress {VIP[r]}/24\n"
        else:
            text += f"vrrp_instance VI_{VRID[r]} {{\n state BACKUP\n interface eth0\n virtual_router_id {VRID[r]}\n" \
                    f" priority {PRIORITY[name]}\n advert_int 1\n virtual_ipaddress {{\n  {VIP[r]}/24\n }}\n}}\n"
    return text


def lose(lab, count):
    """Of the next so many adverts: a rule with its own counter for each router and direction, and a sequence that its like of the
    other program has as well."""
    text = "table netdev loss {\n"
    for name in PRIORITY:
        text += f"chain {name} {{\ntype filter hook ingress device {name} priority 0;\n"
        for r in ROUTERS:
            chance = random.Random(f"{SEED} {name} {r[1]}")
            numbers = [n for n in range(count) if chance.random() < LOST]
            text += f"ip protocol 112 @th,8,8 {VRID[r]} numgen inc mod 100000 vmap {{ {', '.join(f'{n} : drop' for n in numbers)} }}\n"
        text += "}\n"
    path = lab.folder / "loss.nft"
    path.write_text(text + "}\n")
    sh(f"nft -f {path}")


class Holders:
    """Who holds each address, ten times a second."""

    def __init__(self, lab):
        self.lab, self.done, self.samples = lab, False, []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def look(self):
        return {r: tuple(n for n in PRIORITY if self.lab.hosts[n].holds(VIP[r])) for r in ROUTERS}

    def run(self):
        while not self.done:
            self.samples.append((time.monotonic(), self.look()))
            time.sleep(0.1)

    def stop(self):
        self.done = True
        self.thread.join()

    def longest(self, r):
        """For how long two held it at most."""
        longest = begin = 0
        for when, holders in self.samples:
            begin = begin or when if len(holders[r]) == 2 else 0
            longest = max(longest, when - begin if begin else 0)
        return longest


def test_lost_adverts_make_no_more_takeovers_than_keepalived_has(lab):
    seconds = int(os.environ.get("TEST_LOAD_SECONDS", "12"))
    nodes = {(p, n): {"tandem": Tandem, "keepalived": Keepalived}[p](lab, n, conf(p, n)) for n in PRIORITY for p in ("tandem", "keepalived")}
    for node in nodes.values():
        node.start()
    holders = Holders(lab)
    wait_for(lambda: set(holders.look().values()) == {("lb01",)}, 15, "all are with lb01")
    time.sleep(1.5)
    before = {p: nodes[p, "lb02"].log().count("Entering MASTER STATE") for p in ("tandem", "keepalived")}
    try:
        lose(lab, seconds)
        time.sleep(seconds + 5)         # a takeover comes four seconds after the last advert that was heard
    finally:
        sh("nft delete table netdev loss", check=False)
    wait_for(lambda: set(holders.look().values()) == {("lb01",)}, 3, "one holder each, again")
    took = {p: nodes[p, "lb02"].log().count("Entering MASTER STATE") - before[p] for p in before}
    holders.stop()
    two = {p: max(holders.longest(r) for r in ROUTERS if r[0] == p) for p in before}
    assert 0 < took["tandem"] <= took["keepalived"], (took, two)
    assert two["tandem"] < 8, (took, two)
