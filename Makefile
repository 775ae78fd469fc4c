# SPDX-License-Identifier: MIT
#
# gt: goroutines for C on Linux.
#
#   make            library, module for the running kernel (if its headers are
#                   installed) and tools
#   make demo       a real server under libgt against the module, in a test VM
#   make check      all tests
#   make help       the rest
#
# Everything built goes to $(O), inside the tree by default; O=/elsewhere builds
# out of tree. VARIANT=tsan or asan builds user code with that sanitizer, in a
# folder of its own; VARIANT=valgrind, for Valgrind: tests that are not static; windows:
# threads can be held up in the middle of protocols (libgt/base/window.h). Each room has
# a build.mk that adds its rules here.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

TOP     := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
O       ?= $(TOP)/build
VARIANT ?= release
V       ?= 0

ifneq ($(TOP),$(CURDIR))
$(error run make in the source folder: make -C $(TOP) O=$(CURDIR))
endif
override O := $(abspath $(O))
OUT := $(O)/$(VARIANT)

CC      ?= gcc
CFLAGS  ?= -O2 -g
LDFLAGS ?=
PREFIX  ?= /usr/local
DESTDIR ?=

SAN_release :=
SAN_windows := -DGT_WINDOWS
SAN_valgrind :=
SAN_tsan    := -fsanitize=thread -fexceptions -Wno-tsan
SAN_asan    := -fsanitize=address,undefined -fno-sanitize-recover=undefined
ifeq ($(origin SAN_$(VARIANT)),undefined)
$(error VARIANT=$(VARIANT) is unknown: use release, tsan, asan, valgrind or windows)
endif

GT_CFLAGS := -std=gnu11 -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes \
	-Wshadow -Wvla -pthread -fno-omit-frame-pointer -I$(TOP)/libgt/include \
	$(SAN_$(VARIANT))
GT_LDFLAGS := -pthread $(SAN_$(VARIANT))

ifeq ($(V),0)
Q := @
say = @printf '  %-7s %s\n' '$(1)' '$(patsubst $(O)/%,%,$(2))'
else
Q :=
say = @:
endif

# $(call compile,SOURCE): the one recipe that compiles C.
compile = $(Q)mkdir -p $(@D) && $(CC) $(GT_CFLAGS) $(CFLAGS) $(EXTRA_CFLAGS) -MMD -MP -c -o $@ $<

all: libgt tools modules-if-possible

include libgt/build.mk
include tools/build.mk
include libgt/tests/build.mk
include kmod/build.mk
include tools/man.mk
include tools/check.mk
include tools/bench/build.mk

help:
	@sed -n 's/^#   //p' $(TOP)/Makefile
	@printf '%s\n' \
	  'make libgt tools  library, examples and programs' \
	  'make modules      the module; KDIR= names the kernel tree' \
	  'make demo-host    the demo without VM and module' \
	  'make check-...    one part of check: lib, tsan, asan, valgrind, vm; check-all: every kernel' \
	  'make bench        figures against Go; bench-vm: module against fallback;' \
	  '                  bench-icount: instructions an operation' \
	  'make man          man pages, from the headers' \
	  'make install      library, headers, man pages; PREFIX= DESTDIR=' \
	  'make deps         Debian packages of all of these' \
	  'make clean' \
	  'Variables: O= VARIANT=release|tsan|asan|valgrind|windows CC= CFLAGS= V=1 KDIR='

deps:
	$(Q)tools/gt-deps build module vm check bench

clean:
	$(call say,CLEAN,$(O))
	$(Q)rm -rf $(O)/release $(O)/tsan $(O)/asan $(O)/valgrind $(O)/windows $(O)/kmod $(O)/man

.PHONY: all help deps clean
