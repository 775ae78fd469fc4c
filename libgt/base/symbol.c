/* SPDX-License-Identifier: MIT */
/*
 * Names for addresses, where the heap, stdio and locks may be what is broken.
 *
 * The object is found among those that are loaded, the function in the symbol table of
 * its file: that has the static functions too, which dladdr() does not know, and works
 * for static programs. A stripped file leaves its name and the address in it.
 *
 * dl_iterate_phdr() takes a lock of the dynamic linker's, which its owner may take
 * again, and others hold for moments.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/symbol.h"

struct object {
	uintptr_t address;	/* to find */
	uintptr_t base;		/* what its addresses in the file are off by */
	const char *path;	/* "" is the program's own */
	bool found;
};

static int match(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct object *object = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type != PT_LOAD ||
		    object->address - info->dlpi_addr - segment->p_vaddr >= segment->p_memsz)
			continue;
		object->base = info->dlpi_addr;
		object->path = info->dlpi_name;
		object->found = true;
		return 1;
	}
	return 0;
}

/* A part of a file, if the file is so long. */
static const void *part(const char *file, size_t size, uint64_t offset, uint64_t length)
{
	return offset <= size && length <= size - offset ? file + offset : NULL;
}

/* Print the function of this table in which at is. */
static bool print_from(char *text, size_t text_size, const char *file, size_t size,
		       const ElfW(Shdr) *sections, unsigned int count, const ElfW(Shdr) *table,
		       uintptr_t at)
{
	const ElfW(Shdr) *names = table->sh_link < count ? &sections[table->sh_link] : NULL;
	const ElfW(Sym) *symbol = part(file, size, table->sh_offset, table->sh_size), *end;
	const char *strings;

	strings = names ? part(file, size, names->sh_offset, names->sh_size) : NULL;
	if (!symbol || !strings || !names->sh_size || strings[names->sh_size - 1])
		return false;
	for (end = symbol + table->sh_size / sizeof(*symbol); symbol < end; symbol++) {
		if ((symbol->st_info & 15) != STT_FUNC || symbol->st_shndx == SHN_UNDEF ||
		    at - 1 - symbol->st_value >= symbol->st_size ||
		    symbol->st_name >= names->sh_size)
			continue;
		snprintf(text, text_size, "%.80s+%#lx ", strings + symbol->st_name,
			 (unsigned long)(at - symbol->st_value));
		return true;
	}
	return false;
}

static void print_function(char *text, size_t text_size, const char *file, size_t size,
			   uintptr_t at)
{
	static const unsigned int tables[] = { SHT_SYMTAB, SHT_DYNSYM };
	const ElfW(Ehdr) *header = part(file, size, 0, sizeof(*header));
	const ElfW(Shdr) *sections;

	if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) ||
	    header->e_shentsize != sizeof(*sections))
		return;
	sections = part(file, size, header->e_shoff, header->e_shnum * sizeof(*sections));
	if (!sections)
		return;
	for (unsigned int i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (unsigned int j = 0; j < header->e_shnum; j++)
			if (sections[j].sh_type == tables[i] &&
			    print_from(text, text_size, file, size, sections, header->e_shnum,
				       &sections[j], at))
				return;
}

static void print_function_of(char *text, size_t text_size, const char *path, uintptr_t at)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *file;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && st.st_size > 0) {
		file = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (file != MAP_FAILED) {
			print_function(text, text_size, file, st.st_size, at);
			munmap(file, st.st_size);
		}
	}
	close(fd);
}

void gt_symbol_print(char *text, size_t size, const void *return_address)
{
	/* The call itself is before: it may be the function's last instruction. */
	struct object object = { .address = (uintptr_t)return_address - 1 };
	char path[256], function[128] = "";
	const char *name;
	ssize_t length;
	uintptr_t at;

	dl_iterate_phdr(match, &object);
	if (!object.found) {
		snprintf(text, size, "%p", return_address);
		return;
	}
	at = (uintptr_t)return_address - object.base;
	if (*object.path) {
		name = object.path;
		print_function_of(function, sizeof(function), name, at);
	} else {
		print_function_of(function, sizeof(function), "/proc/self/exe", at);
		length = readlink("/proc/self/exe", path, sizeof(path) - 1);
		path[length > 0 ? length : 0] = 0;
		name = path;
	}
	name = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	snprintf(text, size, *function ? "%s(%.80s+%#lx)" : "%s%.80s+%#lx", function, name,
		 (unsigned long)at);
}
