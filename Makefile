# tandem. `make help` lists the targets.
# Everything that is built or fetched goes under build/. Another board: make BOARD=name (boards/name.mk).
# An own musl toolchain: make CC=... [LIBMNL=path/to/libmnl.a with its include folder beside or in the search path].

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
# V=1 shows the compiler's command lines.
Q = $(if $(V),,@echo "  CC $<";)
BOARD ?= x86_64
include boards/$(BOARD).mk
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1)
OUT = build/$(BOARD)
PYTHON = $(firstword $(wildcard /usr/bin/python3) python3)

# -fno-pie: addresses are fixed. Static PIE would need relocation code and a writable table; what randomness is worth here
# comes from the two processes and seccomp. Text stays read-only, the stack not executable (the linker's defaults).
OPT = -Os -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-pie \
	-fstack-protector-strong -fno-strict-aliasing $(CPU)
WARN = -Wall -Wextra -Wshadow -Wconversion -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef \
	-Wcast-align=strict -Wwrite-strings -Werror
CFLAGS = -std=c11 -D_GNU_SOURCE $(OPT) $(WARN) -g -Isrc

# The proof that nothing allocates: each of these names is wrapped and no wrapper exists, so the link fails at any call
# that can be reached, and the linker names the caller.
HEAP = malloc calloc realloc free aligned_alloc memalign posix_memalign __libc_malloc __libc_calloc __libc_realloc \
	__libc_free __libc_malloc_impl __simple_malloc brk sbrk
comma = ,
LDFLAGS = -static -no-pie -Wl,--fatal-warnings,--gc-sections,-z,noseparate-code,-z,norelro,--build-id=none \
	$(HEAP:%=-Wl$(comma)--wrap=%)

ifeq ($(origin CC),default)
MUSL = $(OUT)/musl
TOOL = $(MUSL)/bin/musl-gcc
TOOLCHAIN = $(OUT)/musl.done
HOSTGCC = $(if $(filter $(TRIPLET),$(shell gcc -dumpmachine 2>/dev/null)),gcc,$(TRIPLET)-gcc)
BUILD_PACKAGES = gcc binutils libc6-dev linux-libc-dev dpkg-dev xz-utils bzip2 file
else
TOOL = $(CC)
HOSTGCC = $(CC)
TOOLCHAIN =
BUILD_PACKAGES =
endif
STRIP = $(patsubst %gcc,%strip,$(HOSTGCC:gcc=strip))
LIBMNL ?= $(OUT)/libmnl/libmnl.a
TEST_PACKAGES = libcmocka-dev python3 python3-pytest python3-scapy nginx-light curl keepalived haproxy iproute2 iputils-arping \
	tcpdump tshark strace wrk iptables util-linux procps openssl

SRC = $(wildcard src/*.c src/*/*.c) $(EXTRA_SRC)
OBJ = $(SRC:%.c=$(OUT)/%.o)

all: build/tandem ## build/tandem: one static binary (the default)

build/tandem: $(OUT)/tandem
	cp $< $@
$(OUT)/tandem: $(OUT)/tandem.debug
	$(STRIP) -s -R .comment -o $@ $<
$(OUT)/tandem.debug: $(OBJ) $(LIBMNL)
	$(TOOL) $(OPT) $(LDFLAGS) -o $@ $(OBJ) $(LIBMNL)
	@if nm $@ | grep -E ' (malloc|calloc|realloc|free|__libc_malloc.*|__libc_free|__simple_malloc|__malloc_.*|brk|sbrk)$$'; \
		then echo "$@ contains an allocator"; rm -f $@; exit 1; fi
$(OUT)/%.o: %.c $(TOOLCHAIN) $(LIBMNL) Makefile boards/$(BOARD).mk
	@mkdir -p $(@D)
	$(Q)$(TOOL) $(CFLAGS) -isystem $(dir $(LIBMNL))include -MMD -MP -c $< -o $@
$(OUT)/src/main.o: CFLAGS += -DTANDEM_VERSION='"$(VERSION)"' -DTANDEM_LIBMNL='"$(shell cat $(dir $(LIBMNL))origin 2>/dev/null)"'
$(OUT)/src/main.o: $(OUT)/version
$(OUT)/version: always
	@mkdir -p $(@D); echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@
-include $(OBJ:.o=.d)

build/packages.done: boards/packages.sh
	boards/packages.sh $(BUILD_PACKAGES)
	@mkdir -p build; touch $@
$(OUT)/musl.done: build/packages.done boards/apt.sh
	boards/apt.sh build/sources source musl
	@mkdir -p $(OUT)/musl-build
	cd $(OUT)/musl-build && CC=$(HOSTGCC) CFLAGS='$(OPT)' $(CURDIR)/build/sources/musl/configure --prefix=$(CURDIR)/$(MUSL) \
		--disable-shared --enable-wrapper=gcc >log 2>&1 && $(MAKE) -j2 install >>log 2>&1 || { tail log; exit 1; }
	for d in linux asm-generic; do ln -sfn /usr/include/$$d $(MUSL)/include/$$d; done
	ln -sfn /usr/include/$(TRIPLET)/asm $(MUSL)/include/asm
	@touch $@
$(OUT)/libmnl/libmnl.a: boards/libmnl.sh boards/apt.sh $(TOOLCHAIN)
	boards/libmnl.sh $(OUT)/libmnl $(DEBARCH) $(TOOL) $(OPT)

# ---- tests ----

UNIT = build/unit
UNIT_CC = gcc -std=c11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all -Isrc \
	-DTEST_ROOT='"$(CURDIR)"'
UNIT_SRC = $(wildcard src/base/*.c src/vrrp/*.c src/proxy/*.c src/conf/*.c)
UNIT_TESTS = $(patsubst test/unit/%.c,%,$(wildcard test/unit/test_*.c))
$(UNIT)/%.o: %.c Makefile build/test-packages.done
	@mkdir -p $(@D)
	$(Q)$(UNIT_CC) -MMD -MP -c $< -o $@
$(UNIT)/libtandem.a: $(UNIT_SRC:%.c=$(UNIT)/%.o)
	rm -f $@; ar rcs $@ $^
$(UNIT)/test_%: $(UNIT)/test/unit/test_%.o $(UNIT)/libtandem.a
	$(UNIT_CC) -o $@ $^ -lcmocka
-include $(UNIT_SRC:%.c=$(UNIT)/%.d) $(UNIT_TESTS:%=$(UNIT)/test/unit/%.d)
.SECONDARY:

build/test-packages.done: build/packages.done
	boards/packages.sh $(TEST_PACKAGES)
	@touch $@

unit: $(UNIT_TESTS:%=$(UNIT)/%) ## unit tests (C, cmocka, with ASan and UBSan)
	test/unit/run.sh $(UNIT_TESTS:%=$(UNIT)/%)
tidy: ## who includes whom, lengths, banned calls
	test/tidy/tidy.sh
check: unit tidy build/tandem ## what needs no root and no minute: unit, tidy, the samples of cfg/
	$(PYTHON) -m pytest -q -rs test/conf
system: build/tandem build/test-packages.done ## system tests in network namespaces (root, or user namespaces)
	$(PYTHON) -m pytest -q -rs $(or $(TESTS),test)
test: build/tandem build/test-packages.done ## everything: unit, tidy, system
	test/all.sh $(MAKE)
demo: build/tandem ## a cluster on this machine, broken in three ways before your eyes (KEEP=1 leaves it up)
	KEEP=$(KEEP) test/demo/demo.sh
size: $(OUT)/tandem.debug ## bytes by object file, and the largest symbols
	@size $(OBJ) | sort -n | tail -n 60; nm -S --size-sort $< | tail -n 20; ls -l build/tandem

install: build/tandem ## installs to DESTDIR/PREFIX/sbin, and a sample /etc/tandem.conf if there is none
	install -D -m 755 build/tandem $(DESTDIR)$(PREFIX)/sbin/tandem
	[ -e $(DESTDIR)/etc/tandem.conf ] || install -D -m 600 cfg/tandem.conf $(DESTDIR)/etc/tandem.conf
clean: ## what was compiled; keeps the toolchain
	rm -rf $(OUT)/src $(OUT)/tandem* $(UNIT) build/tandem
distclean: ## all of build/
	rm -rf build
help: ## this list
	@grep -hE '^[a-z]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 12
always:
.PHONY: all unit tidy check system test demo size install clean distclean help always
