# SPDX-License-Identifier: MIT
"""The build itself: one static file, no allocator in it, and a link that names who calls one."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIZE_MAX = 236 * 1024          # without TLS; see "Sizes" in src/README.md
ALLOCATORS = {
    "malloc", "calloc", "realloc", "reallocarray", "free", "aligned_alloc", "memalign", "posix_memalign", "valloc",
    "__libc_malloc", "__libc_calloc", "__libc_realloc", "__libc_free", "__libc_malloc_impl", "__simple_malloc",
    "__malloc_alloc_meta", "__malloc_context", "__expand_heap", "brk", "sbrk",
}


def run(*command, cwd=ROOT):
    # A make above this one would hand its job server and its variables down.
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k not in ("MFLAGS", "CC", "CROSS_COMPILE")}
    done = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=600)
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def built():
    code, output = run("make")
    assert code == 0, output
    return ROOT / "build"


@pytest.fixture
def copy(built, tmp_path):
    """The sources elsewhere, so that a spoilt build is not this tree's; the toolchain is this tree's."""
    for name in ("src", "boards"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "Makefile", tmp_path)

    def make(*arguments):
        tools = ROOT / "build" / "x86_64"
        return run("make", "-j2", f"CC={tools}/musl/bin/musl-gcc", f"LIBMNL={tools}/libmnl/libmnl.a", f"BEARSSL={tools}/bearssl/libbearssl.a",
                   *arguments, cwd=tmp_path)
    make.dir = tmp_path
    return make


def test_it_is_one_static_file(built):
    _, kind = run("file", "-b", str(built / "tandem"))
    assert "statically linked" in kind and "no section header" in kind
    _, kind = run("file", "-b", str(built / "tandem.debug"))
    assert "statically linked" in kind and "not stripped" in kind
    _, headers = run("readelf", "-lW", str(built / "tandem"))
    assert "INTERP" not in headers and "DYNAMIC" not in headers


def test_no_page_is_both_writable_and_executable(built):
    _, headers = run("readelf", "-lW", str(built / "tandem"))
    segments = [line for line in headers.splitlines() if line.split()[:1] in (["LOAD"], ["GNU_STACK"])]
    assert len(segments) >= 3
    for line in segments:
        flags = line.split("0x")[-2].split(None, 1)[1]
        assert not ("W" in flags and "E" in flags), line


def test_it_is_small(built):
    size = (built / "tandem").stat().st_size
    assert size <= SIZE_MAX, f"{size} bytes are {size - SIZE_MAX} more than {SIZE_MAX}"


def test_sentences_are_packed_and_come_out_whole(built):
    """Every help text of the table, from the binary that has them as pairs of bytes."""
    table = (ROOT / "src/conf/keywords.c").read_text()
    rows = re.findall(r'\{ AS_\w+[^{}]*?"([^"]+)",[^{}]*?(?:PACKED )?"((?:[^"\\]|\\.)*)\\0"\s+PACKED((?:\s*"(?:[^"\\]|\\.)*")+) \}', table)
    assert len(rows) == table.count("\n\t{ AS_") > 100, "each help text has PACKED in front"
    binary = (built / "tandem").read_bytes()
    for name, _, literals in rows:
        text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals)).replace('\\"', '"').replace("\\\\", "\\")
        assert len(text) < 20 or text.encode() not in binary, text
        code, output = run(str(built / "tandem"), "help", name)
        assert code == 0 and f"\n    {text}\n" in output and output.isascii(), (name, text, output)
    for word in ("daemon", "clitimeout", "maxmind"):
        _, output = run(str(built / "tandem"), "help", word)
        assert output.rstrip("\n").isprintable() and word in output


@pytest.mark.parametrize("lines, made", [
    (r'.data|.string "\001\002\004hello"', r'\150\145\154\154\157'),
    (r'.section .debug_str,"MS"|.string "\001\002\004hello"', None),
    (r'.section .debug_str,"MS"|.string "x"|.data|.string "\001\002\004hello"', r'\150\145\154\154\157'),
    (r'.data|.string "\001\002\005hello"', "a mark that is neither"),
], ids=["sentence", "debug", "behind_debug", "third_byte"])
def test_pack_takes_marks_for_what_they_are(built, lines, made):
    text = "".join("\t" + line.replace(" ", "\t", 1) + "\n" for line in lines.split("|"))
    done = subprocess.run([built / "x86_64" / "pack"], input=text, capture_output=True, text=True, timeout=20)
    assert (made or r'"\001\002\004hello"') in done.stdout + done.stderr, (done.stdout[:500], done.stderr)
    assert (done.returncode == 1) == (made == "a mark that is neither")


def test_it_says_what_it_is_built_of(built):
    code, output = run(str(built / "tandem"), "version")
    assert code == 0
    assert "unknown" not in output
    assert (built / "x86_64" / "libmnl" / "origin").read_text().strip() in output


def test_it_contains_no_allocator(built):
    _, table = run("nm", str(built / "tandem.debug"))
    names = {line.split()[-1] for line in table.splitlines() if line.strip()}
    assert "main" in names, "the unstripped binary has a symbol table"
    assert not names & ALLOCATORS


def test_a_second_make_does_nothing(built):
    def stamps():
        return {p: p.stat().st_mtime_ns for p in built.rglob("*") if p.is_file() and "unit" not in p.parts
                and "test-log" not in p.parts}
    before = stamps()
    code, output = run("make")
    assert code == 0
    assert "gcc" not in output and "apt" not in output, output
    assert stamps() == before


def test_who_allocates_stops_the_link_and_is_named(copy):
    """A call of our own, and a function of the library that allocates; without them it links."""
    (copy.dir / "src" / "greedy.c").write_text(
        "#include <stdlib.h>\n"
        "__attribute__((noinline)) void *greedy_take(unsigned n);\n"
        "void *greedy_take(unsigned n)\n{\n\treturn malloc(n);\n}\n"
        "__attribute__((constructor)) static void greedy_start(void)\n{\n\t*(void *volatile *)&(void *){ 0 } = greedy_take(9);\n}\n")
    code, output = copy("all")
    assert code != 0
    assert "__wrap_malloc" in output, output
    assert "greedy.c" in output and "greedy_take" in output, output
    (copy.dir / "src" / "greedy.c").unlink()
    extra = copy.dir / "extra.c"
    extra.write_text(
        "#include <string.h>\n"
        "__attribute__((constructor)) static void copy_name(void)\n{\n\t*(char *volatile *)&(char *){ 0 } = strdup(\"name\");\n}\n")
    code, output = copy("EXTRA_SRC=extra.c")
    assert code != 0
    assert "__wrap_malloc" in output and "strdup" in output and "greedy" not in output, output
    code, output = copy("all")
    assert code == 0, output


def test_a_glibc_compiler_is_refused_with_a_reason(copy):
    code, output = run("make", "CC=gcc", cwd=copy.dir)
    assert code != 0
    assert "glibc" in output and "musl" in output, output


def test_install(built, tmp_path):
    code, output = run("make", "install", f"DESTDIR={tmp_path}", "PREFIX=/usr")
    assert code == 0, output
    program, sample = tmp_path / "usr/sbin/tandem", tmp_path / "etc/tandem.conf"
    assert program.read_bytes() == (built / "tandem").read_bytes()
    assert program.stat().st_mode & 0o777 == 0o755
    assert sample.read_bytes() == (ROOT / "cfg/tandem.conf").read_bytes()
    assert sample.stat().st_mode & 0o777 == 0o600, "it may hold auth_pass"
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file()) == sorted([program, sample])

    sample.write_text("mine\n")
    code, output = run("make", "install", f"DESTDIR={tmp_path}", "PREFIX=/usr")
    assert code == 0, output
    assert sample.read_text() == "mine\n", "a file of the user's is left alone"


TIDY_CASES = {
    "vrrp/a.c": ("#include <time.h>\n", "vrrp/ is pure"),
    "proxy/a.c": ('#include "base/log.h"\n', "proxy/ is pure"),
    "base/a.c": ('#include "conf/conf.h"\n', "base may not include conf/conf.h"),
    "guard/a.c": ('#include "worker/worker.h"\n', "guard may not include worker/worker.h"),
    "worker/a.c": ("void f(void)\n{\n\tfree(0);\n}\n", "free()"),
    "worker/b.c": ("static double x;\n", "double"),
    "worker/c.c": ("void f(void)\n{\n" + "\t;\n" * 71 + "}\n", "71 lines, more than 70"),
    "worker/d.c": ("\n" * 601, "601 lines, more than 600"),
    "worker/e.c": ("/* " + "x" * 120 + " */\n", "columns"),
    "odd/a.c": ("\n", "the folder odd/"),
}
FINE = ('/* malloc(1), double */\n#include "base/log.h"\n#include "conf/conf.h"\n#include "scoreboard.h"\n'
        'static const char *s = "free(x) \\" double"; /* printf( */\n'
        "void g(void) __attribute__((format(printf, 1, 2)));\n"
        "/* tidy: one switch, in the order of the RFC */\nvoid f(void)\n{\n" + "\t;\n" * 71 + "}\n")


def tidy(tmp_path, name, text):
    path = tmp_path / "src" / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    code, output = run(str(ROOT / "test/tidy/tidy.sh"), str(tmp_path / "src"))
    return code, output.splitlines()


@pytest.mark.parametrize("name", TIDY_CASES)
def test_tidy_finds(tmp_path, name):
    text, finding = TIDY_CASES[name]
    code, lines = tidy(tmp_path, name, text)
    assert code == 1
    assert lines[-1] == "tidy: 1 files, 1 findings"
    assert lines[0].startswith(f"src/{name}:") and finding in lines[0]


def test_tidy_knows_comments_strings_and_exceptions(tmp_path):
    assert tidy(tmp_path, "worker/fine.c", FINE) == (0, ["tidy: 1 files, 0 findings"])
