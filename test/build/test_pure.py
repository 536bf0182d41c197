# SPDX-License-Identifier: MIT
"""vrrp/ and proxy/ as the compiler sees them: no variable that outlives a call, and nothing called but each other, what computes
in base/, and string functions. So neither they nor whoever tests them need a socket, a clock or a lock. tidy looks at what is
included; this looks at what is left when all is said, also of a function that was declared by hand."""
import concurrent.futures
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPUTES = [ROOT / "src/base" / name for name in ("addr.c", "text.c", "assert.c")]
LIBRARY = {"memcmp", "memcpy", "memset", "memmove", "memchr", "strlen", "strcmp", "strncmp", "strchr", "strrchr", "strcspn", "strspn"}


def symbols(source, folder):
    """{name: nm's letter}."""
    out = folder / f"{source.parent.name}.{source.stem}.o"
    subprocess.run(["gcc", "-std=c11", "-D_GNU_SOURCE", "-O1", "-fno-pie", "-fno-stack-protector", "-U_FORTIFY_SOURCE", f"-I{ROOT}/src",
                    "-isystem", "/usr/include/bearssl", "-c", source, "-o", out], check=True, timeout=120)
    lines = subprocess.run(["nm", out], stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout.splitlines()
    return {line.split()[-1]: line.split()[-2] for line in lines}


def impure(pure, folder):
    """What the sources in `pure` have or call that they should not."""
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        tables = list(threads.map(lambda source: symbols(source, folder), [*pure, *COMPUTES]))
    known = {name for table in tables for name, kind in table.items() if kind == "T"} | LIBRARY
    found = []
    for source, table in zip(pure, tables):
        for name, kind in table.items():
            if kind in "bBdDCgGsS":
                found.append(f"{source.name}: the variable {name}")
            elif kind == "U" and name not in known and not name.startswith("br_"):
                found.append(f"{source.name}: {name}()")
    return found


def test_nothing_in_vrrp_and_proxy_asks_the_kernel_or_remembers(tmp_path):
    sources = sorted([*ROOT.glob("src/vrrp/*.c"), *ROOT.glob("src/proxy/*.c")])
    assert len(sources) > 15
    assert impure(sources, tmp_path) == []


PLANTED = {
    "static": ("static int turns;\nint f(void);\nint f(void) { return turns++; }\n", "the variable turns"),
    "global": ("int number = 1;\n", "the variable number"),
    "local": ("int g(void);\nint g(void) { static int calls = 3; return calls++; }\n", "the variable calls.0"),
    "clock": ("int clock_gettime(int, void *);\nint h(void *t);\nint h(void *t) { return clock_gettime(0, t); }\n", "clock_gettime()"),
    "log": ("int log_notice(const char *);\nint i(void);\nint i(void) { return log_notice(\"\"); }\n", "log_notice()"),
}


def test_what_would_be_impure_is_found(tmp_path):
    for name, (text, _) in PLANTED.items():
        (tmp_path / f"{name}.c").write_text(text)
    found = impure([tmp_path / f"{name}.c" for name in PLANTED], tmp_path)
    assert found == [f"{name}.c: {finding}" for name, (_, finding) in PLANTED.items()]


def test_the_tests_of_vrrp_need_neither():
    for name in ("vrrp", "packet", "diagnose", "track", "outlook", "hmac"):
        text = (ROOT / f"test/unit/test_{name}.c").read_text()
        assert "vector.h" in text or "cmocka.h" in text
        assert not re.search(r"\b(socket|sendto|clock_gettime|gettimeofday|time|u?sleep|poll)\s*\(", text), name
