/* SPDX-License-Identifier: MIT */
/*
 * An ELF file and memory against symbols/.
 *
 * Raw bytes hardly ever become an ELF file. So the input is mostly a list of patches to a small one
 * that has all that is read: segments, .dynsym with hash and versions, .symtab, PT_DYNAMIC,
 * relocations, a build-id, a debug link.
 *
 * Byte 0: 1 raw file, 2 no file but memory, 4 memory is noise. A patch is eight bytes: offset (2),
 * width (1), kind (1), value (4).
 */
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbols/symbols.h"

enum { RAW = 1, NO_FILE = 2, NOISE = 4 };
enum { NSYMS = 7, NSECTIONS = 13, MAX_FILE = 1 << 16 };
#define BASE UINT64_C(0x7f0000000000)

static const char strings[] = "\0good\0alias\0thread\0chosen\0V1\0V2\0import\0local@@V1\0static";
enum {
	GOOD = 1,
	ALIAS = 6,
	THREAD = 12,
	CHOSEN = 19,
	V1 = 26,
	V2 = 29,
	IMPORT = 32,
	LOCAL = 39,
	STATIC = 49
};
static const char section_names[] = "\0.build-id\0.gnu_debuglink\0.gnu_debugdata\0.plt";
enum { BUILD_ID = 1, DEBUG_LINK = 11, DEBUG_DATA = 26, PLT = 41 };

struct verdef {
	Elf64_Verdef def;
	Elf64_Verdaux aux;
};

static struct seed {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdrs[3];
	Elf64_Sym dynsym[NSYMS];
	Elf64_Sym symtab[NSYMS];
	struct {
		uint32_t nbuckets, first, nfilter, shift;
		uint64_t filter;
		uint32_t bucket, chain[NSYMS - 2];
	} hash;
	Elf64_Half versym[NSYMS + 1];
	struct verdef verdef[2];
	Elf64_Rela rela[4];
	Elf64_Dyn dynamic[13];
	struct {
		Elf64_Nhdr header;
		char name[4];
		uint8_t id[20];
	} note;
	char link[16];
	char strings[sizeof(strings)];
	char section_names[sizeof(section_names)];
	uint64_t slots[4];
	Elf64_Shdr sections[NSECTIONS];
} seed;

#define AT(member) offsetof(struct seed, member)

static uint32_t hash_of(const char *name)
{
	uint32_t hash = 5381;

	while (*name)
		hash = hash * 33 + (unsigned char)*name++;
	return hash;
}

static Elf64_Sym symbol(unsigned int name, unsigned int bind, unsigned int type,
			unsigned int section, uint64_t value)
{
	return (Elf64_Sym){ name,  (unsigned char)ELF64_ST_INFO(bind, type),
			    0,     (Elf64_Half)section,
			    value, 16 };
}

static void make_symbols(void)
{
	seed.dynsym[1] = symbol(IMPORT, STB_GLOBAL, STT_FUNC, SHN_UNDEF, 0);
	seed.dynsym[2] = symbol(GOOD, STB_GLOBAL, STT_FUNC, 1, 0x100);
	seed.dynsym[3] = symbol(ALIAS, STB_WEAK, STT_FUNC, 1, 0x100);
	seed.dynsym[4] = symbol(THREAD, STB_GLOBAL, STT_TLS, 1, 8);
	seed.dynsym[5] = symbol(CHOSEN, STB_GLOBAL, STT_GNU_IFUNC, 1, 0x140);
	seed.dynsym[6] = symbol(GOOD, STB_GLOBAL, STT_FUNC, 1, 0x180);
	memcpy(seed.symtab, seed.dynsym, sizeof(seed.symtab));
	seed.symtab[1] = symbol(LOCAL, STB_LOCAL, STT_FUNC, 1, 0x1c0);
	seed.symtab[6] = symbol(STATIC, STB_LOCAL, STT_OBJECT, 1, 0x1e0);
	seed.hash.nbuckets = seed.hash.nfilter = 1;
	seed.hash.first = 2;
	seed.hash.filter = UINT64_MAX;
	seed.hash.bucket = 2;
	for (int i = 2; i < NSYMS; i++)
		seed.hash.chain[i - 2] = hash_of(strings + seed.dynsym[i].st_name) & ~1U;
	seed.hash.chain[NSYMS - 3] |= 1;
	memcpy(seed.versym, (Elf64_Half[]){ 0, 1, 2, 2, 2, 2, 0x8003, 0 }, sizeof(seed.versym));
	for (int i = 0; i < 2; i++) {
		seed.verdef[i].def = (Elf64_Verdef){ .vd_version = 1,
						     .vd_ndx = (Elf64_Half)(i + 2),
						     .vd_cnt = 1,
						     .vd_aux = sizeof(Elf64_Verdef),
						     .vd_next = i ? 0 : sizeof(struct verdef) };
		seed.verdef[i].aux.vda_name = i ? V2 : V1;
	}
	memcpy(seed.strings, strings, sizeof(strings));
}

static void make_relocations(void)
{
	static const uint32_t types[] = { R_X86_64_IRELATIVE, R_X86_64_JUMP_SLOT, R_X86_64_GLOB_DAT,
					  R_X86_64_64 };

	for (unsigned int i = 0; i < 4; i++) {
		seed.rela[i].r_offset = AT(slots) + 8 * i;
		seed.rela[i].r_info = ELF64_R_INFO((uint64_t)(i ? 5 : 0), types[i]);
		seed.rela[i].r_addend = i ? 0 : 0x140;
		seed.slots[i] = i % 2 ? 0x190 : BASE + 0x190;
	}
}

static void make_dynamic(void)
{
	const Elf64_Dyn dynamic[] = {
		{ DT_SYMTAB, { AT(dynsym) } },
		{ DT_STRTAB, { BASE + AT(strings) } },
		{ DT_STRSZ, { sizeof(strings) } },
		{ DT_GNU_HASH, { AT(hash) } },
		{ DT_VERSYM, { AT(versym) } },
		{ DT_VERDEF, { AT(verdef) } },
		{ DT_VERDEFNUM, { 2 } },
		{ DT_RELA, { AT(rela) } },
		{ DT_RELASZ, { sizeof(Elf64_Rela) } },
		{ DT_JMPREL, { AT(rela) + sizeof(Elf64_Rela) } },
		{ DT_PLTRELSZ, { 3 * sizeof(Elf64_Rela) } },
		{ DT_PLTREL, { DT_RELA } },
		{ DT_DEBUG, { BASE + AT(slots) } },
	};

	_Static_assert(sizeof(dynamic) == sizeof(seed.dynamic), "room for each entry");
	memcpy(seed.dynamic, dynamic, sizeof(dynamic));
	seed.phdrs[0] =
		(Elf64_Phdr){ PT_LOAD, PF_R | PF_X, 0, 0, 0, sizeof(seed), sizeof(seed), 4096 };
	seed.phdrs[1] = (Elf64_Phdr){ PT_DYNAMIC,      PF_R,
				      AT(dynamic),     AT(dynamic),
				      AT(dynamic),     sizeof(dynamic),
				      sizeof(dynamic), 8 };
	seed.phdrs[2] = (Elf64_Phdr){ PT_NOTE,           PF_R,     AT(note),
				      AT(note),          AT(note), sizeof(seed.note),
				      sizeof(seed.note), 4 };
}

static Elf64_Shdr section(unsigned int name, unsigned int type, uint64_t at, uint64_t size,
			  unsigned int link, uint64_t entry)
{
	return (Elf64_Shdr){ name, type, SHF_ALLOC, at, at, size, link, 2, 8, entry };
}

static void make_sections(void)
{
	Elf64_Shdr *s = seed.sections;

	s[1] = section(PLT, SHT_PROGBITS, 0x100, 0x20, 0, 0);
	s[1].sh_flags |= SHF_EXECINSTR;
	s[2] = section(0, SHT_DYNSYM, AT(dynsym), sizeof(seed.dynsym), 3, sizeof(Elf64_Sym));
	s[3] = section(0, SHT_STRTAB, AT(strings), sizeof(strings), 0, 0);
	s[4] = section(0, SHT_SYMTAB, AT(symtab), sizeof(seed.symtab), 3, sizeof(Elf64_Sym));
	s[5] = section(0, SHT_GNU_HASH, AT(hash), sizeof(seed.hash), 2, 0);
	s[6] = section(0, SHT_GNU_versym, AT(versym), 2 * NSYMS, 2, 2);
	s[7] = section(0, SHT_GNU_verdef, AT(verdef), sizeof(seed.verdef), 3, 0);
	s[8] = section(0, SHT_RELA, AT(rela), sizeof(seed.rela), 2, sizeof(Elf64_Rela));
	s[9] = section(BUILD_ID, SHT_NOTE, AT(note), sizeof(seed.note), 0, 0);
	s[10] = section(DEBUG_LINK, SHT_PROGBITS, AT(link), sizeof(seed.link), 0, 0);
	s[11] = section(DEBUG_DATA, SHT_PROGBITS, AT(link), sizeof(seed.link), 0, 0);
	s[12] = section(0, SHT_STRTAB, AT(section_names), sizeof(section_names), 0, 0);
	memcpy(seed.section_names, section_names, sizeof(section_names));
	memcpy(seed.link, "x.debug\0CRC.", 12);
}

static void make_seed(void)
{
	seed.ehdr = (Elf64_Ehdr){ .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
				  .e_type = ET_DYN,
				  .e_machine = EM_X86_64,
				  .e_version = 1,
				  .e_phoff = AT(phdrs),
				  .e_shoff = AT(sections),
				  .e_ehsize = sizeof(Elf64_Ehdr),
				  .e_phentsize = sizeof(Elf64_Phdr),
				  .e_phnum = 3,
				  .e_shentsize = sizeof(Elf64_Shdr),
				  .e_shnum = NSECTIONS,
				  .e_shstrndx = NSECTIONS - 1 };
	seed.note.header = (Elf64_Nhdr){ 4, 20, NT_GNU_BUILD_ID };
	memcpy(seed.note.name, "GNU", 4);
	make_symbols();
	make_relocations();
	make_dynamic();
	make_sections();
}

/* ---- the target ---- */

struct target {
	uint8_t file[MAX_FILE];
	size_t size;
	const uint8_t *noise;
	size_t noise_size, noise_at;
	uint8_t mode;
};

static int open_target(void *data, const char *path, uint64_t start, uint64_t end)
{
	const struct target *target = data;
	int fd;

	if (start >= end || !path[0] || (target->mode & NO_FILE))
		return -EACCES;
	fd = memfd_create("target", MFD_CLOEXEC);
	if (fd >= 0 && write(fd, target->file, target->size) != (ssize_t)target->size) {
		close(fd);
		return -EIO;
	}
	return fd;
}

static ssize_t read_target(void *data, uint64_t addr, void *buf, size_t len)
{
	struct target *target = data;
	uint8_t *bytes = buf;

	if (!(target->mode & NOISE)) {
		if (addr - BASE > target->size || len > target->size - (addr - BASE))
			return -1;
		memcpy(buf, target->file + (addr - BASE), len);
		return (ssize_t)len;
	}
	for (size_t i = 0; i < len; i++)
		bytes[i] = target->noise_size ?
				   target->noise[target->noise_at++ % target->noise_size] :
				   0;
	return (ssize_t)len;
}

static void patch(struct target *target, const uint8_t *data, size_t size)
{
	memcpy(target->file, &seed, sizeof(seed));
	target->size = sizeof(seed);
	for (; size >= 8; data += 8, size -= 8) {
		size_t at = (size_t)(data[0] | data[1] << 8) % sizeof(seed), width = data[2] % 9;
		uint64_t value;
		uint32_t low;

		memcpy(&low, data + 4, 4);
		value = data[3] & 1 ? UINT64_MAX - low : low;
		if (data[3] & 2)
			value <<= 32;
		if (data[3] & 4)
			target->size = at;
		else if (at + width <= sizeof(seed))
			memcpy(target->file + at, &value, width < 8 ? width : 8);
	}
}

static int visit(void *data, const struct symbols_entry *entry)
{
	size_t *sum = data;

	for (size_t i = 0; i < entry->count; i++)
		*sum += strlen(entry->names[i]);
	return *sum > 1 << 20;
}

static void ask(struct symbols_image *image)
{
	static const char *const specs[] = { "good",   "good@V1", "good@V2", "x.so:alias",
					     "thread", "chosen",  "local",   "x.so:static",
					     "import", "none" };
	struct symbols_error error;
	struct symbols_symbol symbol;
	uint64_t offset;
	size_t sum = 0;

	for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); i++)
		symbols_lookup(image, specs[i], &symbol, &error);
	for (uint64_t at = 0; at < 0x240; at += 0x30)
		symbols_at(image, BASE + at, &symbol, &offset, &error);
	symbols_foreach(image, NULL, visit, &sum, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char maps[] = "7f0000000000-7f0000001000 r-xp 00000000 fe:01 5 /lib/x.so\n"
				   "7f0000001000-7f0000002000 rw-p 00001000 fe:01 5 /lib/x.so\n"
				   "7f0000002000-7f0000003000 r-xp 00000000 fe:01 6 /lib/y.so\n";
	static struct target target;
	struct symbols_source source = { .maps = maps,
					 .maps_len = sizeof(maps) - 1,
					 .exe = "/lib/x.so",
					 .read = read_target,
					 .open = open_target,
					 .data = &target };
	struct symbols *symbols = symbols_new();
	struct symbols_image *image;

	if (!seed.ehdr.e_phnum)
		make_seed();
	target.mode = size ? data[0] & 7 : 0;
	target.noise = data;
	target.noise_size = size;
	target.noise_at = 0;
	if (target.mode & RAW) {
		target.size = size - 1 < MAX_FILE ? size - 1 : MAX_FILE;
		memcpy(target.file, data + 1, target.size);
	} else {
		patch(&target, data + (size != 0), size - (size != 0));
	}
	if (symbols && !symbols_image_new(symbols, &source, &image, NULL)) {
		ask(image);
		symbols_image_free(image);
	}
	symbols_free(symbols);
	return 0;
}
