/* SPDX-License-Identifier: MIT */
/*
 * object.c - reads a user's object and says whether it can be a payload.
 *
 * libelf bounds what it hands out by the file's length; every index and every size that comes from
 * the file is checked here before it is used. What is wrong becomes a reason, so that one run of
 * `scion payload check` names all that must be changed.
 */
#include "inject/object.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inject/object_code.h"
#include "inject/object_internal.h"
#include "inject/object_name.h"
#include "scion/payload.h"

void object_refuse(struct object *object, const char *format, ...)
{
	char *text;
	va_list ap;
	int len;

	if (object->reason_count == OBJECT_REASONS_MAX)
		return;
	va_start(ap, format);
	len = vasprintf(&text, format, ap);
	va_end(ap);
	if (len < 0)
		text = NULL;
	/* NULL is shown as "out of memory": refused all the same. */
	object->reasons[object->reason_count++] = text;
}

static const char *section_name(const struct object *object, size_t index)
{
	return index < object->section_count ? object->sections[index].name : NULL;
}

const char *object_symbol_name(const struct object *object, const GElf_Sym *sym)
{
	if (GELF_ST_TYPE(sym->st_info) == STT_SECTION)
		return section_name(object, sym->st_shndx);
	return elf_strptr(object->elf, object->symbol_names, sym->st_name);
}

bool object_symbol(const struct object *object, size_t index, GElf_Sym *sym)
{
	return index < object->symbol_count && gelf_getsym(object->symbols, (int)index, sym);
}

static bool starts_with(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

/* What kind of file is it? Anything but an x86-64 object ends the check: the rest is noise. */
static bool check_header(struct object *object)
{
	GElf_Ehdr ehdr;

	if (elf_kind(object->elf) != ELF_K_ELF || !gelf_getehdr(object->elf, &ehdr)) {
		object_refuse(object, "not an ELF object: a payload is compiled C; build it by "
				      "scion payload build");
		return false;
	}
	if (ehdr.e_ident[EI_CLASS] != ELFCLASS64 || ehdr.e_ident[EI_DATA] != ELFDATA2LSB ||
	    ehdr.e_machine != EM_X86_64) {
		object_refuse(object,
			      "an object for another machine (ELF class %d, machine %d), "
			      "not for x86-64",
			      ehdr.e_ident[EI_CLASS], ehdr.e_machine);
		return false;
	}
	if (ehdr.e_type != ET_REL) {
		object_refuse(object,
			      "a linked program or library (ELF type %d), not an object: "
			      "compile with -c and don't link",
			      ehdr.e_type);
		return false;
	}
	return true;
}

static void read_info(struct object *object, const Elf_Data *data)
{
	const uint32_t known = SCION_PAYLOAD_SYSCALLS | SCION_PAYLOAD_CALLS;
	struct scion_payload_info info;

	if (!data->d_buf || data->d_size != sizeof(info)) {
		object_refuse(object,
			      ".scion.info: %zu bytes, not %zu: SCION_PAYLOAD_INFO stands once in "
			      "a payload",
			      data->d_size, sizeof(info));
		return;
	}
	memcpy(&info, data->d_buf, sizeof(info));
	object->described = true;
	if (info.magic != SCION_PAYLOAD_MAGIC)
		object_refuse(object,
			      ".scion.info: magic 0x%x, not 0x%x: not written by "
			      "SCION_PAYLOAD_INFO",
			      info.magic, SCION_PAYLOAD_MAGIC);
	else if (info.abi != SCION_PAYLOAD_ABI)
		object_refuse(object,
			      ".scion.info: written for payload ABI %u, this scion has %u: "
			      "compile it again",
			      info.abi, SCION_PAYLOAD_ABI);
	else if (info.flags & ~known)
		object_refuse(object, ".scion.info: flags 0x%x are not known here",
			      info.flags & ~known);
	else
		object->flags = info.flags;
}

static void read_summary(struct object *object, const Elf_Data *data)
{
	struct object_name name;
	char text[sizeof(name.text)];

	if (!data->d_buf)
		return;
	snprintf(text, sizeof(text), "%.*s",
		 (int)(data->d_size < sizeof(text) ? data->d_size : sizeof(text)),
		 (const char *)data->d_buf);
	name = object_name(text);
	memcpy(object->summary, name.text, sizeof(name.text));
}

/* Names one variable of a section that can't be placed: that is what its author looks for. */
static struct object_name variable_of(const struct object *object, size_t section)
{
	GElf_Sym sym;
	size_t i;

	for (i = 1; object_symbol(object, i, &sym); i++)
		if (sym.st_shndx == section && GELF_ST_TYPE(sym.st_info) == STT_OBJECT)
			return object_name(object_symbol_name(object, &sym));
	return object_name("no name");
}

static void refuse_section(struct object *object, size_t index, const GElf_Shdr *shdr)
{
	struct object_name name = object_name(section_name(object, index));
	unsigned long long size = shdr->sh_size;

	object->sections[index].refused = true;
	if (object->reason_count == OBJECT_REASONS_MAX)
		return;
	if (shdr->sh_flags & SHF_TLS)
		object_refuse(object,
			      "%s: %llu bytes of thread-local data (%s): a payload keeps "
			      "its data in ctx->block",
			      name.text, size, variable_of(object, index).text);
	else if (shdr->sh_type == SHT_INIT_ARRAY || shdr->sh_type == SHT_FINI_ARRAY ||
		 shdr->sh_type == SHT_PREINIT_ARRAY || starts_with(name.text, ".ctors") ||
		 starts_with(name.text, ".dtors"))
		object_refuse(object, "%s: a constructor or destructor: nobody would call it",
			      name.text);
	else if (shdr->sh_flags & SHF_WRITE)
		object_refuse(object,
			      "%s: %llu bytes of data that can be written (%s): a payload "
			      "keeps its data in ctx->block",
			      name.text, size, variable_of(object, index).text);
	else
		object_refuse(object,
			      "%s: section of type %u: only code and constants can be put "
			      "into a target",
			      name.text, (unsigned)shdr->sh_type);
}

/* Sections that describe the object to others and need not be in the image. */
static bool is_dispensable(const char *name, const GElf_Shdr *shdr)
{
	return shdr->sh_type == SHT_NOTE || shdr->sh_type == SHT_X86_64_UNWIND ||
	       !strcmp(name, ".eh_frame");
}

/* Code and constants; constants that hold addresses are only written before they are placed. */
static bool is_placeable(const char *name, const GElf_Shdr *shdr)
{
	if (shdr->sh_type != SHT_PROGBITS || (shdr->sh_flags & (SHF_TLS | SHF_COMPRESSED)))
		return false;
	if (starts_with(name, ".ctors") || starts_with(name, ".dtors"))
		return false;
	return !(shdr->sh_flags & SHF_WRITE) || starts_with(name, ".data.rel.ro");
}

static void refuse_size(struct object *object)
{
	object_refuse(object, "larger than %u bytes: a payload is a small thing", OBJECT_IMAGE_MAX);
}

static void read_section(struct object *object, size_t index, Elf_Scn *scn, const GElf_Shdr *shdr)
{
	struct object_section *section = &object->sections[index];
	const char *name = section->name;

	if (!(shdr->sh_flags & SHF_ALLOC)) {
		if (name && starts_with(name, ".gnu.lto_") && !object->reason_count)
			object_refuse(object, "compiled for link-time optimisation: compile with "
					      "-fno-lto");
		return;
	}
	if (!shdr->sh_size)
		return;
	if (!name) {
		object_refuse(object, "section %zu has no name", index);
		return;
	}
	if (is_dispensable(name, shdr))
		return;
	/* Of other types libelf may make copies, and a file can have thousands of sections. */
	section->data = shdr->sh_type == SHT_PROGBITS ? elf_getdata(scn, NULL) : NULL;
	if (section->data && !strcmp(name, ".scion.info")) {
		read_info(object, section->data);
	} else if (section->data && !strcmp(name, ".scion.summary")) {
		read_summary(object, section->data);
	} else if (!is_placeable(name, shdr)) {
		refuse_section(object, index, shdr);
	} else if (!section->data || !section->data->d_buf) {
		object_refuse(object, "%s: %s", object_name(name).text, elf_errmsg(-1));
	} else if (shdr->sh_addralign > OBJECT_ALIGN) {
		object_refuse(object, "%s: wants to be aligned to %llu bytes, more than %u",
			      object_name(name).text, (unsigned long long)shdr->sh_addralign,
			      OBJECT_ALIGN);
	} else if (section->data->d_size > OBJECT_IMAGE_MAX - object->placed_size) {
		refuse_size(object);
		section->refused = true;
	} else {
		object->placed_size += section->data->d_size;
		section->placed = true;
		section->code = shdr->sh_flags & SHF_EXECINSTR;
		section->align = shdr->sh_addralign ? (size_t)shdr->sh_addralign : 1;
		if (section->align & (section->align - 1))
			section->align = OBJECT_ALIGN;
	}
}

/* Names first, and the symbol table: reasons about sections want to name both. */
static int read_names(struct object *object)
{
	size_t count, names;
	Elf_Scn *scn = NULL;

	if (elf_getshdrnum(object->elf, &count) || elf_getshdrstrndx(object->elf, &names)) {
		object_refuse(object, "no section table: %s", elf_errmsg(-1));
		return 0;
	}
	if (!count)
		return 0;
	object->sections = calloc(count, sizeof(*object->sections));
	if (!object->sections)
		return -ENOMEM;
	object->section_count = count;
	while ((scn = elf_nextscn(object->elf, scn))) {
		size_t index = elf_ndxscn(scn);
		GElf_Shdr shdr;

		if (index >= count || !gelf_getshdr(scn, &shdr))
			continue;
		object->sections[index].name = elf_strptr(object->elf, names, shdr.sh_name);
		if (shdr.sh_type != SHT_SYMTAB || object->symbols)
			continue;
		object->symbols = elf_getdata(scn, NULL);
		if (!object->symbols || !object->symbols->d_buf)
			continue;
		object->symbol_count = object->symbols->d_size / sizeof(Elf64_Sym);
		object->symbol_section = index;
		object->symbol_names = shdr.sh_link;
	}
	return 0;
}

static void read_sections(struct object *object)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(object->elf, scn))) {
		size_t index = elf_ndxscn(scn);
		GElf_Shdr shdr;

		if (index < object->section_count && gelf_getshdr(scn, &shdr))
			read_section(object, index, scn, &shdr);
	}
	if (!object->described && !object->reason_count)
		object_refuse(object,
			      "no .scion.info: put SCION_PAYLOAD_INFO(FLAGS); at file scope");
}

/* Is this where the payload is entered? Says why if it is only named so. */
static bool is_entry(struct object *object, const GElf_Sym *sym)
{
	const struct object_section *section = NULL;

	if (sym->st_shndx < object->section_count)
		section = &object->sections[sym->st_shndx];
	if (!section || !section->placed || !section->code ||
	    sym->st_value >= section->data->d_size) {
		object_refuse(object, "%s is not a function", SCION_PAYLOAD_ENTRY);
		return false;
	}
	if (GELF_ST_BIND(sym->st_info) == STB_LOCAL) {
		object_refuse(object, "%s is static: it is entered from outside",
			      SCION_PAYLOAD_ENTRY);
		return false;
	}
	return true;
}

static void read_symbols(struct object *object)
{
	bool seen = false;
	GElf_Sym sym;
	size_t i;

	for (i = 1; object_symbol(object, i, &sym); i++) {
		const char *name = object_symbol_name(object, &sym);

		if (sym.st_shndx == SHN_COMMON)
			object_refuse(object,
				      "%s: a variable that can be written: a payload keeps "
				      "its data in ctx->block",
				      object_name(name).text);
		if (seen || !name || strcmp(name, SCION_PAYLOAD_ENTRY) || sym.st_shndx == SHN_UNDEF)
			continue;
		seen = true;
		if (!is_entry(object, &sym))
			continue;
		object->entry_section = sym.st_shndx;
		object->entry_value = sym.st_value;
	}
	if (!seen)
		object_refuse(object,
			      "no function " SCION_PAYLOAD_ENTRY ": int64_t " SCION_PAYLOAD_ENTRY
			      "(struct scion_payload_ctx *ctx) is where a payload is "
			      "entered");
}

static void check_use(struct object *object, const struct object_section *section,
		      enum object_code_kind kind, const char *what, const char *todo)
{
	const Elf_Data *data = section->data;
	struct object_name name = object_name(section->name);
	struct object_code_use use;
	int ret = object_code_find(data->d_buf, data->d_size, kind, &use);

	if (ret < 0)
		object_refuse(object, "%s+0x%zx: not an instruction: data among the code",
			      name.text, use.offset);
	else if (ret)
		object_refuse(object, "%s+0x%zx: %s (%s): %s", name.text, use.offset, what,
			      use.text, todo);
}

static void check_code(struct object *object)
{
	size_t i;

	for (i = 0; i < object->section_count; i++) {
		const struct object_section *section = &object->sections[i];

		if (!section->placed || !section->code)
			continue;
		if (!(object->flags & SCION_PAYLOAD_CALLS))
			check_use(object, section, OBJECT_CODE_VECTOR,
				  "uses a register that nobody saves",
				  "compile with -mgeneral-regs-only, or mark the payload "
				  "SCION_PAYLOAD_CALLS");
		if (!(object->flags & SCION_PAYLOAD_SYSCALLS))
			check_use(object, section, OBJECT_CODE_SYSCALL, "makes a system call",
				  "mark the payload SCION_PAYLOAD_SYSCALLS");
	}
}

static size_t align_up(size_t offset, size_t align)
{
	return (offset + align - 1) & ~(align - 1);
}

/* Each step adds less than a file's length and stops beyond the limit: no overflow. */
static void lay_out(struct object *object)
{
	size_t offset = 0, i;
	int code;

	for (code = 1; code >= 0; code--) {
		for (i = 0; i < object->section_count && offset <= OBJECT_IMAGE_MAX; i++) {
			struct object_section *section = &object->sections[i];

			if (!section->placed || section->code != code)
				continue;
			section->offset = align_up(offset, section->align);
			offset = section->offset + section->data->d_size;
		}
	}
	object->stubs_offset = align_up(offset, OBJECT_STUB);
	object->slots_offset = object->stubs_offset + OBJECT_STUB * object->import_count;
	object->size = object->slots_offset + OBJECT_SLOT * object->slot_count;
	if (object->size > OBJECT_IMAGE_MAX)
		refuse_size(object);
}

static int object_read(struct object *object)
{
	int ret;

	elf_version(EV_CURRENT);
	object->elf = elf_memory((char *)object->bytes, object->len);
	if (!check_header(object))
		return 0;
	ret = read_names(object);
	if (ret)
		return ret;
	read_sections(object);
	read_symbols(object);
	object_check_relocations(object);
	check_code(object);
	lay_out(object);
	return 0;
}

int object_open(const void *bytes, size_t len, struct object **object)
{
	struct object *new = calloc(1, sizeof(*new));
	int ret = 0;

	*object = NULL;
	if (!new)
		return -ENOMEM;
	if (len > OBJECT_FILE_MAX) {
		object_refuse(new, "a file of %zu bytes: a payload's object has at most %u", len,
			      OBJECT_FILE_MAX);
		len = 0;
	}
	/* A copy: nobody changes it behind our back, and libelf may write to it. */
	new->bytes = malloc(len + 1);
	new->len = len;
	if (!new->bytes)
		ret = -ENOMEM;
	else if (len)
		memcpy(new->bytes, bytes, len);
	if (!ret && !new->reason_count)
		ret = object_read(new);
	if (ret) {
		object_close(new);
		return ret;
	}
	*object = new;
	return 0;
}

void object_close(struct object *object)
{
	size_t i;

	if (!object)
		return;
	for (i = 0; i < object->reason_count; i++)
		free(object->reasons[i]);
	free(object->sections);
	elf_end(object->elf);
	free(object->bytes);
	free(object);
}

size_t object_reason_count(const struct object *object)
{
	return object->reason_count;
}

const char *object_reason(const struct object *object, size_t i)
{
	const char *reason = i < object->reason_count ? object->reasons[i] : "";

	return reason ? reason : "out of memory";
}

size_t object_import_count(const struct object *object)
{
	return object->import_count;
}

const struct object_import *object_import(const struct object *object, size_t i)
{
	return i < object->import_count ? &object->imports[i] : NULL;
}

uint32_t object_flags(const struct object *object)
{
	return object->flags;
}

const char *object_summary(const struct object *object)
{
	return object->summary;
}

size_t object_size(const struct object *object)
{
	return object->size;
}
