# SPDX-License-Identifier: Apache-2.0
#
# Tests.  Unit tests run anywhere, as any user, under ASan and UBSan; the rest
# is tests/run's, which says what it needs.

$(B)/tests/%: $(B)/san/tests/unit/%.o $(B)/san/libdpif.a $(B)/san/libcore.a
	$(call msg,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(OPT) $(SAN) -o $@ $^ -lcmocka $(LIBS)

$(B)/tests/%: $(B)/obj/tests/helpers/%.o $(B)/obj/libdpif.a $(B)/obj/libcore.a
	$(call msg,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(OPT) -o $@ $^ $(LIBS)

check-build: all $(TESTS) $(HELPERS)

check-unit: check-build
	$(Q)tests/run unit

check: check-build
	$(Q)tests/run

.PHONY: check-build check-unit check
