# SPDX-License-Identifier: MIT
"""Configuration files against the program itself: what it refuses, in which words, and with which exit code."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TANDEM = ROOT / "build" / "tandem"
SAMPLES = sorted((ROOT / "cfg").glob("*.conf"))

VRRP = """\
vrrp VI_1
    interface eth0
    virtual_router_id 51
    priority 100
    virtual_ipaddress 192.168.1.10/24
"""
PROXY = """\
frontend web
    mode http
    bind 192.168.1.10:80
    default_backend servers
backend servers
    mode http
    cookie SRV insert indirect nocache
    server web01 192.168.1.21:80 check cookie web01
    server web02 192.168.1.22:80 check cookie web02
"""
GOOD = VRRP + PROXY


def tandem(*arguments, cwd=None, timeout=20):
    return subprocess.run([str(TANDEM), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, cwd=cwd, timeout=timeout)


@pytest.fixture
def check(tmp_path):
    def run(text, node="lb01", command="check"):
        file = tmp_path / "tandem.conf"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return tandem(command, "-f", "tandem.conf", "-n", node, cwd=tmp_path)
    return run


@pytest.mark.parametrize("node", ["lb01", "lb02"])
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.stem)
def test_every_sample_is_good_on_both_nodes(sample, node):
    done = tandem("check", "-f", sample, "-n", node)
    assert done.returncode == 0, done.stderr
    assert "is good" in done.stdout
    # What the machine at hand lacks (a user nobody, descriptors) is not the sample's fault.
    assert str(sample) not in done.stderr


def line_of(text, part):
    return next(i for i, line in enumerate(text.splitlines(), 1) if part in line)


# What is refused: the good file with one thing changed, the line that is named, and words of the sentence.
REFUSED = {
    "unknown keyword": ("priority 100", "priorty 100", "priorty", "unknown keyword 'priorty' in vrrp 'VI_1' (did you mean 'priority'?)"),
    "unknown section": ("frontend web", "fronted web", "fronted", "unknown section 'fronted' (did you mean 'frontend'?)"),
    "wrong section": ("    priority 100\n", "    priority 100\n    bind :80\n", "bind :80", "'bind' belongs in frontend or listen, not in vrrp 'VI_1'"),
    "missing argument": ("priority 100", "priority", "    priority", "'priority' takes more arguments"),
    "duplicate backend": ("\nbackend servers", "\nbackend servers\nbackend servers", 11, "backend 'servers' is there already, as the backend in line 10"),
    "duplicate server": ("server web02", "server web01", "192.168.1.22", "server 'web01' is there already, in line 13"),
    "duplicate vrrp": ("frontend web", VRRP.replace("51", "52").replace("1.10", "1.11") + "frontend web", 6, "vrrp 'VI_1' is there already, in line 1"),
    "no such backend": ("default_backend servers", "default_backend server", "default_backend", "default_backend 'server': there is no such backend (did you mean 'servers'?)"),
    "no such tracked backend": ("    priority 100\n", "    priority 100\n    track_backend x\n", "track_backend", "track_backend 'x': there is no such backend"),
    "bad server address": ("192.168.1.22:80", "192.168.1.222.1:80", "web02", "is not ADDRESS:PORT"),
    "host name": ("192.168.1.22:80", "web02.example.net:80", "web02", "it is not in /etc/hosts"),
    "bad bind address": ("bind 192.168.1.10:80", "bind 192.168.1.10:99999", "bind", "is not ADDRESS:PORT with a port from 1 to 65535"),
    "bad VIP": ("192.168.1.10/24", "192.168.1.10/42", "virtual_ipaddress", "'192.168.1.10/42' is not an address"),
    "priority out of range": ("priority 100", "priority 256", "priority", "'priority' must be a whole number from 1 to 255, not '256'"),
    "virtual_router_id out of range": ("_id 51", "_id 0", "virtual_router_id", "'virtual_router_id' must be a whole number from 1 to 255, not '0'"),
    "virtual_router_id twice": ("frontend web", VRRP.replace("VI_1", "VI_2").replace("1.10", "1.11") + "frontend web", "VI_2", "vrrp 'VI_2' has virtual_router_id 51 on eth0, as 'VI_1' in line 1 has"),
    "VIP twice": ("frontend web", VRRP.replace("VI_1", "VI_2").replace("51", "52") + "frontend web", 10, "virtual_ipaddress 192.168.1.10 is in vrrp 'VI_1' too, in line 5"),
    "priority twice": ("priority 100", "priority 100\n    priority 90", "priority 90", "'priority' is set in line 4 already"),
    "bind twice": ("bind 192.168.1.10:80", "bind 192.168.1.10:80,192.168.1.10:80", "bind", "collides with 192.168.1.10:80 of 'web' in line 8"),
    "modes differ": ("\nbackend servers\n    mode http", "\nbackend servers\n    mode tcp", "default_backend", "'web' is in mode http and its backend 'servers' (line 10) in mode tcp"),
    "no interface": ("    interface eth0\n", "", "vrrp VI_1", "vrrp 'VI_1' has no 'interface' line"),
    "no backend": ("    default_backend servers\n", "", "frontend web", "frontend 'web' has no 'default_backend' line"),
    "open quote": ("bind 192", "bind \"192", "bind", "a double quote is not closed"),
    "NUL byte": ("bind 192", "bind\x00192", "bind", "a NUL byte: this is not a text file"),
    "HAProxy's": ("    mode http\n    cookie", "    compression algo gzip\n    mode http\n    cookie", "compression", "'compression' is HAProxy's; tandem does not have it"),
    "keepalived's": ("vrrp VI_1", "vrrp_instance VI_1 {", "vrrp_instance", "section 'vrrp_instance' is keepalived's"),
}


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses_with_file_and_line(check, name, command):
    old, new, where, sentence = REFUSED[name]
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    done = check(text, command=command)
    assert done.returncode == 1
    assert done.stdout == ""
    line = where if isinstance(where, int) else line_of(text, where)
    assert re.search(rf"\btandem\.conf:{line}: .*{re.escape(sentence)}", done.stderr), done.stderr


def test_the_good_file_is_good(check):
    done = check(GOOD)
    assert done.returncode == 0, done.stderr
    assert "tandem.conf" not in done.stderr


def test_all_errors_come_in_one_run(check):
    done = check(GOOD.replace("priority 100", "priority 0").replace("bind 192", "bnd 192").replace("web02", "web01")
                 .replace("default_backend servers", "default_backend x"))
    assert done.returncode == 1
    lines = [int(n) for n in re.findall(r"tandem\.conf:(\d+): ", done.stderr)]
    assert lines == [4, 8, 14, 9], done.stderr


def test_a_refused_file_leaves_nothing_behind(tmp_path):
    (tmp_path / "tandem.conf").write_text(f"global\n    stats socket {tmp_path}/socket\n    sysctl net.x 1\n    nonsense\n" + GOOD)
    done = tandem("run", "-f", "tandem.conf", "-p", tmp_path / "pid", cwd=tmp_path)
    assert done.returncode == 1
    assert os.listdir(tmp_path) == ["tandem.conf"]


def test_files_that_cannot_be_read(tmp_path):
    large = tmp_path / "large.conf"
    large.write_text("# a comment\n" * 30000)
    for path, sentence in ((large, "larger than 262144 bytes"), (tmp_path, "it is a directory"),
                           (tmp_path / "none.conf", "No such file or directory")):
        for command in "check", "run":
            done = tandem(command, "-f", path)
            assert done.returncode == 1
            assert f"{path}: " in done.stderr and sentence in done.stderr, done.stderr


def test_a_file_may_come_through_a_pipe():
    done = subprocess.run([str(TANDEM), "check", "-f", "/dev/stdin"], input=GOOD, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=20)
    assert done.returncode == 0, done.stderr


def test_a_line_for_the_other_node_is_checked_too(check):
    text = GOOD.replace("priority 100", "@lb01 priority 100\n    @lb02 priority 900")
    done = check(text, node="lb01")
    assert done.returncode == 1
    assert "tandem.conf:5: 'priority' must be a whole number from 1 to 255, not '900'" in done.stderr


def test_acls_of_the_other_node_are_for_its_lines_only(check):
    text = PROXY.replace("    default_backend", "    @lb02 acl foo path_beg /a\n    @lb02 acl foo path_beg /b\n"
                         "    @lb02 use_backend servers if foo\n    default_backend") + "listen other\n    bind :81\n    mode http\n"
    for node in ("lb01", "lb02"):
        assert check(text, node=node).returncode == 0
    for line in ("    use_backend servers if foo\n", "    @lb02 use_backend servers if fo\n"):
        assert "there is no acl 'fo" in check(text.replace("    default_backend", line + "    default_backend")).stderr, line
    done = check(text + "    @lb02 use_backend servers if foo\n")      # another section's
    assert "there is no acl 'foo' above this line" in done.stderr


def test_text_that_begins_like_a_packed_sentence_is_shown_as_it_is(tmp_path):
    (tmp_path / "f").write_bytes(b'backend b\n option httpchk GET /\n http-check expect string "\\x01ab\\x80\\x90c"\n server s 127.0.0.1:81 check\n')
    done = subprocess.run([TANDEM, "check", "-f", str(tmp_path / "f")], capture_output=True, timeout=20)
    assert done.returncode == 0 and b"expects the text '\x01ab\x80\x90c'\n" in done.stdout, done.stdout


@pytest.mark.parametrize("name, good", [("before", True), ("split", False), ("behind", False)])
def test_a_hosts_file_that_is_too_long_is_cut_between_lines(tmp_path, name, good):
    text = "10.0.0.1 before\n"
    text += "#" * (65536 - len(text) - len("\n10.0.0.2 split")) + "\n10.0.0.2 splitted\n10.0.0.3 behind\n"
    (tmp_path / "hosts").write_text(text)
    (tmp_path / "f").write_text(f"listen l\n bind :80\n server s {name}:80\n")
    done = subprocess.run(["unshare", *(["-r"] if os.getuid() else []), "-m", "sh", "-c",
                           'mount --bind hosts /etc/hosts && "$1" check -f f', "sh", TANDEM],
                          cwd=tmp_path, capture_output=True, text=True, timeout=20)
    assert "f:3: /etc/hosts has more than 65536 bytes: lines behind them are not seen" in done.stderr, done.stderr
    assert (done.returncode == 0) == good and (good or f"server '{name}:80': it is not in /etc/hosts" in done.stderr), done.stderr


def test_error_files_that_are_too_much_together_are_named(tmp_path):
    body = "x" * 250000        # the second is too much, forty more than there is memory for
    (tmp_path / "e").write_text(f"HTTP/1.1 503 No\r\nContent-Length: {len(body)}\r\n\r\n{body}", newline="")
    (tmp_path / "f").write_text("global\n maxconn 100\n tune.bufsize 1048576\nlisten l\n mode http\n bind :80\n server s 10.0.0.1:80\n"
                                + "".join(f" errorfile {code} {tmp_path}/e\n" for code in (500, 501, 502, 503, 504) * 8))
    done = tandem("check", "-f", tmp_path / "f")
    assert done.returncode == 1 and "f:9: 'errorfile': " in done.stderr and "or all of them more than 262144" in done.stderr, done.stderr


def test_a_node_that_no_line_names_is_warned_of(check):
    text = GOOD.replace("    priority 100", "    @lb01 priority 100\n    @lb02 priority 90")
    assert "tandem.conf" not in check(text, node="lb02").stderr
    done = check(text, node="lb3")
    assert done.returncode == 0
    assert "tandem.conf:4: this line and others are for other nodes, and none is for 'lb3'" in done.stderr


def test_the_plan_says_what_this_node_will_do():
    text = tandem("check", "-f", ROOT / "cfg" / "tandem.conf", "-n", "lb02").stdout
    for part in ("This node is 'lb02', by -n.", "virtual router 51 on eth0, version 2, priority 90", "192.168.1.10/24 on eth0",
                 "to 192.168.1.11, from 192.168.1.12", "3.648s of silence", "648ms (skew time)", "lifetime    3s",
                 "backend web_servers: priority 70", "listens on  192.168.1.10:80", "cookie      SERVERID insert indirect nocache",
                 "GET /health HTTP/1.0, expects status 200", "web02  192.168.1.22:80", "timeouts    connect 5s, server 30s",
                 "descriptors: guard"):
        assert part in text, part
    assert all(len(line) < 120 for line in text.splitlines())


def test_the_plan_says_how_clients_get_to_servers(tmp_path):
    (tmp_path / "f").write_text("listen web\n mode http\n bind :8080\n balance hdr(Host)\n timeout queue 3s\n option abortonclose\n"
                                " server a 127.0.0.1:81 maxconn 3 maxqueue 9 slowstart 10s\n server b 127.0.0.1:82 backup\n")
    text = tandem("check", "-f", tmp_path / "f").stdout
    for part in ("balance     hdr of Host, 3 retries, alike on all nodes", "queue       3s at most", "options     abortonclose",
                 "a  127.0.0.1:81          weight 1, at most 3 sessions, 9 waiting, slow for 10s", "weight 1, backup"):
        assert part in text, part
    (tmp_path / "f").write_text("listen web\n bind :8080\n balance leastconn\n server a 127.0.0.1:81\n")
    text = tandem("check", "-f", tmp_path / "f").stdout
    assert "balance     leastconn, 3 retries\n" in text and "queue" not in text
    (tmp_path / "f").write_text("defaults\n mode http\nfrontend web\n bind :8080\n use_backend b if { path /b }\n use_backend c\n"
                                " http-request deny\n redirect location /\n http-response deny\n default_backend b\n"
                                "backend b\n server b 127.0.0.1:82\nbackend c\n server c 127.0.0.1:82\n")
    text = tandem("check", "-f", tmp_path / "f").stdout
    for part in ("frontend web: mode http, else to backend b\n", "  to backend  b by line 5\n              c by line 6\n",
                 "  rules       2 for requests, 1 for responses\n"):
        assert part in text, part


PAIR = VRRP.replace("    priority 100\n", "    @lb01 priority 100\n    @lb02 priority 90\n") + "    {}\n" + PROXY


@pytest.mark.parametrize("line, said, warned", [
    ("track_backend servers weight -20", "backend servers fails on lb01: priority 80, lb02 takes over", None),
    ("track_backend servers", "backend servers fails on lb01: fault, lb02 takes over", None),
    ("track_backend servers weight -5", "backend servers fails on lb01: priority 95, lb01 stays master",
     "lb01 has priority 95 and lb02 90: the addresses stay where they are"),
    ("track_backend servers weight -10", "priority 90, lb01 stays master", "lb01 has priority 90 and lb02 90"),
    ("track_backend servers weight -20 // @lb02 nopreempt", "priority 80, lb01 stays master", "because lb02 has nopreempt"),
    ("track_interface eth1 weight -20 // track_interface eth2 weight -5", "2 of 3 combinations of failed tracks move the addresses",
     "when interface eth2 fails, lb01 has priority 95"),
    ("track_interface eth1 weight 20", "lb01 has priority 120 and lb02 110\n    interface eth1 fails on lb01: priority 100, lb02 takes over", None),
], ids=["moves", "fault", "too_little", "tie", "nopreempt", "two", "positive"])
def test_what_failed_tracks_will_do_is_foretold(check, line, said, warned):
    for node in ("lb01", "lb02"):       # whichever node asks
        done = check(PAIR.format(line.replace(" // ", "\n    ")), node=node)
        assert done.returncode == 0 and said in done.stdout, done.stdout + done.stderr
        if warned:
            assert re.search(r"tandem\.conf:\d+: vrrp VI_1: .*" + re.escape(warned), done.stderr), done.stderr
        else:
            assert "stay" not in done.stderr and "nopreempt" not in done.stderr


def test_equal_priorities_are_warned_of(check):
    done = check(PAIR.format("").replace("priority 90", "priority 100"))
    assert "lb01 and lb02 both have priority 100" in done.stderr


def test_the_ledger_adds_up():
    text = tandem("check", "-f", ROOT / "cfg" / "tandem.conf", "-n", "lb01").stdout
    rows = text[text.index("\nmemory"):text.index("  total")].splitlines()[2:]
    total = int(re.search(r"  total +(\d+)", text)[1])
    copies, added = 2, 0
    for row in rows:
        if row.startswith("  guard"):
            copies = 1
        added += copies * int(row.split()[-1])
    assert added == total


def test_wrong_options(tmp_path):
    for arguments in (["-x"], ["-f"], ["-n"], ["file"]):
        done = tandem("check", *arguments, cwd=tmp_path)
        assert done.returncode == 1 and done.stderr


def test_an_answer_that_cannot_be_written_is_a_failure():
    for command in (["check", "-f", ROOT / "cfg" / "tandem.conf", "-n", "lb01"], ["help"], ["version"]):
        with open("/dev/full", "w") as full:
            assert subprocess.run([str(TANDEM), *map(str, command)], stdout=full, stderr=subprocess.DEVNULL, timeout=20).returncode == 2


def test_help_comes_from_the_table():
    assert "virtual_router_id" in tandem("help").stdout
    done = tandem("help", "maxconn")
    assert done.returncode == 0
    assert done.stdout.count("maxconn 1..65535") == 2 and "default: 256" in done.stdout
    assert tandem("help", "path_beg").stdout == tandem("help", "path").stdout, "a fetch with the way it compares"
    done = tandem("help", "timeot")
    assert done.returncode == 1 and "did you mean 'timeout'?" in done.stderr
    assert "is HAProxy's" in tandem("help", "compression").stderr


haproxy = pytest.mark.skipif(not shutil.which("haproxy", path="/usr/sbin:/usr/bin:/sbin:/bin"), reason="haproxy is not installed")


def haproxy_check(file):
    done = subprocess.run([shutil.which("haproxy", path="/usr/sbin:/usr/bin:/sbin:/bin"), "-c", "-f", str(file)], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    return done.returncode, done.stdout


@haproxy
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.stem)
def test_the_proxy_part_of_every_sample_is_haproxys_language(sample, tmp_path):
    text = sample.read_text()
    start = min(text.index(word) for word in ("\ndefaults", "\nfrontend") if word in text)
    file = tmp_path / "haproxy.cfg"
    file.write_text("global\n    log /dev/log local0 info\n" + text[start:])
    code, output = haproxy_check(file)
    assert code == 0 and "[ALERT]" not in output, output


WORDS = [r"a\ b", r"a\tb", r"a\qb", r"a\#b", "a#b", r"'a\b'", r'"a\"b"', r'"a\'b"', "'a b'", r'"a b"c', r"\x41\x62", "a'b\"c'd",
         r"\"q\'", r"a\\b", "a'#'b", r'"\$x"', r"\$x", "$x", "'$x'", r"'\$x'", r"\n", r"\'", r'"\#"', r'"\ "', r"\x4g", r'"\x41"', "\"a#b\""]


@haproxy
def test_words_are_read_as_haproxy_reads_them(tmp_path):
    """Each word stands where only an address may stand: both programs quote it in their complaint."""
    file = tmp_path / "words.cfg"
    file.write_text("backend b\n" + "".join(f"    server s{i} 10.0.0.1:80 addr x.{word}\n" for i, word in enumerate(WORDS)))
    theirs = dict(re.findall(r"'server b/(s\d+)' : 'addr' : invalid address: '.*?' in '(.*)'\.\n",
                             haproxy_check(file)[1]))
    ours = {f"s{int(n) - 2}": word for n, word in
            re.findall(r":(\d+): 'addr' must be an IP address, not '([^\n]*)'\n", tandem("check", "-f", file).stderr)}
    assert len(theirs) > len(WORDS) / 2
    for name, word in theirs.items():
        assert ours[name] == word.replace("\t", "?")


def test_more_memory_than_there_can_be_names_the_line(tmp_path):
    conf = tmp_path / "big.conf"
    conf.write_text("global\n    tune.bufsize 1048576\n    maxconn 65535\n" + "listen l\n    bind :80\n    server s 10.0.0.1:80\n")
    for command in ("check", "run"):
        done = subprocess.run([TANDEM, command, "-f", str(conf)], capture_output=True, text=True, timeout=10)
        assert done.returncode == 1
        assert f"{conf}:3: maxconn 65535 with tune.bufsize 1048576 needs 131070 MB for buffers" in done.stderr + done.stdout


def test_what_the_nodes_of_one_file_disagree_in(tmp_path):
    """Each node's advert is judged by the other's configuration: in the words that the log would have at night."""
    conf = tmp_path / "two.conf"
    conf.write_text(VRRP.replace("priority 100", "@a priority 100\n    @b priority 90") + """\
    @a advert_int 1
    @b advert_int 2
    @a auth_pass aaa
    @b auth_pass bbb
    @a virtual_ipaddress 192.168.1.13/24
    @a unicast_src_ip 192.168.1.11
    @a unicast_peer 192.168.1.99
    @b unicast_src_ip 192.168.1.12
    @b unicast_peer 192.168.1.11
""")
    done = subprocess.run([TANDEM, "check", "-n", "a", "-f", str(conf)], capture_output=True, text=True, timeout=10)
    said = [line.split(": ", 2)[2] for line in (done.stderr + done.stdout).splitlines() if line.startswith("warning")]
    lost = ": its adverts do not count, both nodes may become master: "
    assert said == [
        "vrrp VI_1: a sends nothing to 192.168.1.12, the unicast_src_ip of b: add it as a unicast_peer",
        f"vrrp VI_1, as b sees it: a sends adverts with another auth_pass{lost}set auth_pass alike (its first 8 characters count)",
        f"vrrp VI_1, as b sees it: a has advert_int 1 s, ours is 2 s{lost}set advert_int alike",
        "vrrp VI_1, as b sees it: a advertises 192.168.1.13 as well, which we do not have: it is missing when we are master: "
        "make virtual_ipaddress alike"]
    conf.write_text(VRRP.replace("priority 100", "@a priority 100\n    @b priority 90") + "    version 3\n    advert_int 0.1\n")
    done = subprocess.run([TANDEM, "check", "-n", "a", "-f", str(conf)], capture_output=True, text=True, timeout=10)
    assert "sees it" not in done.stdout + done.stderr
    assert "(after 360ms another node takes over: advert_int 1 and more leave no time with two holders)" in done.stdout


def test_what_no_advert_shows_is_compared_too(tmp_path):
    """How long the nodes wait, and whether they believe each other's signatures."""
    key = "0123456789abcdef0123456789abcde"
    conf = tmp_path / "two.conf"
    two = VRRP.replace("priority 100", "@a priority 100\n    @b priority 90")

    def said(lines):
        conf.write_text(two + lines)
        done = subprocess.run([TANDEM, "check", "-n", "a", "-f", str(conf)], capture_output=True, text=True, timeout=10)
        return "".join(line for line in (done.stderr + done.stdout).splitlines() if line.startswith("warning"))
    assert "a has down_timer_adverts 6, b 3: a node that is killed keeps its address longer" in said("    @a down_timer_adverts 6\n")
    assert said(f"    auth_hmac key 1 {key}x\n") == ""
    other = said(f"    @a auth_hmac key 1 {key}x\n    @b auth_hmac key 1 {key}y\n")
    for sees, from_ in ("b", "a"), ("a", "b"):
        assert f"as {sees} sees it: an advert from {from_} is discarded: wrong auth_hmac" in other
    assert f"{conf} is not good for node 'b': 'tandem check -n b' says why" in said("    @b interface eth7\n")


def test_what_fails_on_both_nodes_is_named(tmp_path):
    conf = tmp_path / "both.conf"
    conf.write_text(VRRP.replace("priority 100", "@a priority 100\n    @b priority 90") + "    track_ping 192.168.1.1\n    track_interface eth1\n")
    done = subprocess.run([TANDEM, "check", "-n", "a", "-f", str(conf)], capture_output=True, text=True, timeout=10)
    assert "ping 192.168.1.1 fails on a: fault, b takes over, unless it fails there as well: then nobody holds the addresses\n" in done.stdout
    assert "interface eth1 fails on a: fault, b takes over\n" in done.stdout


def test_the_plan_has_headers_and_tables(tmp_path):
    path = tmp_path / "t.conf"
    path.write_text("listen l\n    mode tcp\n    bind 10.0.0.1:80-81 accept-proxy\n    stick-table type ipv6 size 1k expire 10s\n    server s 10.0.0.2:80\n")
    plan = tandem("check", "-f", str(path)).stdout
    assert plan.count(", behind a PROXY header\n") == 2 and "  remembers   1024 IPv6 addresses, for 10s\n" in plan
    assert re.search(r"\n  +stick tables +2049 +102", plan), plan      # entries of 96 bytes, their chains, and the table
