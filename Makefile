# SPDX-License-Identifier: Apache-2.0
#
# Everything built goes under build/.  `make V=1` shows the commands.
#
#   make              programs and library        make check       all tests
#   make check-unit   tests that need no root     make bench       figures
#   make install DESTDIR= PREFIX=                 make clean
#
# A source belongs to the folder it lies in: lib, maps, bpf (native part),
# loader, provider-core and provider-xdp make up the core; dpif is the library
# on top.  Files named dpx-*.c are programs; tests/unit/test-*.c are tests,
# linked with a sanitized build of the same sources.

B := build
PREFIX ?= /usr/local
CC := gcc
# Any clang from 14 on will do; newer ones make up to 25 % faster code.
BPF_CLANG := $(firstword $(foreach v,21 20 19 18 17 16 15 14,\
    $(shell command -v clang-$v)) clang)
BPFTOOL := $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
OPT ?= -O2 -g
CFLAGS := $(OPT) -std=gnu11 -Wall -Wextra -Werror -fPIC -D_GNU_SOURCE -I. \
    -I$(B) -MMD -MP $(CFLAGS_EXTRA)
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all \
    -fno-omit-frame-pointer
LIBS := -lxdp -lbpf -lmnl -ljansson -lpthread

Q := $(if $(V),,@)
msg = $(if $(V),,@printf '  %-8s %s\n' '$1' '$(patsubst $(B)/%,%,$@)')

CORE := $(filter-out %.bpf.c $(wildcard */dpx-*.c),\
    $(wildcard lib/*.c maps/*.c bpf/*.c loader/*.c provider-core/*.c \
    provider-xdp/*.c))
DPIF := $(wildcard dpif/*.c)
PROGRAMS := dpx-loader dpxtool dpx-switch
BPF_SRCS := $(wildcard bpf/*.bpf.c)
TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,\
    $(wildcard tests/unit/test-*.c))
HELPERS := $(patsubst tests/helpers/%.c,$(B)/tests/%,\
    $(wildcard tests/helpers/*.c))

all: $(PROGRAMS:%=$(B)/bin/%) $(B)/libdpif.so

include mk/bpf.mk mk/fuzz.mk mk/check.mk mk/bench.mk mk/install.mk

# One pattern per flavour: obj is what is shipped, san what tests run.
$(B)/obj/%.o: %.c
	$(call msg,CC)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<

$(B)/san/%.o: %.c
	$(call msg,CC-SAN)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -O1 $(SAN) -c -o $@ $<

define archive
$(B)/$1/libcore.a: $(CORE:%.c=$(B)/$1/%.o)
$(B)/$1/libdpif.a: $(DPIF:%.c=$(B)/$1/%.o)
endef
$(eval $(call archive,obj))
$(eval $(call archive,san))
$(B)/%.a:
	$(call msg,AR)
	$(Q)rm -f $@ && ar qcs $@ $^

$(B)/libdpif.so: $(B)/obj/libdpif.a $(B)/obj/libcore.a dpif/libdpif.map
	$(call msg,LINK)
	$(Q)$(CC) $(OPT) -shared -Wl,-soname,libdpif.so.1 \
	    -Wl,--version-script=dpif/libdpif.map -Wl,--as-needed -o $@ \
	    -Wl,--whole-archive $< -Wl,--no-whole-archive \
	    $(B)/obj/libcore.a $(LIBS)

program_srcs = $(wildcard loader/$1.c tools/$1.c tools/$1/*.c)
define program
$(B)/bin/$1: $(patsubst %.c,$(B)/obj/%.o,$(call program_srcs,$1)) \
    $(B)/obj/libdpif.a $(B)/obj/libcore.a
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$p)))
$(PROGRAMS:%=$(B)/bin/%):
	$(call msg,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(OPT) -o $@ $^ $(LIBS)

clean:
	$(Q)rm -rf $(B)

.PHONY: all clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(B)/obj $(B)/san $(B)/tsan $(B)/bpf $(B)/bench $(B)/fuzz -name '*.d' 2>/dev/null)
