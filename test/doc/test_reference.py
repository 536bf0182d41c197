# SPDX-License-Identifier: MIT
"""cfg/REFERENCE.md is what the keyword table says today, and answers for every word that HAProxy itself has."""
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_reference_is_what_the_table_says():
    subprocess.run(["make", "-s", "build/unit/reference"], cwd=ROOT, check=True, timeout=300)
    made = subprocess.run([ROOT / "build/unit/reference"], check=True, timeout=60, stdout=subprocess.PIPE, text=True).stdout
    assert made == (ROOT / "cfg/REFERENCE.md").read_text(), "cfg/REFERENCE.md is not what the keyword table says: run `make doc`"


HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/sbin:/bin")        # where an ordinary user's PATH does not look


@pytest.mark.skipif(not HAPROXY, reason="haproxy is not installed")
def test_no_word_of_haproxys_is_missing():
    said = subprocess.run([HAPROXY, "-dKcfg", "-q", "-c", "-f", "/dev/null"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=60).stdout
    text = (ROOT / "test/doc/haproxy.txt").read_text()
    for place, pattern, front in (("bind", r"bind <addr>(?: ssl)?", ""), ("server", "server <name> <addr>", ""), ("proxy", "option", "option ")):
        words = {front + m[1] for m in re.finditer(rf"^\t{pattern} ([a-z0-9-]+)", said, re.M)}
        assert len(words) > 50 - 30 * (place == "proxy"), said[:500]
        listed = re.search(rf"^= {place} .*?\n(.*?)^=", text, re.M | re.S)[1]
        assert not words - {word.strip() for word in re.split(r"[,\n]", listed)}
