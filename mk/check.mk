# SPDX-License-Identifier: Apache-2.0
#
# Tests.  Unit tests run anywhere, as any user, under ASan and UBSan; the rest
# is tests/run's, which says what it needs.
#
#   make check-corpus CORPUS=FILE [PLANES="xdp tc user"]
#
# runs a file of cases (tests/lib/plane.h) through the planes.  Planes xdp and
# tc need root.

TESTLIB := $(wildcard tests/lib/*.c)
$(B)/san/libtests.a: $(TESTLIB:%.c=$(B)/san/%.o)
$(B)/obj/libtests.a: $(TESTLIB:%.c=$(B)/obj/%.o)

$(B)/tests/%: $(B)/san/tests/unit/%.o $(B)/san/libtests.a \
    $(B)/san/libdpif.a $(B)/san/libcore.a
	$(call msg,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(OPT) $(SAN) -o $@ $^ -lcmocka $(LIBS)

$(B)/tests/%: $(B)/obj/tests/helpers/%.o $(B)/obj/libtests.a \
    $(B)/obj/libdpif.a $(B)/obj/libcore.a
	$(call msg,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(OPT) -o $@ $^ $(LIBS)

# Tests that are scripts.
SCRIPTS := $(patsubst tests/unit/%.sh,$(B)/tests/%,\
    $(wildcard tests/unit/test-*.sh))
$(SCRIPTS): $(B)/tests/%: tests/unit/%.sh
	@mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nexec "%s/%s"\n' "$(CURDIR)" $< >$@ && chmod +x $@

# The conformance suite, linked once for each provider with its harness.
SUITE := $(filter-out tests/conformance/harness-%,\
    $(wildcard tests/conformance/*.c))
SUITES := $(addprefix $(B)/tests/,test-conformance-netdev \
    root-conformance-netdev root-conformance-xdp)
define suite
$(B)/tests/$1: $(SUITE:%.c=$(B)/$3/%.o) $(B)/$3/tests/conformance/harness-$2.o \
    $(B)/$3/libdpif.a $(B)/$3/libcore.a
	$$(call msg,LINK)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(OPT) $4 -o $$@ $$^ -lcmocka $$(LIBS)
endef
$(eval $(call suite,test-conformance-netdev,netdev,san,$(SAN)))
$(eval $(call suite,root-conformance-netdev,netdev-veth,san,$(SAN)))
$(eval $(call suite,root-conformance-xdp,xdp,san,$(SAN)))

# The same under ThreadSanitizer.
# GCC sees less through its instrumentation.
TSAN := -fsanitize=thread -Wno-tsan -Wno-maybe-uninitialized
$(B)/tsan/%.o: %.c
	$(call msg,CC-TSAN)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -O1 $(TSAN) -c -o $@ $<
$(B)/tsan/loader/%.o: | $(SKELS)
$(B)/tsan/libcore.a: $(CORE:%.c=$(B)/tsan/%.o)
$(B)/tsan/libdpif.a: $(DPIF:%.c=$(B)/tsan/%.o)
$(eval $(call suite,tsan-conformance-netdev,netdev,tsan,$(TSAN)))

check-tsan: $(B)/tests/tsan-conformance-netdev
	$(Q)tests/run ./$<

check-build: all $(TESTS) $(HELPERS) $(SUITES) $(SCRIPTS) $(FUZZERS)

check-unit: check-build
	$(Q)tests/run unit

check: check-build
	$(Q)tests/run

check-vm: check-build
	$(Q)tests/run vm

check-corpus: $(B)/tests/root-planes
	$(Q)$< -p "$(or $(PLANES),xdp tc user)" $(CORPUS)

.PHONY: check-build check-unit check-tsan check check-vm check-corpus
