# SPDX-License-Identifier: MIT
"""The stats socket and who asks it: tandem status, tandem ctl, socat. What they say, and that nobody who asks is in VRRP's way."""
import json
import os
import pathlib
import re
import socket
import subprocess
import time

import pytest
from lab import PROXY, TANDEM, UNICAST, VIP, Client, Tandem, rest_of, sh, vrrp_conf, wait_for


def path_of(lab, name):
    return str(lab.folder / f"{name}.sock")


def control(lab, conf, mode="600"):
    """The same file for both nodes, with a socket for each."""
    line = "".join(f"    @{n} stats socket {path_of(lab, n)} mode {mode}\n" for n in ("lb01", "lb02"))
    return conf.replace("global\n", "global\n" + line, 1)


def fast(lab, vrrp="", **options):
    return control(lab, vrrp_conf("    version 3\n" + vrrp, advert_int="0.2", **options))


def tandem(*arguments, **options):
    done = subprocess.run([TANDEM, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=20, **options)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def status(lab, name):
    code, out, err = tandem("status", "-s", path_of(lab, name))
    assert code == 0, err
    return out


def facts(lab, name):
    code, out, err = tandem("status", "-s", path_of(lab, name), "--json")
    assert code == 0, err
    return json.loads(out)


def connect(path, timeout=10):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)                     # waits where the queue is full
    s.settimeout(timeout)
    return s


def ask(path, data, shut=False, timeout=10):
    with connect(path, timeout) as s:
        try:
            s.sendall(data)
            if shut:
                s.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return rest_of(s).removesuffix(b"<RESET>")


def test_status_follows_a_failover(pair, lab):
    conf = control(lab, vrrp_conf("    version 3\n    track_backend web_servers weight -20" + UNICAST, advert_int="0.2") + PROXY)
    lb01, lb02 = pair(conf)
    wait_for(lambda: "priority 100, every 0.2s" in status(lab, "lb02"), 5, "lb02 has heard lb01")
    one, two = status(lab, "lb01"), status(lab, "lb02")
    assert re.match(r"node lb01, tandem \S+, up \d", one), one
    assert re.search(r"^vrrp VI_1: MASTER for \d.*\(no advert for 0\.\d s\)$", one, re.M), one
    assert re.search(rf"^  addresses   {VIP}/24 on eth0, for [12]s unless renewed$", one, re.M), one
    assert re.search(r"^  master      this node, 192\.168\.1\.11$", one, re.M), one
    assert re.search(r"^worker: serving, pid \d+, 0 restarts", one, re.M), one
    assert re.search(r"^backend web_servers: 2 of 2 servers\n  UP          192\.168\.1\.21:80       web01\n", one, re.M), one
    assert re.search(r"^vrrp VI_1: BACKUP for ", two, re.M) and f"{VIP}/24 on eth0: not here" in two, two
    assert re.search(r"^  router      virtual_router_id 51 on eth0, version 3, IPv4, unicast$", two, re.M), two
    assert re.search(r"^  peers       192\.168\.1\.11 priority 100, every 0\.2s, 0\.\ds ago, pseudo-header checksum$", two, re.M), two
    assert max(map(len, one.splitlines())) <= 90 and not [line for line in one.splitlines() if line.startswith("!")]
    client = Client(lab)
    client.wait_answer(5)
    lb01.stop()
    lb02.wait_master()
    assert not os.path.exists(path_of(lab, "lb01")), "the socket goes with its tandem"
    now = facts(lab, "lb02")
    router = now["vrrp"][0]
    assert router["state"] == "MASTER" and "resigned" in router["why"] and router["since_ms"] < 5000
    assert router["addresses"] == [{"address": f"{VIP}/24", "interface": "eth0", "present": True,
                                    "lifetime_s": router["addresses"][0]["lifetime_s"]}]
    wait_for(lambda: facts(lab, "lb02")["worker"]["requests_total"] > 0, 5, "traffic is counted")


def test_faults_come_first(pair, lab):
    """What lowers the priority, and what is wrong with a peer."""
    conf = fast(lab, "    track_backend web_servers weight -20\n") + PROXY.replace("500ms", "200ms")
    lb01, _ = pair(conf)
    for name in ("web01", "web02"):
        lab.health(name, False)
    lb01.wait_log("Changing effective priority from 100 to 80", 10)
    text, now = status(lab, "lb01"), facts(lab, "lb01")
    assert text.splitlines()[2] == "! backend web_servers: no usable server", text
    assert "  priority    80 (100 is configured)" in text
    assert "  tracks      backend web_servers: no usable server, priority -20" in text
    assert now["faults"] == ["backend web_servers: no usable server"]
    assert now["vrrp"][0]["tracks"] == [{"track_backend": "web_servers", "failed": True, "weight": -20}]
    assert [s["state"] for s in now["backends"][0]["servers"]] == ["DOWN", "DOWN"]


def test_a_peer_that_does_not_fit_is_a_fault(lab):
    Tandem(lab, "lb01", control(lab, vrrp_conf("    auth_pass s3cret", p1=255))).start()
    Tandem(lab, "lb02", control(lab, vrrp_conf("    auth_pass other"))).start()
    wait_for(lambda: facts(lab, "lb02")["faults"], 5, "a fault")
    text, now = status(lab, "lb02"), facts(lab, "lb02")
    assert text.splitlines()[2].startswith("! VI_1: 192.168.1.11 sends adverts with another auth_pass"), text
    assert re.search(r"^  discarded   \d+: other password$", text, re.M), text
    router = now["vrrp"][0]
    assert router["discarded"]["other password"] >= 1 and router["discarded"]["bad checksum"] == 0
    assert router["peers"][0]["address"] == "192.168.1.11" and router["peers"][0]["verdict"] == "other password"


def test_text_and_json_have_the_same_facts(pair, lab):
    pair(fast(lab) + PROXY)
    wait_for(lambda: facts(lab, "lb02")["vrrp"][0]["peers"], 5, "lb02 has heard lb01")
    for name in ("lb01", "lb02"):
        text, now = status(lab, name), facts(lab, name)
        router, lines = now["vrrp"][0], text.splitlines()
        assert lines[0].startswith(f"node {now['node']}, tandem {now['version']}, up ")
        assert f"vrrp VI_1: {router['state']} for " in text and f"({router['why']})" in text
        assert f"virtual_router_id {router['virtual_router_id']} on {router['interface']}, version {router['version']}" in text
        assert f"  priority    {router['priority']}\n" in text and router["priority"] == router["priority_configured"]
        for a in router["addresses"]:
            assert f"{a['address']} on {a['interface']}" in text and (": not here" not in text) == a["present"]
        for p in router["peers"]:
            assert f"{p['address']} priority {p['priority']}, every 0.2s" in text
        assert f"pid {now['worker']['pid']}, {now['worker']['restarts']} restarts" in text
        for s in now["backends"][0]["servers"]:
            assert re.search(rf"^  {s['state']} +{s['address']} +{s['name']}$", text, re.M), text
        # `show vrrp` is a part of it.
        assert set(json.loads(ask(path_of(lab, name), b"show vrrp json\n"))) == {"vrrp"}
        assert ask(path_of(lab, name), b"show vrrp\n").decode().splitlines()[0].startswith("vrrp VI_1: ")


def test_socat_speaks_with_it_as_with_haproxy(pair, lab):
    pair(fast(lab))
    path = path_of(lab, "lb01")

    def socat(line):
        return subprocess.run(["sh", "-c", f"{line} | socat -t 5 - unix:{path}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=20, text=True).stdout
    assert socat('echo "show vrrp"').startswith("vrrp VI_1: MASTER for ")
    both = socat('echo "show info; help"')
    info, names, rest = both.split("\n\n")
    assert info.startswith("Name: tandem\nVersion: ") and "\nNode: lb01\n" in info and re.search(r"\nUptime_sec: \d+$", info) and rest == ""
    assert "\nfailover " in names and "show vrrp [json]" in names
    assert socat('printf "show info"').startswith("Name: tandem"), "the end of input ends a line"
    assert socat('printf "prompt\\nshow info\\nshow info\\nquit\\n"').count("Name: tandem") == 2
    assert socat('printf "show info\\nshow info\\n"').count("Name: tandem") == 1, "one line without prompt"


NO_COMMANDS = [
    (b"shw vrrp\n", b"Unknown command: 'shw vrrp' (did you mean 'show vrrp'?). 'help' lists all.\n\n"),
    (b"x\n", b"Unknown command: 'x'. 'help' lists all.\n\n"),
    (b"show vrrp xml\n", b"Refused: 'show vrrp' takes [json], not 'xml'.\n\n"),
    (b"quit now\n", b"Refused: 'quit' takes nothing, not 'now'.\n"),
    (b"a\0b\x1b[2J\n", b"Unknown command: 'a?b?[2J'. 'help' lists all.\n\n"),
    (b"\xff\xfe\n", b"Unknown command: '\xff\xfe'. 'help' lists all.\n\n"),
    (b"\n", b"\n"), (b";;;\n", b""), (b"", b""), (b"quit\n", b""),
    (b"x" * 5000, b"Refused: a line has at most 1023 bytes.\n\n"),
    (b"x" * 1024 * 1024, b"Refused: a line has at most 1023 bytes.\n\n"),
    (b"\0" * 1024 * 1024 + b"\n", b"Refused: a line has at most 1023 bytes.\n\n"),
]


def test_what_is_no_command_gets_a_sentence(lab):
    Tandem(lab, "lb01", fast(lab, p1=255)).start()
    for line, answer in NO_COMMANDS:
        assert ask(path_of(lab, "lb01"), line, shut=True) == answer, line[:20]
        assert ask(path_of(lab, "lb01"), b"show info\n").startswith(b"Name: tandem"), line[:20]


def test_many_lines_in_one_write_are_all_answered(lab):
    Tandem(lab, "lb01", fast(lab, p1=255)).start()
    data = ask(path_of(lab, "lb01"), b"prompt\n" + b"\n" * 900 + b"show info\n" * 300 + b"quit\n")
    assert data.count(b"Name: tandem") == 300 and data.count(b"> ") == 1201


def test_the_fifth_client_waits(lab):
    Tandem(lab, "lb01", fast(lab, p1=255)).start()
    path = path_of(lab, "lb01")
    four = [connect(path) for _ in range(4)]
    for s in four:
        s.sendall(b"prompt\n")
        assert s.recv(10) == b"\n> "
    fifth = connect(path, timeout=0.5)
    fifth.sendall(b"show info\n")
    with pytest.raises(socket.timeout):
        fifth.recv(10)
    four.pop().close()
    fifth.settimeout(5)
    assert rest_of(fifth).startswith(b"Name: tandem")
    # Who says nothing for ten seconds makes room.
    last = [connect(path) for _ in range(4)]
    last[-1].sendall(b"show info\n")
    last[-1].settimeout(15)
    assert rest_of(last[-1]).startswith(b"Name: tandem")
    for s in [*four, *last, fifth]:
        s.close()


def many_addresses(lab, count=20):
    addresses = "".join(f"    virtual_ipaddress 10.9.{i // 200}.{i % 200 + 1}/32\n" for i in range(count))
    return control(lab, vrrp_conf("    version 3\n" + addresses, advert_int="0.01"))


def test_slow_readers_do_not_delay_adverts(lab):
    """Answers many times as large as all buffers, read by nobody, by a byte at a time, and again and again."""
    lb01 = Tandem(lab, "lb01", many_addresses(lab)).start()
    lb02 = Tandem(lab, "lb02", many_addresses(lab)).start()
    lb01.wait_log("Entering MASTER STATE", 10)
    path = path_of(lab, "lb01")
    wait_for(lambda: facts(lab, "lb01")["vrrp"][0]["state"] == "MASTER" and facts(lab, "lb02")["vrrp"][0]["state"] == "BACKUP", 10, "roles")
    before = lb02.log().count("MASTER STATE")
    sent = facts(lab, "lb01")["vrrp"][0]["adverts_sent"]
    stuck = [connect(path) for _ in range(2)]
    for s in stuck:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        s.sendall(b"prompt;" + b"show vrrp json;" * 60 + b"\n")
    size = pathlib.Path(f"/proc/{lb01.process.pid}/status").read_text()
    slow, end, asked = connect(path), time.monotonic() + 4, 0
    slow.sendall(b"show vrrp json\n")
    start = time.monotonic()
    while time.monotonic() < end:
        slow.recv(1)
        data = ask(path, b"show vrrp json\n")
        assert len(json.loads(data)["vrrp"][0]["addresses"]) == 21
        asked += 1
    rss = [re.search(r"VmRSS:\s+(\d+)", text).group(1) for text in
           (size, pathlib.Path(f"/proc/{lb01.process.pid}/status").read_text())]
    assert int(rss[1]) - int(rss[0]) <= 64, rss
    for s in [*stuck, slow]:
        s.close()
    spent = time.monotonic() - start
    sent = facts(lab, "lb01")["vrrp"][0]["adverts_sent"] - sent
    assert asked > 20
    assert lb02.log().count("MASTER STATE") == before and facts(lab, "lb02")["vrrp"][0]["state"] == "BACKUP"
    assert sent > spent * 100 * 0.9, f"{sent} adverts in {spent:.1f} s"


def test_a_thousand_connections_leave_nothing_behind(lab):
    node = Tandem(lab, "lb01", fast(lab, p1=255)).start()
    path, fds = path_of(lab, "lb01"), f"/proc/{node.process.pid}/fd"
    ask(path, b"show status json\n")
    before = len(os.listdir(fds))
    for i in range(1000):
        s = connect(path)
        if i % 4 == 1:
            s.sendall(b"show status json\n")
        elif i % 4 == 2:
            s.sendall(b"show")
        elif i % 4 == 3:
            s.sendall(b"prompt;show vrrp\n")
            s.shutdown(socket.SHUT_WR)
        s.close()
    wait_for(lambda: len(os.listdir(fds)) == before, 5, "no descriptor is left")
    assert ask(path, b"show info\n").startswith(b"Name: tandem")


def test_a_stale_socket_is_replaced_and_a_live_one_is_not(lab):
    path = path_of(lab, "lb01")
    node = Tandem(lab, "lb01", fast(lab, p1=255)).start()
    second = lab.folder / "second.conf"             # another router: two of one are refused for that alone
    second.write_text(node.conf.read_text().replace("virtual_router_id 51", "virtual_router_id 52"))
    done = lab.lb01.run(TANDEM, "run", "-n", "lb01", "-f", second, check=False, timeout=10)
    assert f"stats socket {path}: another process answers there (a second tandem?): give each its own path" in done
    assert ask(path, b"show info\n").startswith(b"Name: tandem"), "the first one still has it"
    node.process.kill()
    node.process.wait()
    assert os.path.exists(path)
    code, _, err = tandem("status", "-s", path)
    assert code == 2 and f"nobody answers on {path}: tandem is not running" in err
    node = Tandem(lab, "lb01", fast(lab, p1=255)).start()
    assert ask(path, b"show info\n").startswith(b"Name: tandem")
    # What somebody else has put there meanwhile stays.
    os.unlink(path)
    pathlib.Path(path).write_text("mine")
    node.stop()
    assert pathlib.Path(path).read_text() == "mine"
    done = lab.lb01.run(TANDEM, "run", "-n", "lb01", "-f", node.conf, check=False, timeout=10)
    assert "there is a file of that name, and it is no socket" in done and pathlib.Path(path).read_text() == "mine"
    os.unlink(path)


@pytest.mark.parametrize("mode", ["600", "660", "666"])
def test_the_mode_says_who_may_ask(lab, mode):
    Tandem(lab, "lb01", control(lab, vrrp_conf("    version 3", p1=255), mode)).start()
    path = path_of(lab, "lb01")
    assert f"{os.stat(path).st_mode & 0o777:o}" == mode
    if pathlib.Path("/proc/self/uid_map").read_text().split()[2] == "1":
        pytest.skip("there is no second user in a user namespace of one")
    done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", TANDEM, "status", "-s", path],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10, text=True)
    if mode == "666":
        assert done.returncode == 0 and done.stdout.startswith("node lb01")
    else:
        assert done.returncode == 2 and f"this user may not open {path}" in done.stderr


def test_several_tandems_side_by_side(lab):
    nodes = []
    for n in range(3):
        conf = f"""global
    stats socket {lab.folder}/side{n}.sock
vrrp VI_{n}
    interface eth0
    virtual_router_id {60 + n}
    priority 255
    virtual_ipaddress 192.168.1.{60 + n}/24
"""
        node = Tandem(lab, "lb01", conf)
        node.conf = lab.folder / f"side{n}.conf"
        node.conf.write_text(conf)
        nodes.append(node.start())
        node.log_path.write_text("")
    for n in range(3):
        code, out, _ = tandem("status", "-f", nodes[n].conf, "-n", "lb01", "--json")
        assert code == 0
        router, = json.loads(out)["vrrp"]
        assert (router["name"], router["virtual_router_id"], router["state"]) == (f"VI_{n}", 60 + n, "MASTER")
    for node in nodes:
        node.process.terminate()
    assert [node.process.wait(10) for node in nodes] == [0, 0, 0]
    assert not list(lab.folder.glob("side*.sock"))


SAID = [
    (["status", "-f", "{none}"], 1, "has no stats socket, so there is nobody to ask: add 'stats socket /run/tandem.sock mode 600'"),
    (["status", "-f", "{wrong}"], 1, "unknown keyword 'stat' in global (did you mean 'stats'?)"),
    (["status", "-f", "/no/such/file"], 1, "/no/such/file"),
    (["status", "-s", "/no/such.sock"], 2, "there is no socket /no/such.sock: tandem is not running"),
    (["status", "-s", "{none}"], 2, "is no socket: is the path right?"),
    (["status", "-s", "/" + "x" * 200], 1, "longer than a socket's can be"),
    (["status", "-s"], 1, "a value is missing after '-s': tandem status [-f FILE]"),
    (["status", "now"], 1, "'now' is too much"),
    (["ctl", "-s", "/no/such.sock"], 1, "which command?"),
    (["ctl", "-x", "help"], 1, "unknown option '-x'"),
    (["ctl", "-s", "{live}", "hlep"], 1, ""),
    (["ctl", "-s", "{live}", "show", "info"], 0, ""),
    (["ctl", "-s", "{live}", "help", "x" * 1018], 1, "the command is longer than 1022 bytes"),
    (["top", "-s", "{live}"], 1, "this is no terminal: 'tandem status' prints it once"),
]


def test_what_the_commands_say(lab):
    none, wrong = lab.folder / "none.conf", lab.folder / "wrong.conf"
    none.write_text(vrrp_conf())
    wrong.write_text("global\n    stat socket /run/x\n")
    Tandem(lab, "lb01", fast(lab, p1=255)).start()
    for arguments, code, sentence in SAID:
        got, out, err = tandem(*[a.format(none=none, wrong=wrong, live=path_of(lab, "lb01")) for a in arguments])
        assert got == code and sentence in err, (arguments, out, err)


def test_one_who_does_not_answer_is_named(lab):
    with socket.socket(socket.AF_UNIX) as mute:
        path = str(lab.folder / "mute.sock")
        mute.bind(path)
        mute.listen(1)
        code, _, err = tandem("status", "-s", path)
    assert code == 2 and "tandem does not answer: it is stopped, or busy with other clients" in err


def test_one_who_closes_without_a_word_is_named(lab):
    with socket.socket(socket.AF_UNIX) as listener:
        path = str(lab.folder / "closes.sock")
        listener.bind(path)
        listener.listen(1)
        asked = subprocess.Popen([TANDEM, "status", "-s", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        client = listener.accept()[0]
        client.recv(4096)
        client.close()
        _, err = asked.communicate(timeout=20)
    assert asked.returncode == 2 and f"{path} was closed without an answer" in err


def test_top_shows_it_until_q(lab):
    Tandem(lab, "lb01", fast(lab, p1=255)).start()
    master, slave = os.openpty()
    top = subprocess.Popen([TANDEM, "top", "-s", path_of(lab, "lb01")], stdin=slave, stdout=slave, stderr=slave)
    data = b""
    end = time.monotonic() + 5
    while data.count(b"node lb01") < 2 and time.monotonic() < end:
        data += os.read(master, 4096)
    os.write(master, b"q")
    assert top.wait(5) == 0
    assert data.count(b"\x1b[H\x1b[J") >= 2 and b"vrrp VI_1: MASTER" in data
    os.close(master)
    os.close(slave)


def test_failover_by_command(pair, lab):
    lb01, lb02 = pair(fast(lab))
    wait_for(lambda: facts(lab, "lb01")["vrrp"][0]["state"] == "MASTER" and "BACKUP" in status(lab, "lb02"), 5, "roles")
    path = path_of(lab, "lb01")
    assert ask(path_of(lab, "lb02"), b"failover\n") == b"VI_1: not master here, nothing has changed\n\n"
    code, out, _ = tandem("ctl", "-s", path, "failover", "VI_2")
    assert code == 1 and out == "Refused: 'failover' takes [INSTANCE], not 'VI_2'.\n" and lab.lb01.holds()
    code, out, _ = tandem("ctl", "-s", path, "failover", "VI_1")
    assert code == 0 and out == "VI_1: handing over\n"
    wait_for(lambda: lab.lb02.holds() and not lab.lb01.holds(), 3, "lb02 has the address")
    time.sleep(1.5)
    assert lab.lb02.holds() and not lab.lb01.holds(), "it stays there"
    assert ask(path_of(lab, "lb02"), b"failover\n") == b"VI_1: handing over\n\n"
    wait_for(lambda: lab.lb01.holds() and not lab.lb02.holds(), 3, "and back again")
