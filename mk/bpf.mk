# SPDX-License-Identifier: Apache-2.0
#
# bpf/NAME.bpf.c -> build/bpf/NAME.o -> build/skel/NAME.skel.h

ARCH := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
BPF_CFLAGS := -target bpf -D__TARGET_ARCH_$(ARCH) -O2 -g -mcpu=v3 \
    -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Werror -I. \
    -fno-builtin-index -MMD -MP \
    -idirafter /usr/include/$(shell $(CC) -print-multiarch)

# The loader carries the BPF objects.
SKELS := $(patsubst bpf/%.bpf.c,$(B)/skel/%.skel.h,$(BPF_SRCS))
$(foreach o,obj san,$(patsubst %.c,$(B)/$o/%.o,\
    $(wildcard loader/*.c))): | $(SKELS)

$(B)/bpf/%.o: bpf/%.bpf.c
	$(call msg,BPF)
	@mkdir -p $(@D)
	$(Q)$(BPF_CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(B)/skel/%.skel.h: $(B)/bpf/%.o
	$(call msg,SKEL)
	@mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name dpx_$* > $@.tmp && mv $@.tmp $@
