# SPDX-License-Identifier: MIT
# Figures: against Go, module against fallback in the VM, and instruction counts.

GTBENCH := $(OUT)/bench/gtbench
GTBENCH_OBJ := $(patsubst %,$(OUT)/bench/%.o,gtbench tasks chans selects timers syncs waits swap)
FLOOR := $(OUT)/bench/floor
GOBENCH := $(OUT)/bench/gobench

$(OUT)/bench/swap.o: EXTRA_CFLAGS = -idirafter $(TOP)/uapi
$(OUT)/bench/floor.o: EXTRA_CFLAGS = -I$(TOP)/libgt/arch/$(LIBGT_ARCH)
$(OUT)/bench/%.o: tools/bench/%.c
	$(call say,CC,$@)
	$(compile)

$(GTBENCH): $(GTBENCH_OBJ) $(LIBGT_A)
$(FLOOR): $(OUT)/bench/floor.o $(LIBGT_A)

$(GTBENCH) $(FLOOR):
	$(call say,LD,$@)
	$(Q)$(CC) $(GT_LDFLAGS) $(LDFLAGS) $(EXAMPLE_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBGT_LIBS)

$(OUT)/bench/arena.o: EXTRA_CFLAGS = -I$(TOP)/uapi
$(OUT)/bench/arena: $(OUT)/bench/arena.o
$(OUT)/bench/quota: $(OUT)/bench/quota.o $(LIBGT_A)

$(OUT)/bench/arena $(OUT)/bench/quota:
	$(call say,LD,$@)
	$(Q)$(CC) $(GT_LDFLAGS) $(LDFLAGS) $(EXAMPLE_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBGT_LIBS)

-include $(GTBENCH_OBJ:.o=.d) $(OUT)/bench/floor.d

# Only if there is a Go: the bench does without, and says so.
$(GOBENCH): tools/bench/peer/bench.go
	$(call say,GO,$@)
	$(Q)mkdir -p $(@D) && go=$$(tools/bench/fetch-go) && \
		GOCACHE=$(O)/bench/go GOPATH=$(O)/bench/go GO111MODULE=off GOTOOLCHAIN=local GOFLAGS= \
		$$go build -o $@ $<

# BENCH_FLAGS: options for the driver, such as --quick or --only; see tools/bench/run --help.
bench:
	$(Q)tools/gt-deps build bench
	$(Q)$(MAKE) --no-print-directory $(GTBENCH) $(FLOOR)
	$(Q)if $(MAKE) --no-print-directory $(GOBENCH); then sides=gt,go; else \
		sides=gt; echo 'bench: there is no Go, for the reason above: gt alone' >&2; fi; \
	tools/bench/run --sides $$sides --bin $(OUT)/bench --out $(O)/bench $(BENCH_FLAGS)

# The module against the fallback, taking turns in one boot. The machine has one
# processor whose clock counts instructions: with a clock that goes on while the host
# runs others, an emulated machine measures the host. Times mean nothing, ratios do.
BENCH_VM_KERNELS := 6.1-cloud 6.12-cloud
BENCH_VM_FLAGS := --only handoff,handoff_quiet,swap,yield2,yield1000,spawn_one,spawn_wave,pingpong \
	--workers 1 --rounds 3 --scale 0.02
BENCH_VM_FILES := $(patsubst %,tools/bench/%,run table.awk figures) $(GTBENCH)

bench-vm: $(patsubst %,bench-vm-%,$(or $(KERNEL),$(BENCH_VM_KERNELS)))

bench-vm-%:
	$(Q)tools/gt-deps build module vm
	$(Q)$(MAKE) --no-print-directory $(GTBENCH)
	$(Q)mkdir -p $(O)/bench && echo "bench: booting kernel $*"
	$(Q)tools/gt-vm --kernel $* --icount --timeout 900 \
		$(foreach file,$(BENCH_VM_FILES),--file $(file):/bench/$(notdir $(file))) \
		-- sh /bench/run --sides kmod,futex --samples $(BENCH_VM_FLAGS) > $(O)/bench/vm-$*.tsv
	$(Q)echo "Kernel $*, module against fallback:"
	$(Q)tools/bench/run --sides kmod,futex --ratios --table $(O)/bench/vm-$*.tsv

# A stack of the arena against anonymous memory; what the hint of the CPU quota is worth.
bench-arena: $(OUT)/bench/arena
	$(Q)for kernel in $(or $(KERNEL),$(BENCH_VM_KERNELS)); do echo "kernel $$kernel"; \
		tools/gt-vm --kernel $$kernel --icount -- $< || exit; done

bench-quota: $(OUT)/bench/quota
	$(Q)for kernel in $(or $(KERNEL),$(BENCH_VM_KERNELS)); do echo "kernel $$kernel"; \
		tools/gt-vm --kernel $$kernel --smp 4 -- $< || exit; done

bench-icount:
	$(Q)tools/gt-deps build bench
	$(Q)$(MAKE) --no-print-directory $(GTBENCH)
	$(Q)tools/bench/icount --bin $(OUT)/bench --out $(O)/bench

.PHONY: bench bench-vm bench-arena bench-quota bench-icount
