# SPDX-License-Identifier: MIT
"""src/README.md is true: each file of src/ has a line in it, and each file and function that it names exists."""
import pathlib
import re

SRC = pathlib.Path(__file__).resolve().parents[2] / "src"
TEXT = (SRC / "README.md").read_text()
SOURCES = [p for p in SRC.rglob("*.[ch]")]


def listed():
    section = TEXT.split("## Files", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^    ([a-z_/]+)(?: |$)", section, re.M)


def test_each_file_has_one_line():
    stems = {str(p.relative_to(SRC).with_suffix("")) for p in SOURCES}
    names = listed()
    assert sorted(stems - set(names)) == [], "add a line for each to src/README.md, under Files"
    assert sorted(set(names) - stems) == [], "src/README.md lists what is no longer there"
    assert len(names) == len(set(names))


def test_files_named_in_the_text_exist():
    root = SRC.parent
    for name in re.findall(r"\b(?:[a-z_]+/)+[a-z_]+\.[a-z]+\b", TEXT):
        assert (root / name).exists() or (SRC / name).exists(), name
    for name in re.findall(r"\b(?:base|vrrp|proxy|conf|guard|worker|cmd)/[a-z_]+\b", TEXT):
        assert any((SRC / name).with_suffix(end).exists() for end in (".c", ".h")), name


def test_functions_named_in_the_text_exist():
    code = "\n".join(p.read_text() for p in SOURCES)
    for name in sorted(set(re.findall(r"\b([a-z_]+)\(\)", TEXT)) - {"poll", "malloc"}):
        assert re.search(rf"^(?!\s)[^\n;=]*\b{name}\(", code, re.M), f"{name}() is in src/README.md, and nowhere else"


def test_links_of_the_readme_lead_somewhere():
    for page in (SRC / "README.md", SRC.parent / "README.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"
