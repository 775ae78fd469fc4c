# SPDX-License-Identifier: MIT
# The library's tests: one program a file, on the kernel's kselftest harness, which
# comes from Debian's kernel source package and is linked to, never copied.

TESTS := $(patsubst libgt/tests/%.c,$(OUT)/tests/%,$(wildcard libgt/tests/*.c))
TEST_HARNESS := $(O)/harness

# Static programs run in the test VM as they are; sanitizers do not link so, and
# Valgrind wants to put its malloc() in the place of libc's.
TEST_LDFLAGS_release := -static
TEST_LDFLAGS := $(TEST_LDFLAGS_$(VARIANT))

# What gdb/run.sh debugs.
GDB_PROGRAM := $(OUT)/tests/gdb/program

tests: $(TESTS) $(GDB_PROGRAM)

$(TEST_HARNESS): tools/gt-kernel
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && dir=$$(tools/gt-kernel harness) && ln -sfn "$$dir" $@

# The harness leaves a parameter unused in each function that it generates.
$(OUT)/tests/%.o: EXTRA_CFLAGS = -D_GNU_SOURCE -iquote $(TOP)/libgt -I$(TOP)/uapi -isystem $(TEST_HARNESS) -Wno-unused-parameter
$(OUT)/tests/%.o: libgt/tests/%.c | $(TEST_HARNESS)
	$(call say,CC,$@)
	$(compile)

# They look into the library; the first stops its code half-way, and so compiles it in.
$(OUT)/tests/aba.o $(OUT)/tests/windows.o: EXTRA_CFLAGS += -I$(TOP)/libgt -I$(TOP)/libgt/arch/$(LIBGT_ARCH)

$(OUT)/tests/%: $(OUT)/tests/%.o $(LIBGT_A)
	$(call say,LD,$@)
	$(Q)$(CC) $(GT_LDFLAGS) $(LDFLAGS) $(TEST_LDFLAGS) -o $@ $(filter %.o,$^) $(LIBGT_A) $(LIBGT_LIBS) $(TEST_LIBS) -lm

# Cases in C++. The warnings that only C has are left out.
$(OUT)/tests/cxx: $(OUT)/tests/cases.cxx.o
$(OUT)/tests/cxx: TEST_LIBS := -lstdc++
$(OUT)/tests/%.cxx.o: libgt/tests/cxx/%.cc
	$(call say,CXX,$@)
	$(Q)mkdir -p $(@D) && $(CXX) $(filter-out -std=% -Wstrict-prototypes -Wmissing-prototypes \
		-Wshadow,$(GT_CFLAGS)) \
		-std=c++11 $(CFLAGS) -MMD -MP -c -o $@ $<
-include $(OUT)/tests/cases.cxx.d

# The entry object under another name, so that a test can call its main().
$(OUT)/tests/main: $(OUT)/tests/entry.o
$(OUT)/tests/entry.o: $(OUT)/libgt/main/main.o
	$(call say,OBJCOPY,$@)
	$(Q)mkdir -p $(@D) && objcopy --redefine-sym main=entry_main $< $@

# As people debug, without optimization.
$(GDB_PROGRAM).o: EXTRA_CFLAGS += -O0 -g
$(GDB_PROGRAM): $(OUT)/libgt/main/main.o

-include $(TESTS:=.d) $(GDB_PROGRAM).d

.SECONDARY: $(TESTS:=.o) $(GDB_PROGRAM).o
.PHONY: tests
