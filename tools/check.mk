# SPDX-License-Identifier: MIT
# Tests. gt-check says what each step is; what "make check" runs is said here.

CHECK := tools/gt-check --out $(O)

CHECK_KERNELS     := 6.1-cloud 6.12-cloud
CHECK_KERNELS_ALL := 6.1-cloud 6.12-cloud 6.1-rt 6.12-rt
CHECK_KERNELS_OWN := debug race

CHECK_BUILDS := gcc clang headers compile-fail man litmus spin syzlang checkpatch \
	$(addprefix module:,$(CHECK_KERNELS))
CHECK_LIB    := lib migrate windows
CHECK_HOST   := $(CHECK_BUILDS) $(CHECK_LIB) tsan asan valgrind httpd examples gdb
check_vm      = $(addprefix selftests:,$(1)) $(addprefix vmlib:,$(1))

check: check-deps
	$(Q)$(CHECK) $(CHECK_HOST) $(call check_vm,$(CHECK_KERNELS))
check-all: check-deps
	$(Q)tools/gt-kernel fetch $(CHECK_KERNELS_OWN)
	$(Q)$(CHECK) $(CHECK_HOST) $(call check_vm,$(CHECK_KERNELS_ALL)) \
		$(addprefix vmgdb:,$(CHECK_KERNELS_ALL)) $(addprefix selftests:,$(CHECK_KERNELS_OWN))

check-builds: check-deps
	$(Q)$(CHECK) $(CHECK_BUILDS)
check-lib: check-deps
	$(Q)$(CHECK) $(CHECK_LIB) httpd examples gdb
check-tsan check-asan check-valgrind: check-%: check-deps
	$(Q)$(CHECK) $*
check-vm: check-deps
	$(Q)$(CHECK) $(call check_vm,$(CHECK_KERNELS))

check-deps:
	$(Q)tools/gt-deps build module vm check

.PHONY: check check-all check-builds check-lib check-tsan check-asan check-valgrind check-vm check-deps
