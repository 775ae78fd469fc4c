# SPDX-License-Identifier: MIT
# Manual pages, made of the public headers' comments. gt-man fails if these and the
# declarations have come apart; the stamp is newer than the headers only if not.

MAN_STAMP := $(O)/man/.made

man: $(MAN_STAMP)

$(MAN_STAMP): tools/gt-man libgt/libgt.map $(wildcard libgt/include/gt/*.h)
	$(call say,MAN,$(O)/man)
	$(Q)rm -rf $(O)/man && tools/gt-man libgt/include/gt libgt/libgt.map $(O)/man && touch $@

.PHONY: man
