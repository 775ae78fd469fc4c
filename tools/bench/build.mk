# SPDX-License-Identifier: MIT
# Figures: against Go, module against fallback in the VM, and instruction counts.

GTBENCH := $(OUT)/bench/gtbench
GTBENCH_OBJ := $(patsubst %,$(OUT)/bench/%.o,gtbench bench tasks chans selects timers syncs waits)
RAWBENCH := $(OUT)/bench/rawbench
RAWBENCH_OBJ := $(patsubst %,$(OUT)/bench/%.o,rawbench bench sleeps blocks preempts attached)
FLOOR := $(OUT)/bench/floor
GOBENCH := $(OUT)/bench/gobench

$(patsubst %,$(OUT)/bench/%.o,rawbench sleeps blocks preempts attached): EXTRA_CFLAGS = \
	-I$(TOP)/uapi -I$(TOP)/libgt/arch/$(LIBGT_ARCH)
$(OUT)/bench/floor.o: EXTRA_CFLAGS = -I$(TOP)/libgt/arch/$(LIBGT_ARCH)
$(OUT)/bench/%.o: tools/bench/%.c
	$(call say,CC,$@)
	$(compile)

$(GTBENCH): $(GTBENCH_OBJ) $(LIBGT_A)
$(FLOOR): $(OUT)/bench/floor.o $(LIBGT_A)
# Of the library it has the entry of upcalls alone.
$(RAWBENCH): $(RAWBENCH_OBJ) $(OUT)/libgt/arch/$(LIBGT_ARCH)/upcall.o

$(GTBENCH) $(FLOOR) $(RAWBENCH):
	$(call say,LD,$@)
	$(Q)$(CC) $(GT_LDFLAGS) $(LDFLAGS) $(EXAMPLE_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBGT_LIBS)

$(OUT)/bench/arena.o: EXTRA_CFLAGS = -I$(TOP)/uapi
$(OUT)/bench/arena: $(OUT)/bench/arena.o
$(OUT)/bench/quota: $(OUT)/bench/quota.o $(LIBGT_A)

$(OUT)/bench/arena $(OUT)/bench/quota:
	$(call say,LD,$@)
	$(Q)$(CC) $(GT_LDFLAGS) $(LDFLAGS) $(EXAMPLE_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBGT_LIBS)

-include $(GTBENCH_OBJ:.o=.d) $(RAWBENCH_OBJ:.o=.d) $(OUT)/bench/floor.d

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

# The module against the fallback, taking turns in one boot. Two machines: one with one
# processor whose clock counts instructions, and one with two processors, whose times
# mean nothing, and ratios of them as much as the host is quiet.
BENCH_VM_KERNELS := 6.1-cloud 6.12-cloud
BENCH_VM_RAW := raw_swap,raw_park,raw_block,raw_preempt_self,raw_preempt_request,raw_slice,raw_attached_yield,raw_attached_slice,raw_attached_pipe
BENCH_VM_FLAGS := --only handoff,handoff_quiet,yield2,yield1000,spawn_one,spawn_wave,pingpong,$(BENCH_VM_RAW) \
	--workers 1 --rounds 3 --scale 0.02
BENCH_VM_SMP_FLAGS := --only $(BENCH_VM_RAW),raw_preempt --workers 1 --rounds 5 --scale 0.1
BENCH_VM_FILES := $(patsubst %,tools/bench/%,run table.awk figures) $(GTBENCH) $(RAWBENCH)
bench_vm = tools/gt-vm --kernel $(1) --timeout 900 \
	$(foreach file,$(BENCH_VM_FILES),--file $(file):/bench/$(notdir $(file))) $(2) \
	-- sh /bench/run --sides kmod,futex --samples

bench-vm: $(patsubst %,bench-vm-%,$(or $(KERNEL),$(BENCH_VM_KERNELS)))

bench-vm-%:
	$(Q)tools/gt-deps build module vm
	$(Q)$(MAKE) --no-print-directory $(GTBENCH) $(RAWBENCH)
	$(Q)mkdir -p $(O)/bench && echo "bench: booting kernel $*, to count instructions"
	$(Q)$(call bench_vm,$*,--icount) $(BENCH_VM_FLAGS) > $(O)/bench/vm-$*.tsv
	$(Q)echo "bench: booting kernel $*, with two processors"
	$(Q)$(call bench_vm,$*,--smp 2) $(BENCH_VM_SMP_FLAGS) > $(O)/bench/vm-$*-smp.tsv
	$(Q)echo "Kernel $*, module against fallback, one processor:"
	$(Q)tools/bench/run --sides kmod,futex --instructions --table $(O)/bench/vm-$*.tsv
	$(Q)echo "Kernel $*, module against fallback, two processors:"
	$(Q)tools/bench/run --sides kmod,futex --ratios --table $(O)/bench/vm-$*-smp.tsv

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
