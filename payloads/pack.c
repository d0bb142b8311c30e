/* SPDX-License-Identifier: MIT */
/*
 * pack.c - checks linked payloads and writes them as C, for mutator/inject/builtin.h.
 *
 *	pack -o OUT.c --stub STUB.elf --boot BOOT.elf NAME=FILE.elf...
 *	pack --check FILE...
 *
 * The images come from payload.ld, linked with --emit-relocs, so that what the linker has resolved
 * can still be judged: a distance between two places of the image stays right wherever the image
 * is put, anything else does not. The build fails on such a relocation, on an undefined symbol, on
 * bytes outside code and constants, and on a vector register (the stub alone may save them).
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inject/object_code.h"
#include "inject/object_name.h"
#include "scion/payload.h"

enum { IMAGE_MAX = 4096, FILES_MAX = 64 };

struct image {
	char *name;
	const char *file;
	unsigned char code[IMAGE_MAX];
	size_t size;
	size_t notify, after; /* stub and boot only */
	uint32_t flags;
	bool described;
	char summary[128];
};

struct arguments {
	char *out;
	char *stub, *boot;
	char *files[FILES_MAX];
	size_t count;
	bool check;
};

static int fail(const char *file, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "pack: %s: ", file);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return -1;
}

static const char *section_name(Elf *elf, Elf_Scn *scn)
{
	GElf_Shdr shdr;
	size_t names;
	const char *name = NULL;

	if (scn && gelf_getshdr(scn, &shdr) && !elf_getshdrstrndx(elf, &names))
		name = elf_strptr(elf, names, shdr.sh_name);
	return name ? name : "?";
}

static int image_append(struct image *image, const GElf_Shdr *shdr, const Elf_Data *data)
{
	if (shdr->sh_addr > IMAGE_MAX || data->d_size > IMAGE_MAX - shdr->sh_addr)
		return fail(image->file, "larger than %d bytes", IMAGE_MAX);
	memcpy(image->code + shdr->sh_addr, data->d_buf, data->d_size);
	if (image->size < shdr->sh_addr + data->d_size)
		image->size = shdr->sh_addr + data->d_size;
	return 0;
}

static int check_code(const struct image *image, const char *section, const Elf_Data *data)
{
	struct object_code_use use;
	int ret = object_code_find(data->d_buf, data->d_size, OBJECT_CODE_VECTOR, &use);

	if (ret < 0)
		return fail(image->file, "%s+0x%zx: not an instruction", section, use.offset);
	if (ret)
		return fail(image->file, "%s+0x%zx: uses a vector register: %s", section,
			    use.offset, use.text);
	ret = object_code_find(data->d_buf, data->d_size, OBJECT_CODE_SYSCALL, &use);
	if (ret && !(image->flags & SCION_PAYLOAD_SYSCALLS))
		return fail(image->file, "%s+0x%zx: %s, but not marked SCION_PAYLOAD_SYSCALLS",
			    section, use.offset, use.text);
	return 0;
}

static int read_info(struct image *image, const Elf_Data *data)
{
	struct scion_payload_info info;

	if (data->d_size != sizeof(info))
		return fail(image->file, ".scion.info has %zu bytes, not %zu", data->d_size,
			    sizeof(info));
	memcpy(&info, data->d_buf, sizeof(info));
	if (info.magic != SCION_PAYLOAD_MAGIC || info.abi != SCION_PAYLOAD_ABI)
		return fail(image->file, ".scion.info is of another ABI");
	image->flags = info.flags;
	image->described = true;
	return 0;
}

/* One section with SHF_ALLOC: code, constants, the two that describe, or a reason to refuse. */
static int read_section(Elf *elf, Elf_Scn *scn, const GElf_Shdr *shdr, struct image *image)
{
	const char *name = section_name(elf, scn);
	Elf_Data *data = elf_getdata(scn, NULL);

	if (!shdr->sh_size)
		return 0;
	if (shdr->sh_type != SHT_PROGBITS || !data || !data->d_buf || (shdr->sh_flags & SHF_WRITE))
		return fail(image->file, "%s: %llu bytes that are neither code nor constants", name,
			    (unsigned long long)shdr->sh_size);
	if (!strcmp(name, ".scion.info"))
		return read_info(image, data);
	if (!strcmp(name, ".scion.summary")) {
		snprintf(image->summary, sizeof(image->summary), "%.*s", (int)data->d_size,
			 (const char *)data->d_buf);
		return 0;
	}
	return image_append(image, shdr, data);
}

static const char *symbol_name(Elf *elf, const GElf_Shdr *table, const GElf_Sym *sym)
{
	const char *name;

	if (GELF_ST_TYPE(sym->st_info) == STT_SECTION)
		return section_name(elf, elf_getscn(elf, sym->st_shndx));
	name = elf_strptr(elf, table->sh_link, sym->st_name);
	return name ? name : "?";
}

static int read_symbols(Elf *elf, Elf_Scn *scn, const GElf_Shdr *shdr, struct image *image)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t count = shdr->sh_entsize ? shdr->sh_size / shdr->sh_entsize : 0;
	size_t i;

	for (i = 1; i < count; i++) {
		const char *name;
		GElf_Sym sym;

		if (!gelf_getsym(data, (int)i, &sym))
			return fail(image->file, "symbol %zu: %s", i, elf_errmsg(-1));
		name = symbol_name(elf, shdr, &sym);
		if (sym.st_shndx == SHN_UNDEF)
			return fail(image->file, "undefined symbol %s", name);
		if (!strcmp(name, "stub_notify"))
			image->notify = sym.st_value;
		else if (!strcmp(name, "stub_after") || !strcmp(name, "boot_after"))
			image->after = sym.st_value;
	}
	return 0;
}

/* A distance within the linked image needs nothing at run time. */
static bool relocation_is_done(GElf_Half elf_type, GElf_Xword type)
{
	return elf_type == ET_EXEC && (type == R_X86_64_PC32 || type == R_X86_64_PLT32);
}

static int check_relocations(Elf *elf, Elf_Scn *scn, const GElf_Shdr *shdr, struct image *image)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	Elf_Scn *symbols = elf_getscn(elf, shdr->sh_link);
	Elf_Scn *target = elf_getscn(elf, shdr->sh_info);
	size_t count = shdr->sh_entsize ? shdr->sh_size / shdr->sh_entsize : 0;
	GElf_Shdr table, target_header;
	GElf_Ehdr ehdr;
	size_t i;

	if (!gelf_getehdr(elf, &ehdr) || !gelf_getshdr(symbols, &table) ||
	    !gelf_getshdr(target, &target_header))
		return fail(image->file, "%s", elf_errmsg(-1));
	if (!(target_header.sh_flags & SHF_ALLOC))
		return 0;
	for (i = 0; i < count; i++) {
		GElf_Rela rela;
		GElf_Sym sym;

		if (!gelf_getrela(data, (int)i, &rela) ||
		    !gelf_getsym(elf_getdata(symbols, NULL), (int)GELF_R_SYM(rela.r_info), &sym))
			return fail(image->file, "relocation %zu: %s", i, elf_errmsg(-1));
		if (relocation_is_done(ehdr.e_type, GELF_R_TYPE(rela.r_info)))
			continue;
		return fail(image->file, "%s+0x%llx: relocation %s against %s",
			    section_name(elf, target), (unsigned long long)rela.r_offset,
			    object_relocation_name(GELF_R_TYPE(rela.r_info)),
			    symbol_name(elf, &table, &sym));
	}
	return 0;
}

/*
 * Relocations and code come last: "undefined symbol" says more than "relocation against", and what
 * code may do stands in the description.
 */
static int read_pass(Elf *elf, struct image *image, bool stub, bool last)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr shdr;
		int ret = 0;

		if (!gelf_getshdr(scn, &shdr))
			return fail(image->file, "%s", elf_errmsg(-1));
		if (last && shdr.sh_type == SHT_RELA)
			ret = check_relocations(elf, scn, &shdr, image);
		else if (last && !stub && (shdr.sh_flags & SHF_EXECINSTR))
			ret = check_code(image, section_name(elf, scn), elf_getdata(scn, NULL));
		else if (last)
			continue;
		else if (shdr.sh_type == SHT_SYMTAB)
			ret = read_symbols(elf, scn, &shdr, image);
		else if (shdr.sh_flags & SHF_ALLOC)
			ret = read_section(elf, scn, &shdr, image);
		if (ret)
			return ret;
	}
	return 0;
}

static int read_elf(Elf *elf, struct image *image, bool stub)
{
	if (elf_kind(elf) != ELF_K_ELF)
		return fail(image->file, "not an ELF file");
	if (read_pass(elf, image, stub, false) || read_pass(elf, image, stub, true))
		return -1;
	if (stub && !image->after)
		return fail(image->file, "no stub_after or boot_after");
	if (!stub && !image->described)
		return fail(image->file, "no SCION_PAYLOAD_INFO");
	return 0;
}

static int image_read(struct image *image, bool stub)
{
	int fd = open(image->file, O_RDONLY | O_CLOEXEC);
	Elf *elf;
	int ret;

	if (fd < 0)
		return fail(image->file, "%s", strerror(errno));
	elf = elf_begin(fd, ELF_C_READ, NULL);
	ret = elf ? read_elf(elf, image, stub) : fail(image->file, "%s", elf_errmsg(-1));
	elf_end(elf);
	close(fd);
	return ret;
}

static void write_code(FILE *out, const struct image *image)
{
	size_t i;

	fprintf(out, "\nstatic const unsigned char code_%s[] = {", image->name);
	for (i = 0; i < image->size; i++)
		fprintf(out, "%s0x%02x,", i % 12 ? " " : "\n\t", image->code[i]);
	fprintf(out, "\n};\n");
}

static int image_compare(const void *a, const void *b)
{
	return strcmp(((const struct image *)a)->name, ((const struct image *)b)->name);
}

static void write_all(FILE *out, const struct image *stub, const struct image *boot,
		      const struct image *images, size_t count)
{
	size_t i;

	fprintf(out, "/* Written by payloads/pack.c. */\n#include \"inject/builtin.h\"\n");
	write_code(out, stub);
	fprintf(out,
		"\nconst struct builtin_stub builtin_stub = {code_stub, sizeof(code_stub), "
		"%zu, %zu};\n",
		stub->notify, stub->after);
	write_code(out, boot);
	fprintf(out,
		"\nconst struct builtin_boot builtin_boot = {code_boot, sizeof(code_boot), %zu};\n",
		boot->after);
	for (i = 0; i < count; i++)
		write_code(out, &images[i]);
	fprintf(out, "\nconst struct builtin_payload builtin_payloads[] = {\n");
	for (i = 0; i < count; i++)
		fprintf(out, "\t{\"%s\", \"%s\", code_%s, sizeof(code_%s), 0, %u},\n",
			images[i].name, images[i].summary, images[i].name, images[i].name,
			images[i].flags);
	fprintf(out, "};\n\nconst size_t builtin_payload_count = %zu;\n", count);
}

static int pack(const struct arguments *arguments, struct image *images)
{
	struct image *stub = &images[arguments->count], *boot = stub + 1;
	FILE *out;
	size_t i;

	stub->name = (char[]){ "stub" };
	stub->file = arguments->stub;
	boot->name = (char[]){ "boot" };
	boot->file = arguments->boot;
	if (image_read(stub, true) || image_read(boot, true))
		return 1;
	for (i = 0; i < arguments->count; i++) {
		char *equals;

		images[i].name = strdup(arguments->files[i]);
		equals = images[i].name ? strchr(images[i].name, '=') : NULL;
		if (!equals)
			return fail(arguments->files[i], "not NAME=FILE"), 2;
		*equals = '\0';
		images[i].file = equals + 1;
		if (image_read(&images[i], false))
			return 1;
	}
	qsort(images, arguments->count, sizeof(*images), image_compare);
	out = fopen(arguments->out, "w");
	if (!out)
		return fail(arguments->out, "%s", strerror(errno)), 1;
	write_all(out, stub, boot, images, arguments->count);
	if (fclose(out))
		return fail(arguments->out, "%s", strerror(errno)), 1;
	return 0;
}

static int check(const struct arguments *arguments, struct image *images)
{
	size_t i;

	for (i = 0; i < arguments->count; i++) {
		images[i].file = arguments->files[i];
		if (image_read(&images[i], false))
			return 1;
	}
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'o':
		arguments->out = arg;
		return 0;
	case 's':
		arguments->stub = arg;
		return 0;
	case 'b':
		arguments->boot = arg;
		return 0;
	case 'c':
		arguments->check = true;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->count == FILES_MAX)
			argp_error(state, "more than %d files", FILES_MAX);
		arguments->files[arguments->count++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (!arguments->check && (!arguments->out || !arguments->stub || !arguments->boot))
			argp_error(state, "-o, --stub and --boot are needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "output", 'o', "FILE", 0, "C file to write", 0 },
		{ "stub", 's', "FILE", 0, "linked stub", 0 },
		{ "boot", 'b', "FILE", 0, "linked boot code", 0 },
		{ "check", 'c', NULL, 0, "only check the files", 0 },
		{ 0 },
	};
	static const struct argp argp = { options, parse, "FILE...", NULL, NULL, NULL, NULL };
	struct arguments arguments = { 0 };
	struct image *images;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	elf_version(EV_CURRENT);
	images = calloc(arguments.count + 2, sizeof(*images));
	if (!images)
		return 1;
	ret = arguments.check ? check(&arguments, images) : pack(&arguments, images);
	free(images);
	return ret;
}
