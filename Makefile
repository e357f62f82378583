# SPDX-License-Identifier: Apache-2.0
#
# One Makefile and no configure step. A room is a folder of sources found by glob, so a new file needs no line here.
# Every product lies under $(O). A variant is one way to compile all rooms:
#
#	musl	the product: one static binary            $(O)/bin
#	dev	dynamic glibc, -O1 -g, for debuggers      $(O)/dev/bin
#	asan	address and undefined behaviour sanitizer $(O)/asan/bin
#	pic	the rooms of libcni, for its two forms    $(O)/lib
#	fuzz	clang with coverage feedback              $(O)/fuzz
#
# The folder of plugins holds the binary and a link per plugin; the binary itself says which (crimp --plugins).

O       ?= build
PREFIX  ?= /usr/local
CNI_DIR ?= /opt/cni/bin
BINDIR  ?= $(PREFIX)/bin
LIBDIR  ?= $(PREFIX)/lib
INCDIR  ?= $(PREFIX)/include
MANDIR  ?= $(PREFIX)/share/man
UNITDIR ?= $(PREFIX)/lib/systemd/system

ifeq ($(origin CC),default)
CC := gcc
endif
MUSL_CC ?= musl-gcc
CLANG   ?= clang
LD      ?= ld
OBJCOPY ?= objcopy
SECONDS ?= 20

VERSION := $(shell cat VERSION)

ROOMS      := lib kernel cni plugins plugins/ipam cmd
LIB_ROOMS  := lib cni
sources     = $(filter-out %_test.c,$(wildcard $(addsuffix /*.c,$(1))))
SRC        := $(call sources,$(ROOMS))
LIB_SRC    := $(call sources,$(LIB_ROOMS))
MAIN       := $(wildcard cmd/main.c)
TEST_SRC   := $(wildcard $(addsuffix /*_test.c,$(ROOMS)))
FUZZ_SRC   := $(wildcard fuzz/*.c)
BENCH_PART := $(wildcard bench/parts/*.c)
MAN        := $(wildcard man/*.[1-8])
UNITS      := $(wildcard packaging/systemd/*)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith -Wswitch-enum \
	-Wwrite-strings -Wformat=2 -Wundef -Wold-style-definition
# Not a part of the recorded flags: it changes no object, so switching it on recompiles nothing.
FATAL := $(if $(filter 1,$(WERROR)),-Werror)
$(O)/obj/%_test.o: FATAL += $(TEST_WARN)

# Argument vectors of tests are full of literals, and execve() wants them writable.
TEST_WARN := -Wno-write-strings

BASE  := -std=gnu17 -D_GNU_SOURCE -DCRIMP_VERSION='"$(VERSION)"' -I. -Iinclude $(WARN)
SMALL := -O2 -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables
SAN   := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

# musl-gcc on Debian hides the kernel's headers together with glibc's; the links in UAPI bring back only the former.
UAPI      := $(O)/uapi
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)

musl_CC     := $(MUSL_CC)
musl_CFLAGS := $(BASE) $(SMALL) -fno-pie -fstack-protector-strong -isystem $(UAPI) $(CFLAGS)
musl_LINK   := -static -no-pie -s -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,--build-id=none
dev_CC      := $(CC)
dev_CFLAGS  := $(BASE) -O1 -g $(CFLAGS)
dev_LINK    :=
asan_CC     := $(CC)
asan_CFLAGS := $(BASE) -O1 -g $(SAN) $(CFLAGS)
asan_LINK   := $(SAN)
pic_CC      := $(CC)
pic_CFLAGS  := $(BASE) -O2 -g -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections $(CFLAGS)
fuzz_CC     := $(CLANG)
fuzz_CFLAGS := $(BASE) -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all $(CFLAGS)
fuzz_LINK   := -fsanitize=fuzzer,address,undefined

ifneq ($(V),1)
Q := @
say = @printf '  %-7s %s\n' '$(1)' '$(patsubst $(O)/%,%,$(2))'
endif

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all static lib dev asan check check-asan check-programs check-asan-programs bench bench-quick bench-programs fuzz fuzz-run lint format install clean help FORCE

## all	the static binary with its plugin links, and libcni
all: static lib

## help	this list
help:
	@sed -n 's/^## //p' Makefile | sed 's|[$$](O)|$(O)|g' | expand -t 12

# ---- variants -------------------------------------------------------------------------------------------------------

objects = $(patsubst %.c,$(O)/obj/$(1)/%.o,$(2))

define variant
$(O)/obj/$(1)/flags: FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' "$$($(1)_CC) $$(subst ",,$$($(1)_CFLAGS)) / $$($(1)_LINK)" | cmp -s - $$@ || \
		printf '%s\n' "$$($(1)_CC) $$(subst ",,$$($(1)_CFLAGS)) / $$($(1)_LINK)" > $$@

$(O)/obj/$(1)/%.o: %.c $(O)/obj/$(1)/flags $(2)
	@mkdir -p $$(@D)
	$$(call say,CC,$$@)
	$$(Q)$$($(1)_CC) $$($(1)_CFLAGS) $$(FATAL) -MMD -MP -c -o $$@ $$<

-include $(patsubst %.c,$(O)/obj/$(1)/%.d,$(3))

# Everything but main(): what tests and fuzzers link with.
$(O)/obj/$(1)/rooms.a: $(call objects,$(1),$(filter-out $(MAIN),$(SRC)))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $(AR) rcs $$@ $$^
endef

$(eval $(call variant,musl,| $(UAPI)/linux,$(SRC)))
$(eval $(call variant,dev,,$(SRC) $(TEST_SRC)))
$(eval $(call variant,asan,,$(SRC) $(TEST_SRC)))
$(eval $(call variant,pic,,$(LIB_SRC)))
$(eval $(call variant,fuzz,,$(SRC) $(FUZZ_SRC)))

$(UAPI)/linux:
	@mkdir -p $(UAPI)
	@for d in asm-generic mtd rdma misc video xen linux; do \
		if [ -d /usr/include/$$d ]; then ln -sfn /usr/include/$$d $(UAPI)/$$d; fi; done
	@if [ -d /usr/include/$(MULTIARCH)/asm ]; then ln -sfn /usr/include/$(MULTIARCH)/asm $(UAPI)/asm; \
		else ln -sfn /usr/include/asm $(UAPI)/asm; fi

# ---- the multi-call binary ------------------------------------------------------------------------------------------

# A tree without cmd/main.c still compiles all it has.
programs = $(if $(MAIN),$(2)/.links,$(call objects,$(1),$(SRC)))

# $(1) variant, $(2) folder. The links are made anew so that a plugin taken out of the table leaves none behind.
define program
$(2)/crimp: $(call objects,$(1),$(SRC))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$($(1)_CC) $$($(1)_CFLAGS) $$($(1)_LINK) $(LDFLAGS) -o $$@.new $$^ && mv -f $$@.new $$@

$(2)/.links: $(2)/crimp
	$$(call say,LINKS,$$(@D))
	$$(Q)names=$$$$($(2)/crimp --plugins) && [ -n "$$$$names" ] && find $(2) -maxdepth 1 -type l -delete && \
		for name in cnitool $$$$names; do ln -sfn crimp $(2)/$$$$name; done && touch $$@
endef

$(eval $(call program,musl,$(O)/bin))
$(eval $(call program,dev,$(O)/dev/bin))
$(eval $(call program,asan,$(O)/asan/bin))

## static	the static musl binary and its plugin links: $(O)/bin
static: $(call programs,musl,$(O)/bin)

## dev	the same, dynamic and with debugging symbols: $(O)/dev/bin
dev: $(call programs,dev,$(O)/dev/bin)

## asan	the same under the address and undefined behaviour sanitizers: $(O)/asan/bin
asan: $(call programs,asan,$(O)/asan/bin)

# ---- libcni ---------------------------------------------------------------------------------------------------------

SOVERSION := 0
SOFULL    := libcni.so.$(VERSION)
LIBMAP    := $(wildcard cni/libcni.map)

## lib	libcni.a, libcni.so and libcni.pc: $(O)/lib
lib: $(if $(wildcard cni/*.c),$(O)/lib/libcni.a $(O)/lib/libcni.so) $(O)/lib/pkgconfig/libcni.pc

# One object whose inner names are local: a program that links the archive sees cni_* and nothing else.
$(O)/lib/libcni.a: $(call objects,pic,$(LIB_SRC))
	@mkdir -p $(@D)
	$(call say,AR,$@)
	$(Q)$(LD) -r -o $(O)/obj/pic/libcni.o $^ && $(OBJCOPY) --localize-hidden $(O)/obj/pic/libcni.o && \
		rm -f $@ && $(AR) rcs $@ $(O)/obj/pic/libcni.o

$(O)/lib/$(SOFULL): $(call objects,pic,$(LIB_SRC)) $(LIBMAP)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -o $@ $(call objects,pic,$(LIB_SRC)) $(LDFLAGS) -Wl,-soname,libcni.so.$(SOVERSION) -Wl,-z,defs \
		-Wl,-z,relro -Wl,-z,now -Wl,--gc-sections $(addprefix -Wl$(comma)--version-script=,$(LIBMAP))

$(O)/lib/libcni.so: $(O)/lib/$(SOFULL)
	$(Q)ln -sfn $(SOFULL) $(O)/lib/libcni.so.$(SOVERSION) && ln -sfn libcni.so.$(SOVERSION) $@

# Written anew whenever PREFIX and the like are others than last time.
$(O)/lib/pkgconfig/libcni.pc: FORCE
	@mkdir -p $(@D)
	$(Q)printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$(INCDIR)' '' 'Name: libcni' \
		'Description: Container Network Interface for runtimes and plugins' 'Version: $(VERSION)' \
		'Libs: -L$${libdir} -lcni' 'Cflags: -I$${includedir}' > $@.new
	$(Q)if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

comma := ,

# ---- unit tests -----------------------------------------------------------------------------------------------------

define unit
$(O)/$(1)/test/%: $(O)/obj/$(1)/%.o $(O)/obj/$(1)/rooms.a
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$($(1)_CC) $$($(1)_CFLAGS) $$($(1)_LINK) $(LDFLAGS) -o $$@ $$^ -lcmocka
endef

$(eval $(call unit,dev))
$(eval $(call unit,asan))
.SECONDARY:

unit_tests = $(patsubst %.c,$(O)/$(1)/test/%,$(TEST_SRC))
TEST ?=

## check	unit tests (TEST=lib/err_test for some of them)
check: $(call unit_tests,dev)
	$(Q)scripts/unit $(O)/dev/test $(or $(TEST),$(patsubst %.c,%,$(TEST_SRC)))

# The programs alone, and any variable: for scripts that run them their own way.
check-programs: $(call unit_tests,dev)
check-asan-programs: $(call unit_tests,asan)
print-%:
	@printf '%s\n' $(call quoted,$($*))
quoted = '$(subst ','\'',$(1))'

## check-asan	unit tests under the sanitizers
check-asan: $(call unit_tests,asan)
	$(Q)scripts/unit $(O)/asan/test $(or $(TEST),$(patsubst %.c,%,$(TEST_SRC)))

# ---- fuzzers and benchmarks -----------------------------------------------------------------------------------------

FUZZERS := $(patsubst fuzz/%.c,%,$(FUZZ_SRC))

# A fuzzer that compares with another library names it at its head: "// fuzz-libs: -lname".
$(O)/fuzz/%: $(O)/obj/fuzz/fuzz/%.o $(O)/obj/fuzz/rooms.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CLANG) $(fuzz_LINK) -o $@ $^ $$(sed -n 's|^// fuzz-libs: ||p' fuzz/$*.c)

## fuzz	the fuzzers: $(O)/fuzz
fuzz: $(addprefix $(O)/fuzz/,$(FUZZERS))

## fuzz-run	run each fuzzer on its corpus (SECONDS=20 each)
fuzz-run: fuzz
	$(Q)scripts/fuzz --seconds $(SECONDS) $(O)/fuzz $(FUZZERS)

$(O)/bench/bench: bench/bench.c $(BENCH_PART) $(wildcard bench/parts/*.h) $(O)/obj/dev/rooms.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(FATAL) -O2 -o $@ $(filter %.c %.a,$^)

$(O)/bench/small/%: bench/small/%.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(MUSL_CC) -static -Os -s -o $@ $<

# The programs alone: for whoever calls bench/run.
bench-programs: $(O)/bench/bench $(O)/bench/small/empty $(O)/bench/small/peak

## bench	measure beside the Go plugins: 7 to 12 minutes, bench/results (ARGS=... goes to bench/run)
bench: static bench-programs
	$(Q)O=$(O) bench/run $(ARGS)

## bench-quick	the same, trimmed: under 3 minutes, $(O)/bench/results
bench-quick: static bench-programs
	$(Q)O=$(O) bench/run --scale quick --results $(O)/bench/results $(ARGS)

# ---- quality and housekeeping ---------------------------------------------------------------------------------------

## lint	style, static analysis, include arrows, sizes, man pages (CHECK=name for some of them)
lint:
	$(Q)O=$(O) scripts/lint $(CHECK)

## format	rewrite sources the way lint wants them (FILES=... for some of them)
FILES ?= $(wildcard $(addsuffix /*.c,$(ROOMS) fuzz bench tests/doubles))
format:
	$(Q)scripts/format $(FILES)

## install	programs, plugins, library, headers, man pages, systemd units (DESTDIR=, PREFIX=, CNI_DIR=)
# The plugin folder is often mounted into containers by itself, so the binary lies inside it and the links stay there.
install: all
	install -d $(DESTDIR)$(CNI_DIR) $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCDIR)/cni
	install -m 755 $(O)/bin/crimp $(DESTDIR)$(CNI_DIR)/crimp
	for name in $$($(O)/bin/crimp --plugins); do ln -sfn crimp $(DESTDIR)$(CNI_DIR)/$$name; done
	ln -sfn $(CNI_DIR)/crimp $(DESTDIR)$(BINDIR)/crimp
	ln -sfn $(CNI_DIR)/crimp $(DESTDIR)$(BINDIR)/cnitool
	install -m 644 $(O)/lib/libcni.a $(DESTDIR)$(LIBDIR)/
	install -m 755 $(O)/lib/$(SOFULL) $(DESTDIR)$(LIBDIR)/
	ln -sfn $(SOFULL) $(DESTDIR)$(LIBDIR)/libcni.so.$(SOVERSION)
	ln -sfn libcni.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libcni.so
	@# The loader looks into its cache only; a package that is being made leaves that to the machine it lands on.
	[ -n "$(DESTDIR)" ] || PATH=$$PATH:/usr/sbin:/sbin ldconfig || true
	install -m 644 $(O)/lib/pkgconfig/libcni.pc $(DESTDIR)$(LIBDIR)/pkgconfig/
	install -m 644 include/cni/*.h $(DESTDIR)$(INCDIR)/cni/
	for page in $(MAN); do install -D -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; done
	install -d $(DESTDIR)$(UNITDIR)
	for unit in $(UNITS); do sed 's|/opt/cni/bin|$(CNI_DIR)|' $$unit >$(DESTDIR)$(UNITDIR)/$${unit##*/}; done

## clean	remove $(O)
clean:
	rm -rf $(O)
