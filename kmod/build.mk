# SPDX-License-Identifier: GPL-2.0
# The module, built from a copy of its sources: one checkout serves any number of
# kernels at once, and none leaves its objects among the sources. For a build in
# place, use the kernel's own way: make -C KDIR M=$PWD modules. MAKEFLAGS must not
# reach the kernel's make: it would take our O= for its own. The release is read from
# its header: Debian 6.1's "make kernelrelease" says the same for its flavours.

KDIR ?= /lib/modules/$(shell uname -r)/build
KMOD_SRC := Kbuild $(shell find kmod uapi -type f)

modules:
	$(Q)test -e '$(KDIR)/include/generated/utsrelease.h' || { \
		echo "no kernel tree that is ready for modules at $(KDIR): install the" \
		"kernel's headers package, or name a tree with KDIR=" >&2; exit 1; }
	$(Q)set -e; rel=$$(sed -n 's/^#define UTS_RELEASE "\(.*\)"/\1/p' \
		'$(KDIR)/include/generated/utsrelease.h'); dst='$(O)/kmod/'$$rel; \
	printf '  %-7s %s\n' KMOD "kmod/$$rel/gt.ko"; mkdir -p "$$dst"; \
	exec 9> "$$dst/.lock"; flock 9; \
	for f in $(KMOD_SRC); do cmp -s $$f $$dst/$$f || install -D -m 644 $$f $$dst/$$f; done; \
	MAKEFLAGS= $(MAKE) -s -j2 -C '$(KDIR)' M="$$dst" CONFIG_DEBUG_INFO_BTF_MODULES= \
		$(KMOD_FLAGS) modules

# For "make" alone: a machine without the headers still gets the rest.
modules-if-possible:
	$(Q)if test -e '$(KDIR)/Makefile'; then $(MAKE) modules; \
	else echo "  (no module: no kernel tree at $(KDIR); name one with KDIR=)"; fi

.PHONY: modules modules-if-possible
