# SPDX-License-Identifier: MIT
"""What a third node sees on the wire while nodes are hurt."""
import itertools
import os
import re
import signal
import subprocess
import time

import pytest
from lab import MASTER_DOWN, PROXY, VIP, Client, Sampler, Tandem, sh, vrrp_conf, wait_for
from wire import MACS, Asker, Ears, Frame, Pings

DOWN_LIMIT = MASTER_DOWN[90] + 0.3


def speaks(frame):
    """An advert, or a word about where the address is."""
    return frame.is_advert() or frame.claims()


def runs(names):
    return [name for name, _ in itertools.groupby(names)]


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP], ids=["kill", "freeze"])
def test_at_no_moment_two_machines_answer(pair, lab, fault):
    """The address has left the dead node before the other one takes it, and a node that wakes up says nothing."""
    lb01, lb02 = pair(vrrp_conf("    nopreempt"))
    arping = lab.client.spawn("arping", "-b", "-I", "eth0", VIP, stdout=subprocess.PIPE, text=True)
    ears, asker, sampler = Ears(), Asker(), Sampler(lab)
    time.sleep(0.5)
    lb01.send(fault)
    lb02.wait_master(DOWN_LIMIT + 1)
    time.sleep(1.2)                     # another arping
    woken = time.time()
    if fault == signal.SIGSTOP:
        lb01.send(signal.SIGCONT)
        lb01.wait_log("Entering BACKUP STATE (this node was not running for longer than three adverts)")
        time.sleep(1.2)
    for thread in (asker, ears, sampler):
        thread.stop()
    arping.send_signal(signal.SIGINT)
    answered = [mac.lower() for mac in re.findall(r"reply from \S+ \[(\S+)\]", arping.communicate(timeout=5)[0])]
    assert runs(answered) == [MACS["lb01"], MACS["lb02"]]
    answers = ears.heard(Frame.answers)
    assert len(answers) > 100 and runs(f.source for f in answers) == [MACS["lb01"], MACS["lb02"]]
    # Neither is there a moment in which both hold it, nor one after the other without a pause: nobody holds it in between.
    assert runs(h for _, h in sampler.samples) == [("lb01",), (), ("lb02",)]
    assert not ears.heard(speaks, "lb01", woken)


def test_a_node_that_was_suspended_says_nothing_before_it_lets_go(pair, lab):
    """The clock of its address has stood still as well, and a refresh of gratuitous ARP, which would point all neighbours at the
    wrong node, is due before the next advert."""
    conf = vrrp_conf("    version 3\n    nopreempt\n    garp_master_delay 0\n    garp_master_refresh 1", advert_int="1.1")
    lb01, lb02 = pair(conf)
    ears = Ears()
    wait_for(lambda: ears.heard(Frame.claims, "lb01"), 3, "it is refreshed")
    before = time.time()
    wait_for(lambda: ears.heard(Frame.is_advert, "lb01", before), 3, "an advert")
    lb01.send(signal.SIGSTOP)
    sh(f"ip -n lb01 addr change {VIP}/24 dev eth0 valid_lft forever preferred_lft forever")
    lb02.wait_master()
    assert lab.lb01.holds()
    woken = time.time()
    lb01.send(signal.SIGCONT)
    wait_for(lambda: not lab.lb01.holds(), 2, "it lets go")
    lb01.wait_log("Entering BACKUP STATE (this node was not running for longer than three adverts)")
    time.sleep(1.2)
    ears.stop()
    assert ears.heard(speaks, "lb02", woken) and not ears.heard(speaks, "lb01", woken)


def test_addresses_of_many_routers_go_at_one_time(lab):
    """The kernel looks for expired addresses at most once a second: of routers that came to be master at different moments, the
    addresses must not end at different moments."""
    vips = {81 + i: f"fd00::{81 + i}/64" if i % 2 else f"192.168.1.{81 + i}/24" for i in range(6)}
    conf = "".join(f"vrrp V{v}\n    interface eth0\n    virtual_router_id {v}\n    version 3\n    priority {254 - 40 * i}\n"
                   f"    virtual_ipaddress {vip}\n" for i, (v, vip) in enumerate(vips.items()))
    node = Tandem(lab, "lb01", conf).start()

    def held():
        return [vip for vip in vips.values() if lab.lb01.holds(vip.split("/")[0])]
    for last in (False, True):          # a kernel that is busy may be late with those of one family, but not each time
        wait_for(lambda: len(held()) == len(vips), 6, node.log())
        time.sleep(1.2)
        since = time.monotonic()
        node.send(signal.SIGKILL)
        wait_for(lambda: len(held()) < len(vips), 5, "the first one goes")
        time.sleep(0.3)
        left, spent = held(), time.monotonic() - since
        if not left and spent < MASTER_DOWN[100]:
            return
        assert not last, (left, spent)
        wait_for(lambda: not held(), 5, "the last one goes")
        node.start()


def test_a_hung_worker_is_replaced_and_the_address_stays(pair, lab):
    lb01, lb02 = pair(vrrp_conf(p1=255) + PROXY)
    client, sampler = Client(lab), Sampler(lab)
    worker, since = lb01.worker(), time.monotonic()
    os.kill(worker, signal.SIGSTOP)
    lb01.wait_log("because it hung")
    client.wait_answer(4)
    sampler.stop()
    assert 1 < client.gap(since) < 3    # 2 s without a turn, and a new one
    assert lb01.worker() != worker
    assert {holders for _, holders in sampler.samples} == {("lb01",)} and "MASTER" not in lb02.log()


def test_adverts_every_10_ms_beside_a_saturated_proxy(pair, lab):
    """No false failover while the proxy has all that one core can give. Then the master's guard is killed, some times over: the
    other node answers the third one's pings and requests. TEST_LOAD_SECONDS=60 for longer."""
    seconds = int(os.environ.get("TEST_LOAD_SECONDS", "5"))
    if subprocess.run(["chrt", "-f", "1", "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no real-time priority can be had here, such as in a user namespace")
    lb01, lb02 = pair(vrrp_conf("    version 3", advert_int="0.01") + PROXY)
    policies = [os.sched_getscheduler(pid) & ~os.SCHED_RESET_ON_FORK for pid in (lb01.process.pid, lb01.worker())]
    assert policies == [os.SCHED_FIFO, os.SCHED_OTHER]
    client = Client(lab)                # it waits for answers
    client.process.kill()
    states = [n.log().count("STATE") for n in (lb01, lb02)]
    for pid in (lb01.process.pid, lb01.worker()):
        os.sched_setaffinity(pid, {0})
    load = lab.client.spawn("taskset", "-c", "0", "wrk", "-t", "1", "-c", "64", "-d", seconds, f"http://{VIP}/1k",
                            stdout=subprocess.PIPE, text=True)
    out, _ = load.communicate(timeout=seconds + 20)
    assert int(re.search(r"(\d+) requests in", out).group(1)) > 200 * seconds, out
    assert [n.log().count("STATE") for n in (lb01, lb02)] == states, lb01.log() + lb02.log()
    gaps = []
    for _ in range(3):
        lb01.wait_master()
        wait_for(lambda: not lab.lb02.holds(), 5, "lb02 lets go")
        client, ears, pings = Client(lab), Ears(), Pings()
        time.sleep(0.2)
        since = time.time(), time.monotonic()
        lb01.send(signal.SIGKILL, everybody=False)
        lb02.wait_master()
        client.wait_answer(3)
        ears.stop()
        pings.stop()
        client.process.kill()
        gaps.append((ears.heard(Frame.echoes, "lb02", since[0])[0].when - since[0], client.gap(since[1])))
        lb01.start()
    # The best of three: what the protocol needs is the same each time, what a busy machine adds is not.
    assert min(ping for ping, _ in gaps) <= 0.06 and min(http for _, http in gaps) <= 0.15, gaps
