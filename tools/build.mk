# SPDX-License-Identifier: MIT
# The library's examples, the programs of the tools, and the demo.

EXAMPLES_SHORT := hello pipeline hedged broker
EXAMPLES := $(EXAMPLES_SHORT) httpd
HTTPD_OBJ := $(patsubst %,$(OUT)/examples/%.o,httpd http routes)
EXAMPLE_TEST := $(OUT)/examples/test-httpd
EXAMPLE_TEST_OBJ := $(patsubst %,$(OUT)/examples/%.o,test-httpd test-client)
GT_LOAD := $(OUT)/tools/gt-load
GT_LOAD_OBJ := $(patsubst %,$(OUT)/tools/load/%.o,gt-load hist options reply)

# Static programs run in the test VM as they are; sanitizers do not link so.
EXAMPLE_LDFLAGS_release := -static
EXAMPLE_LDFLAGS := $(EXAMPLE_LDFLAGS_$(VARIANT))

tools: examples $(GT_LOAD)

examples: $(patsubst %,$(OUT)/examples/%,$(EXAMPLES)) $(EXAMPLE_TEST)

$(OUT)/examples/%.o: libgt/examples/%.c
	$(call say,CC,$@)
	$(compile)
$(OUT)/tools/load/%.o: tools/load/%.c
	$(call say,CC,$@)
	$(compile)

$(patsubst %,$(OUT)/examples/%,$(EXAMPLES_SHORT)): %: %.o $(LIBGT_MAIN) $(LIBGT_A)
$(OUT)/examples/httpd: $(HTTPD_OBJ) $(LIBGT_MAIN) $(LIBGT_A)
$(EXAMPLE_TEST): $(EXAMPLE_TEST_OBJ)
$(GT_LOAD): $(GT_LOAD_OBJ)

$(patsubst %,$(OUT)/examples/%,$(EXAMPLES)) $(EXAMPLE_TEST) $(GT_LOAD):
	$(call say,LD,$@)
	$(Q)$(CC) $(GT_LDFLAGS) $(LDFLAGS) $(EXAMPLE_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBGT_LIBS)

-include $(patsubst %,$(OUT)/examples/%.d,$(EXAMPLES_SHORT)) $(HTTPD_OBJ:.o=.d) $(EXAMPLE_TEST_OBJ:.o=.d) $(GT_LOAD_OBJ:.o=.d)

# What the driver needs beside it in the guest. Its options may be set: DEMO_FLAGS.
DEMO_FILES := tools/demo/run tools/demo/table.awk $(OUT)/examples/httpd $(GT_LOAD)

demo:
	$(Q)tools/gt-deps build module vm
	$(Q)$(MAKE) --no-print-directory tools
	$(Q)echo "demo: booting the test VM"
	$(Q)tools/demo/ahead tools/gt-vm --kernel $(or $(KERNEL),6.1-cloud) --smp 2 --timeout 600 \
		$(foreach file,$(DEMO_FILES),--file $(file):/demo/$(notdir $(file))) \
		-- sh /demo/run $(DEMO_FLAGS) kmod futex off

demo-host:
	$(Q)tools/gt-deps build
	$(Q)$(MAKE) --no-print-directory tools
	$(Q)mkdir -p $(OUT)/demo && cp $(OUT)/examples/httpd $(GT_LOAD) $(OUT)/demo
	$(Q)tools/demo/ahead tools/demo/run --bin $(OUT)/demo --rounds 3 --seconds 1 $(DEMO_FLAGS) futex off

.PHONY: tools examples demo demo-host
