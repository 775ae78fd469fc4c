# SPDX-License-Identifier: MIT
# The library: libgt.a, libgt.so, and libgt-main.a with the entry object.

LIBGT_VERSION := $(shell sed -n 's/^\#define GT_VERSION_M[AI][JN]OR //p; s/^\#define GT_VERSION_PATCH //p' \
	$(TOP)/libgt/include/gt/version.h | paste -sd.)
LIBGT_SOVERSION := $(firstword $(subst ., ,$(LIBGT_VERSION)))

LIBGT_ARCH := $(shell $(CC) -dumpmachine | cut -d- -f1)
ifeq ($(wildcard libgt/arch/$(LIBGT_ARCH)),)
$(error libgt has no code for the architecture $(LIBGT_ARCH))
endif

LIBGT_SRC := $(wildcard libgt/api/*.c libgt/base/*.c libgt/prim/*.c libgt/lib/*.c libgt/sched/*.c libgt/backend/*.c) \
	$(wildcard libgt/arch/$(LIBGT_ARCH)/*.S)
LIBGT_OBJ := $(patsubst libgt/%,$(OUT)/libgt/%.o,$(basename $(LIBGT_SRC)))

LIBGT_A    := $(OUT)/libgt/libgt.a
LIBGT_SO   := $(OUT)/libgt/libgt.so.$(LIBGT_VERSION)
LIBGT_MAIN := $(OUT)/libgt/libgt-main.a

# What a program that links libgt.a links besides; libgt.pc says the same.
LIBGT_LIBS := -lurcu-cds -lurcu-bp -lurcu-common

libgt: $(LIBGT_A) $(LIBGT_SO) $(LIBGT_MAIN)

$(OUT)/libgt/%.o: EXTRA_CFLAGS = -fPIC -fvisibility=hidden -I$(TOP)/libgt -I$(TOP)/uapi \
	-I$(TOP)/libgt/arch/$(LIBGT_ARCH)
$(OUT)/libgt/%.o: libgt/%.c
	$(call say,CC,$@)
	$(compile)
$(OUT)/libgt/%.o: libgt/%.S
	$(call say,AS,$@)
	$(compile)

$(LIBGT_A): $(LIBGT_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Three checks that have to hold for each build of the shared library: its version
# is the map's newest node, and it exports what the map names, no more or less.
$(LIBGT_SO): $(LIBGT_OBJ) libgt/libgt.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,libgt.so.$(LIBGT_SOVERSION) -Wl,-z,now \
		-Wl,--version-script=libgt/libgt.map $(GT_LDFLAGS) $(LDFLAGS) -o $@ $(LIBGT_OBJ) $(LIBGT_LIBS)
	$(Q)tools/check-exports $@ libgt/libgt.map $(LIBGT_VERSION)
	$(Q)ln -sf $(@F) $(@D)/libgt.so.$(LIBGT_SOVERSION)
	$(Q)ln -sf $(@F) $(@D)/libgt.so

$(LIBGT_MAIN): $(OUT)/libgt/main/main.o
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

-include $(LIBGT_OBJ:.o=.d)

.PHONY: libgt

# Only the library's users' part: the module belongs to a kernel, see kmod/build.mk.
install: libgt man
	$(Q)install -d $(DESTDIR)$(PREFIX)/include/gt $(DESTDIR)$(PREFIX)/lib/pkgconfig \
		$(DESTDIR)$(PREFIX)/share/man
	$(Q)install -m 644 libgt/include/gt/*.h $(DESTDIR)$(PREFIX)/include/gt
	$(Q)install -m 644 $(LIBGT_A) $(LIBGT_MAIN) $(LIBGT_SO) $(DESTDIR)$(PREFIX)/lib
	$(Q)ln -sf $(notdir $(LIBGT_SO)) $(DESTDIR)$(PREFIX)/lib/libgt.so.$(LIBGT_SOVERSION)
	$(Q)ln -sf $(notdir $(LIBGT_SO)) $(DESTDIR)$(PREFIX)/lib/libgt.so
	$(Q)for pc in libgt libgt-main; do \
		sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(LIBGT_VERSION)|' libgt/pkgconfig/$$pc.pc.in \
			> $(DESTDIR)$(PREFIX)/lib/pkgconfig/$$pc.pc; done
	$(Q)cp -r $(O)/man/man* $(DESTDIR)$(PREFIX)/share/man

.PHONY: install
