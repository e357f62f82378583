# SPDX-License-Identifier: Apache-2.0
#
# make -f tests/windows/windows.mk : the parts of libcni that need no processes, no kernel and no files, and their unit
# tests, for Windows. docs/windows.md says what is here and what is not.
O      ?= build
CC      = x86_64-w64-mingw32-gcc-posix
AR      = x86_64-w64-mingw32-ar
DIR    := $(O)/windows
CFLAGS  = -std=gnu17 -O2 -g -D_GNU_SOURCE -D__USE_MINGW_ANSI_STDIO=1 -DCRIMP_VERSION='"0"' -I. -Iinclude -Itests/windows \
	-Wall -Wextra -Werror -Wno-format
# Formats are checked by the builds for Linux; here the compiler would hold them against the functions of Microsoft's library.

lib  := arena base64 buf err field ip json jsonw sha512 str
cni  := args config dns error inject plugin result result_write version
tests := lib/base64 lib/buf lib/err lib/field lib/ip lib/json lib/jsonw lib/sha512 lib/str \
	cni/args cni/config cni/error cni/inject cni/plugin cni/result cni/version

objects  := $(lib:%=$(DIR)/lib/%.o) $(cni:%=$(DIR)/cni/%.o)
programs := $(tests:%=$(DIR)/%_test.exe)

all: $(programs)

list:
	@echo $(tests)

$(DIR)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -c -o $@ $<

$(DIR)/libcni-portable.a: $(objects)
	$(AR) rcs $@ $^

$(DIR)/%_test.exe: $(DIR)/%_test.o $(DIR)/libcni-portable.a
	$(CC) -static -o $@ $^

-include $(objects:.o=.d)
.SECONDARY:
.PHONY: all list
