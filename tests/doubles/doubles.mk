# SPDX-License-Identifier: Apache-2.0
#
# The programs of tests/doubles, in $(O)/doubles. Used together with the tree's Makefile: make -f Makefile -f tests/doubles/doubles.mk doubles
# With DOUBLES=asan those that hold our own code are built with the sanitizers, in $(O)/asan/doubles.

DOUBLES    ?= dev
doubles_in := $(O)$(if $(filter dev,$(DOUBLES)),,/$(DOUBLES))/doubles

doubles_plain := $(addprefix $(doubles_in)/,noop dupenv abi)
doubles_ours  := $(addprefix $(doubles_in)/,skelnoop probe)

.PHONY: doubles
## doubles	the programs that the conformance tests use
doubles: $(doubles_plain) $(doubles_ours)

$(doubles_plain): $(doubles_in)/%: tests/doubles/%.c tests/doubles/control.h $(wildcard include/cni/*.h)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(BASE) -O1 -o $@ $<

$(doubles_ours): $(doubles_in)/%: tests/doubles/%.c tests/doubles/control.h $(call objects,$(DOUBLES),$(LIB_SRC))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$($(DOUBLES)_CC) $($(DOUBLES)_CFLAGS) $($(DOUBLES)_LINK) -o $@ $< $(call objects,$(DOUBLES),$(LIB_SRC))
