# SPDX-License-Identifier: Apache-2.0
#
# Figures, as ratios against peers in one run: bench/run prints a table and
# writes build/bench.json.

BENCHES := $(patsubst bench/%.c,$(B)/bench/%,\
    $(filter-out %.bpf.c,$(wildcard bench/*.c)))

$(B)/bench/live.o: bench/live.bpf.c
	$(call msg,BPF)
	@mkdir -p $(@D)
	$(Q)$(BPF_CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(B)/skel/live.skel.h: $(B)/bench/live.o
	$(call msg,SKEL)
	@mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name dpx_live > $@.tmp && mv $@.tmp $@

$(B)/obj/bench/live.o: | $(B)/skel/live.skel.h

$(B)/bench/%: $(B)/obj/bench/%.o $(B)/obj/libcore.a
	$(call msg,LINK)
	$(Q)$(CC) $(OPT) -o $@ $^ $(LIBS)

bench: all $(BENCHES)
	$(Q)bench/run

.PHONY: bench
