# SPDX-License-Identifier: Apache-2.0
#
# make install DESTDIR= PREFIX=.  Headers keep their folders, so that what a
# program includes is "dpif/dpif.h", as here, by pkg-config's -I.

LIBDIR ?= $(PREFIX)/lib
VERSION := $(shell sed -n 's/.*DPX_VERSION "\(.*\)"/\1/p' lib/version.h)
HEADERS := dpif/dpif.h dpif/dpif-provider.h dpif/dummy.h lib/buf.h \
    lib/error.h lib/flow-text.h lib/log.h lib/poll.h

install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(LIBDIR)/pkgconfig \
	    $(DESTDIR)$(PREFIX)/share/man/man3 \
	    $(DESTDIR)$(PREFIX)/share/man/man8
	install $(PROGRAMS:%=$(B)/bin/%) $(DESTDIR)$(PREFIX)/sbin
	install -m 644 $(B)/libdpif.so $(DESTDIR)$(LIBDIR)/libdpif.so.1
	ln -sf libdpif.so.1 $(DESTDIR)$(LIBDIR)/libdpif.so
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' \
	    dpif/libdpif.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/libdpif.pc
	for h in $(HEADERS); do \
	    install -D -m 644 $$h $(DESTDIR)$(PREFIX)/include/dpx/$$h || exit; \
	done
	install -m 644 docs/*.3 $(DESTDIR)$(PREFIX)/share/man/man3
	install -m 644 docs/*.8 $(DESTDIR)$(PREFIX)/share/man/man8

.PHONY: install
