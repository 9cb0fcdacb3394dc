# SPDX-License-Identifier: Apache-2.0
#
# Fuzzers (libFuzzer, under ASan and UBSan): `make fuzz T=60` runs each for T
# seconds and keeps what it found worth keeping in build/corpus/; a crash stays
# in build/crash-*, and is an error.  build/tests/test-fuzz runs each briefly.

T ?= 60
FUZZ_CLANG := clang
FUZZ := -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/*.c))
FUZZED := $(filter-out %.bpf.c,$(wildcard lib/*.c maps/*.c bpf/*.c))

$(B)/fuzz/%.o: %.c
	$(call msg,CC-FUZZ)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CLANG) $(CFLAGS) -O1 $(FUZZ) -fsanitize=fuzzer-no-link -c \
	    -o $@ $<

$(FUZZERS): $(B)/fuzz/%: $(B)/fuzz/tests/fuzz/%.o $(FUZZED:%.c=$(B)/fuzz/%.o)
	$(call msg,LINK)
	$(Q)$(FUZZ_CLANG) $(FUZZ) -fsanitize=fuzzer -o $@ $^ -lbpf -lpthread

fuzz: $(FUZZERS)
	$(Q)for f in $^; do mkdir -p $(B)/corpus/$$(basename $$f) || exit 1; \
	    $$f -max_total_time=$(T) -print_final_stats=1 \
	    -artifact_prefix=$(B)/crash- $(B)/corpus/$$(basename $$f) \
	    || exit 1; done

.PHONY: fuzz
