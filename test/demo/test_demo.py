# SPDX-License-Identifier: MIT
"""make demo: it succeeds, and it fails where it should: an address that stays on a dead node, a session that moves."""
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Gives the floating address an endless life whenever it appears, as one has that keepalived puts on; for as long as there is
# the configuration file, the last argument, which goes with the demo.
ENDLESS = """#!/bin/sh
for conf; do :; done
while [ -e "$conf" ] && sleep 0.05; do
    ip -4 addr show dev eth0 | grep -q 192.168.1.10/ &&
        ip addr change 192.168.1.10/24 dev eth0 valid_lft forever preferred_lft forever
done >/dev/null 2>&1 &
exec {tandem} "$@"
"""


def start(folder, tandem=None, spoil=lambda conf: conf):
    """The demo in a tree of its own, in which a binary or the configuration may be another."""
    shutil.copytree(ROOT / "test" / "demo", folder / "test" / "demo")
    for name in ("build", "cfg"):
        (folder / name).mkdir()
    (folder / "cfg" / "tandem.conf").write_text(spoil((ROOT / "cfg" / "tandem.conf").read_text()))
    binary = folder / "build" / "tandem"
    binary.write_text(tandem) if tandem else shutil.copy(ROOT / "build" / "tandem", binary)
    binary.chmod(0o755)
    env = {k: v for k, v in os.environ.items() if k != "KEEP"}
    return subprocess.Popen([folder / "test" / "demo" / "demo.sh"], env=env, stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def end(process):
    output, _ = process.communicate(timeout=120)
    if "may not make user namespaces" in output:
        pytest.skip(output.strip())
    return process.returncode, output


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    """One as it is, and two that are spoilt, at once: nearly all of their time is waiting."""
    spoilt = {"endless": {"tandem": ENDLESS.format(tandem=ROOT / "build" / "tandem")},
              "cookieless": {"spoil": lambda conf: conf.replace("    cookie SERVERID", "    #").replace(" cookie web0", " # ")}}
    return {name: start(tmp_path_factory.mktemp(name), **spoilt.get(name, {})) for name in ("as it is", *spoilt)}


def test_it_shows_three_failovers(demos):
    code, output = end(demos["as it is"])
    assert code == 0, output
    for fault in ("stopped (SIGTERM)", "killed (SIGKILL)", "frozen (SIGSTOP"):
        assert f"lb01 is {fault}" in output
    assert output.count("lb02 is master and holds 192.168.1.10") == 3
    assert output.count("the longest gap the client saw") == 3
    assert "WRONG" not in output


def test_it_fails_where_it_should(demos):
    code, output = end(demos["endless"])
    assert code == 1 and "WRONG: 192.168.1.10 is still on lb01, which is killed" in output, output
    code, output = end(demos["cookieless"])
    assert code == 1 and "WRONG: the session moved between servers: web01, web02" in output, output
