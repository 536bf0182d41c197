# tandem. `make help` lists the targets.
# All that is built or fetched goes under build/. Another board: make BOARD=name (boards/name.mk).
# A musl toolchain of your own: make CROSS_COMPILE=prefix- or CC=..., with LIBMNL=path/to/libmnl.a unless it has its own.

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
BOARD ?= x86_64
ifeq ($(wildcard boards/$(BOARD).mk),)
$(error There is no boards/$(BOARD).mk. BOARD is one of: $(patsubst boards/%.mk,%,$(wildcard boards/*.mk)))
endif
include boards/$(BOARD).mk
PREFIX ?= /usr/local
DESTDIR ?=

ifdef CROSS_COMPILE
ifeq ($(origin CC),default)
CC = $(CROSS_COMPILE)gcc
endif
endif
ifeq ($(origin CC),default)
# musl comes from Debian's source package, built with our flags: smaller, and without what distributions add to gcc.
OUT = build/$(BOARD)
MUSL = $(OUT)/musl
TOOL = $(MUSL)/bin/musl-gcc
TOOLCHAIN = $(OUT)/musl.done
HOSTGCC = $(if $(filter $(TRIPLET),$(shell gcc -dumpmachine 2>/dev/null)),gcc,$(TRIPLET)-gcc)
BUILD_PACKAGES = gcc binutils libc6-dev linux-libc-dev dpkg-dev xz-utils bzip2 debian-archive-keyring
else
OUT = build/$(BOARD)-external
TOOL = $(CC)
TOOLCHAIN = $(OUT)/external.done
LIBMNL ?= $(or $(filter /%,$(shell $(CC) -print-file-name=libmnl.a)),$(OUT)/libmnl/libmnl.a)
BUILD_PACKAGES =
endif
LIBMNL ?= $(OUT)/libmnl/libmnl.a
BEARSSL ?= $(OUT)/bearssl/libbearssl.a
HOSTCC ?= gcc
STRIP = $(shell $(TOOL) -print-prog-name=strip)
AS = $(shell $(TOOL) -print-prog-name=as)
NM = $(shell $(TOOL) -print-prog-name=nm)
TEST_PACKAGES = gcc libc6-dev binutils file git libcmocka-dev libbearssl-dev python3 python3-pytest python3-scapy nginx curl keepalived \
	haproxy iproute2 iputils-arping tcpdump tshark strace wrk nftables iptables util-linux procps openssl socat libnginx-mod-stream
DEMO_PACKAGES = python3 iproute2 util-linux curl
# The first Python that has pytest; others (pyenv's, a venv's) may come before the system's in PATH and lack it.
PYTHON = $(shell for p in python3 /usr/bin/python3; do $$p -c 'import pytest' 2>/dev/null && echo $$p && exit; done; echo python3)

# git may refuse (another user's tree, as under sudo) or be absent: then the version stays what it was.
VERSION := $(or $(shell git --git-dir=.git --no-optional-locks describe --tags --always --dirty 2>/dev/null),\
	$(shell cat $(OUT)/version.txt 2>/dev/null),0.1)

# Fixed addresses (-no-pie): a static PIE needs relocation code and tables that stay writable until it has run, on small
# boards more than what it is worth beside seccomp and two processes. RELRO would protect the relocated tables that we
# do not have. One segment for code and constants (noseparate-code) saves 4.6 kB; it stays read-only, and no page is both
# writable and executable. No stack protector, for the size: with LTO, -fstack-protector-strong is 4.2 kB in tandem's own
# code, and plain -fstack-protector, which guards the functions with character arrays only, 0.5 kB.
# SMALL is what gcc does or leaves at -Os although code gets larger by it here, 1.9 kB in all: values learned along paths
# (0.4), tables in place of switches (0.3), equal constants kept apart (0.2; nobody compares their addresses), equal ends of
# branches joined where that is longer (0.3), functions cut in two (0.1), registers saved around calls (0.4), and not
# looking where pointers lead (0.1). With common-page-size the file does not grow in steps of 4 kB; sorted by alignment,
# sections leave fewer gaps.
SMALL = -fno-tree-dominator-opts -fno-tree-switch-conversion -fmerge-all-constants -fipa-pta -fno-tree-tail-merge \
	-fno-partial-inlining -fno-caller-saves
OPT = -Os -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-pie \
	-fno-stack-protector -fno-strict-aliasing -U_FORTIFY_SOURCE $(CPU)
WARN = -Wall -Wextra -Wshadow -Wconversion -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wformat=2 \
	-Wundef -Wcast-align=strict -Wwrite-strings -Wpointer-arith -Wdouble-promotion -Wlogical-op -Wduplicated-cond -Werror
LTO = -flto=1 -flto-partition=one $(SMALL) $(OWN)
CFLAGS = -std=c11 -D_GNU_SOURCE -DTANDEM_PACKS $(OPT) $(LTO) $(WARN) -g -Isrc -isystem $(dir $(LIBMNL))include -isystem $(dir $(BEARSSL))include
# The proof that nothing allocates: each of these names is wrapped and no wrapper exists, so a call that can be reached
# is an undefined __wrap_NAME, and the linker says who makes it. What --gc-sections drops does not count.
HEAP = malloc calloc realloc reallocarray free aligned_alloc memalign posix_memalign valloc __libc_malloc __libc_calloc \
	__libc_realloc __libc_free __libc_malloc_impl __simple_malloc brk sbrk
comma = ,
LDFLAGS = -static -no-pie -Wl,--fatal-warnings,--gc-sections,-z,noexecstack,-z,noseparate-code,-z,norelro,--build-id=none \
	-Wl,-z,common-page-size=64,--sort-section=alignment \
	$(HEAP:%=-Wl$(comma)--wrap=%)

SRC = $(wildcard src/*.c src/*/*.c) $(EXTRA_SRC)
OBJ = $(SRC:%.c=$(OUT)/%.o)

all: build/tandem build/tandem.debug ## build/tandem, one static binary, and build/tandem.debug with symbols (the default)

# The last board built. A new file in place of the old one, so that a running tandem keeps its own.
build/tandem build/tandem.debug: build/%: $(OUT)/% always
	@cmp -s $< $@ || cp --remove-destination $< $@
$(OUT)/tandem: $(OUT)/tandem.debug $(OUT)/trim
	$(STRIP) -s -R .comment -o $@ $<
	$(OUT)/trim $@
# -B: an assembler that makes the sentences of the program short, see boards/pack/pack.c. The second proof, by the names of
# what was linked.
$(OUT)/tandem.debug: $(OBJ) $(LIBMNL) $(BEARSSL) $(OUT)/pack
	AS=$(AS) PACK=$(OUT)/pack $(TOOL) -Bboards/pack/ $(OPT) $(LTO) $(LDFLAGS) -o $@ $(OBJ) $(LIBMNL) $(BEARSSL)
	@if $(NM) $@ | grep -wE '$(subst $() ,|,$(strip $(HEAP)))|__malloc_alloc_meta|__malloc_context|__expand_heap'; \
		then echo "$@ contains an allocator: the names above"; exit 1; fi
$(OUT)/pack: src/base/text.h
$(OUT)/pack $(OUT)/trim: $(OUT)/%: boards/pack/%.c
	@mkdir -p $(@D)
	$(HOSTCC) -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -Werror -o $@ $<
$(OUT)/%.o: %.c $(OUT)/flags.txt | $(TOOLCHAIN) $(LIBMNL) $(BEARSSL)
	@mkdir -p $(@D)
	$(TOOL) $(CFLAGS) $(SPEED) $(DEFINES) -MMD -MP -c $< -o $@
# Without tables of jumps and without what makes loops quick (0.5 kB), but for what every byte or turn passes
# through. A board may have -Oz for everything: beside -Os no difference in CPU per request could be measured (wrk, with a log).
SPEED = -fno-jump-tables -fno-move-loop-invariants -fno-ivopts -fno-tree-loop-optimize
$(OUT)/src/proxy/%.o $(OUT)/src/worker/%.o $(OUT)/src/base/%.o: SPEED =
$(OUT)/src/main.o: $(OUT)/version.txt $(LIBMNL)
$(OUT)/src/main.o: DEFINES = -DTANDEM_VERSION='"$(VERSION)"' \
	-DTANDEM_LIBMNL='"$(or $(shell cat $(dir $(LIBMNL))origin 2>/dev/null),$(LIBMNL))"'
-include $(OBJ:.o=.d)

# What was built depends on these words as on a file: it is written anew only when they change.
$(OUT)/version.txt: TEXT = $(VERSION)
$(OUT)/flags.txt: TEXT = $(TOOL) $(CFLAGS) $(SPEED) $(LDFLAGS)
$(OUT)/libc-flags.txt: TEXT = $(HOSTGCC) $(TOOL) $(OPT)
$(OUT)/%.txt: always | build/packages.done
	@mkdir -p $(@D); echo '$(TEXT)' | cmp -s - $@ || echo '$(TEXT)' >$@

build/packages.done build/test-packages.done build/demo-packages.done: Makefile boards/packages.sh
	@mkdir -p build
	boards/packages.sh $(BUILD_PACKAGES) $(if $(findstring test,$@),$(TEST_PACKAGES)) $(if $(findstring demo,$@),$(DEMO_PACKAGES))
	@touch $@
$(OUT)/musl.done: boards/apt.sh $(OUT)/libc-flags.txt | build/packages.done
	boards/apt.sh build/sources source musl
	rm -rf $(OUT)/musl-build $(MUSL); mkdir -p $(OUT)/musl-build
	cd $(OUT)/musl-build && { CC=$(HOSTGCC) CFLAGS='$(OPT)' $(CURDIR)/build/sources/musl/configure --target=$(TRIPLET) \
		CROSS_COMPILE= --prefix=$(CURDIR)/$(MUSL) --disable-shared --enable-wrapper=gcc && \
		$(MAKE) $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc)) install; } >log 2>&1 || { tail log; exit 1; }
	for d in linux asm-generic; do ln -sfn /usr/include/$$d $(MUSL)/include/$$d; done
	ln -sfn /usr/include/$(TRIPLET)/asm $(MUSL)/include/asm
	@touch $@
$(OUT)/external.done: $(OUT)/flags.txt
	@command -v $(firstword $(CC)) >/dev/null || { echo "There is no compiler $(firstword $(CC)) (from CC or CROSS_COMPILE)."; exit 1; }
	@if echo '#include <features.h>' | $(CC) -E -dM - | grep -q __GLIBC__; \
		then echo "$(CC) compiles for glibc, tandem wants musl. Without CC= and CROSS_COMPILE= make builds musl itself."; exit 1; fi
	@touch $@
$(OUT)/libmnl/libmnl.a: boards/libmnl.sh boards/apt.sh $(OUT)/libc-flags.txt | $(TOOLCHAIN)
	boards/libmnl.sh $(@D) $(DEBARCH) $(TOOL) $(OPT)
$(OUT)/bearssl/libbearssl.a: boards/bearssl.sh boards/apt.sh $(OUT)/libc-flags.txt | $(TOOLCHAIN) build/packages.done
	boards/apt.sh build/sources source bearssl
	boards/bearssl.sh build/sources/bearssl $(@D) $(TOOL) $(OPT)

# ---- tests ----

UNIT = build/unit
UNIT_CC = gcc -std=c11 -D_GNU_SOURCE -g -O1 -fno-omit-frame-pointer -Wall -Wextra -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=all -Isrc -isystem /usr/include/bearssl -DTEST_ROOT='"$(CURDIR)"' -DTEST_VECTORS='"$(CURDIR)/test/vectors"'
UNIT_SRC = $(wildcard src/base/*.c src/vrrp/*.c src/proxy/*.c src/conf/*.c)
UNIT_TESTS = $(patsubst test/unit/%.c,$(UNIT)/%,$(wildcard test/unit/test_*.c))
$(UNIT)/%.o: %.c Makefile | build/test-packages.done
	@mkdir -p $(@D)
	$(UNIT_CC) -MMD -MP -c $< -o $@
# One archive of the folders that can be tested without a process around them: a test links what it calls.
$(UNIT)/libtandem.a: $(UNIT_SRC:%.c=$(UNIT)/%.o)
	rm -f $@; ar rcs $@ $^
$(UNIT)/test_%: $(UNIT)/test/unit/test_%.o $(UNIT)/libtandem.a
	$(UNIT_CC) -o $@ $^ -lcmocka -lbearssl
# The simulator makes millions of steps: the same sources, quick.
$(UNIT)/sim_vrrp: test/sim/vrrp.c $(wildcard src/vrrp/*.[ch]) src/base/addr.c src/base/text.c Makefile | build/test-packages.done
	@mkdir -p $(@D)
	gcc -std=c11 -D_GNU_SOURCE -g -O2 -Wall -Wextra -Werror -Isrc -isystem /usr/include/bearssl -o $@ $(filter %.c,$^) -lbearssl
$(UNIT)/reference: $(UNIT)/test/doc/reference.o $(UNIT)/libtandem.a
	$(UNIT_CC) -o $@ $^ -lbearssl
-include $(UNIT)/test/doc/reference.d
-include $(UNIT_SRC:%.c=$(UNIT)/%.d) $(UNIT_TESTS:$(UNIT)/%=$(UNIT)/test/unit/%.d)
.SECONDARY:

unit: $(UNIT_TESTS) $(UNIT)/sim_vrrp ## unit tests (C, cmocka, under ASan and UBSan), and ten million steps of the simulator
	@test/build/unit.sh $(UNIT_TESTS) $(UNIT)/sim_vrrp
sim: $(UNIT)/sim_vrrp ## the VRRP simulator: SECONDS=60, SEEDS=100000, START=1 or SEED=n, the one that failed
	SECONDS=$(SECONDS) SEEDS=$(SEEDS) START=$(START) SEED=$(SEED) $(UNIT)/sim_vrrp
doc: $(UNIT)/reference ## cfg/REFERENCE.md, from the table of keywords and its examples
	$(UNIT)/reference >$(UNIT)/REFERENCE.md && cp $(UNIT)/REFERENCE.md cfg/REFERENCE.md
tidy: ## who includes whom, lengths, banned calls
	@test/tidy/tidy.sh
check: unit tidy ## what needs no root and half a minute at most: unit, tidy
system: all build/test-packages.done ## system tests (root, or user namespaces); TESTS=test/folder/test_file.py for some
	$(PYTHON) -m pytest -p no:cacheprovider -ra $(or $(TESTS),test)
test: build/test-packages.done ## everything: unit, tidy, system
	@test/build/all.sh $(MAKE)
demo: all build/demo-packages.done ## a cluster on this machine, broken before your eyes (KEEP=1 leaves it up)
	KEEP=$(KEEP) test/demo/demo.sh
size: all ## bytes by object file, and the largest symbols
	@size $(OBJ) | sort -n; $(NM) -S --size-sort -t d $(OUT)/tandem.debug | tail -n 30; ls -l build/tandem

install: all ## to DESTDIR/PREFIX/sbin, and a sample DESTDIR/etc/tandem.conf unless there is one
	install -D -m 755 build/tandem $(DESTDIR)$(PREFIX)/sbin/tandem
	[ -e $(DESTDIR)/etc/tandem.conf ] || install -D -m 600 cfg/tandem.conf $(DESTDIR)/etc/tandem.conf
clean: ## removes what was compiled; keeps the toolchain
	rm -rf $(OUT)/src $(OUT)/tandem $(OUT)/tandem.debug $(UNIT) build/tandem build/tandem.debug
distclean: ## removes all of build/
	rm -rf build
help: ## this list
	@grep -hE '^[a-z]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 12
always:
.PHONY: all doc unit sim tidy check system test demo size install clean distclean help always
