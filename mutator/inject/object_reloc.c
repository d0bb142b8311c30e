/* SPDX-License-Identifier: MIT */
/*
 * object_reloc.c - relocations of a user's object: which are known, and how they are applied.
 *
 *	S  address of the symbol      P  address of the place      A  addend
 *	G  address of the symbol's slot
 *
 *	R_X86_64_64                      S + A
 *	R_X86_64_PC64, PC32, PLT32       S + A - P; 32 bits: a call goes by a jump stub where S is
 *	                                 out of reach
 *	R_X86_64_*GOTPCREL*              G + A - P; never relaxed, the slot is always there
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inject/object_internal.h"
#include "inject/object_name.h"
#include "scion/payload.h"

enum relocation_kind { RELOCATION_ABSOLUTE, RELOCATION_DISTANCE, RELOCATION_SLOT };

struct relocation {
	GElf_Xword type;
	enum relocation_kind kind;
	size_t symbol;
	GElf_Sym sym;
	size_t offset; /* in the section */
	size_t width;
	int64_t addend;
	bool call; /* the operand of a direct or indirect call or jump */
};

/* Width in bytes, 0 if the type is not known. */
static size_t relocation_width(GElf_Xword type, enum relocation_kind *kind)
{
	switch (type) {
	case R_X86_64_64:
		*kind = RELOCATION_ABSOLUTE;
		return 8;
	case R_X86_64_PC64:
		*kind = RELOCATION_DISTANCE;
		return 8;
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
		*kind = RELOCATION_DISTANCE;
		return 4;
	case R_X86_64_GOTPCREL:
	case R_X86_64_GOTPCRELX:
	case R_X86_64_REX_GOTPCRELX:
		*kind = RELOCATION_SLOT;
		return 4;
	default:
		return 0;
	}
}

static const char *relocation_trouble(GElf_Xword type)
{
	switch (type) {
	case R_X86_64_32:
	case R_X86_64_32S:
	case R_X86_64_16:
	case R_X86_64_8:
		return "not position independent: compile with -fPIC";
	case R_X86_64_TLSGD:
	case R_X86_64_TLSLD:
	case R_X86_64_DTPOFF32:
	case R_X86_64_GOTTPOFF:
	case R_X86_64_TPOFF32:
	case R_X86_64_DTPMOD64:
	case R_X86_64_DTPOFF64:
	case R_X86_64_TPOFF64:
	case R_X86_64_GOTPC32_TLSDESC:
	case R_X86_64_TLSDESC_CALL:
	case R_X86_64_TLSDESC:
		return "thread-local data can't be reached from a payload";
	default:
		return "a relocation that scion does not know: compile with -fPIC -mcmodel=small";
	}
}

/* Is the 4-byte operand at this offset that of call, jmp, call *(rip) or jmp *(rip)? */
static bool is_call(const struct object_section *section, size_t offset)
{
	const unsigned char *code = section->data->d_buf;

	if (!section->code || offset < 1)
		return false;
	if (code[offset - 1] == 0xe8 || code[offset - 1] == 0xe9)
		return true;
	return offset >= 2 && code[offset - 2] == 0xff &&
	       (code[offset - 1] == 0x15 || code[offset - 1] == 0x25);
}

/* Reads relocation i of data. Returns 0; 1 for one that does nothing; -1 refused, with a reason. */
static int relocation_read(struct object *object, const struct object_section *section,
			   Elf_Data *data, size_t i, struct relocation *relocation)
{
	struct object_name name = object_name(section->name);
	GElf_Rela rela;

	if (!gelf_getrela(data, (int)i, &rela)) {
		object_refuse(object, "%s: relocation %zu: %s", name.text, i, elf_errmsg(-1));
		return -1;
	}
	relocation->type = GELF_R_TYPE(rela.r_info);
	relocation->symbol = GELF_R_SYM(rela.r_info);
	relocation->addend = rela.r_addend;
	if (relocation->type == R_X86_64_NONE)
		return 1;
	if (!object_symbol(object, relocation->symbol, &relocation->sym)) {
		object_refuse(object, "%s: relocation %zu names symbol %zu, which does not exist",
			      name.text, i, relocation->symbol);
		return -1;
	}
	relocation->width = relocation_width(relocation->type, &relocation->kind);
	if (!relocation->width) {
		object_refuse(object, "%s+0x%llx: %s against %s: %s", name.text,
			      (unsigned long long)rela.r_offset,
			      object_relocation_name(relocation->type),
			      object_name(object_symbol_name(object, &relocation->sym)).text,
			      relocation_trouble(relocation->type));
		return -1;
	}
	if (rela.r_offset > section->data->d_size ||
	    section->data->d_size - rela.r_offset < relocation->width) {
		object_refuse(object, "%s: relocation %zu lies behind the section's end", name.text,
			      i);
		return -1;
	}
	relocation->offset = (size_t)rela.r_offset;
	relocation->call = relocation->width == 4 && is_call(section, relocation->offset);
	return 0;
}

int object_find_import(const struct object *object, size_t symbol)
{
	size_t i;

	for (i = 0; i < object->import_count; i++)
		if (object->import_symbol[i] == symbol)
			return (int)i;
	return -1;
}

int object_find_slot(const struct object *object, size_t symbol)
{
	size_t i;

	for (i = 0; i < object->slot_count; i++)
		if (object->slot_symbol[i] == symbol)
			return (int)i;
	return -1;
}

static void add_import(struct object *object, const struct object_section *section,
		       const struct relocation *relocation)
{
	const char *name = object_symbol_name(object, &relocation->sym);
	bool function = relocation->type == R_X86_64_PLT32 || relocation->call;
	int i = object_find_import(object, relocation->symbol);
	struct object_import *import;

	if (i < 0) {
		if (!name || !*name || object->import_count == OBJECT_IMPORTS_MAX) {
			object_refuse(object, "%s+0x%zx: %s", object_name(section->name).text,
				      relocation->offset,
				      name && *name ? "uses too many symbols of the target" :
						      "uses an undefined symbol without a name");
			return;
		}
		i = (int)object->import_count++;
		object->import_symbol[i] = relocation->symbol;
		object->imports[i].name = name;
		object->imports[i].weak = GELF_ST_BIND(relocation->sym.st_info) == STB_WEAK;
	}
	import = &object->imports[i];
	if (function && !import->function && !(object->flags & SCION_PAYLOAD_CALLS))
		object_refuse(object,
			      "%s+0x%zx: calls %s of the target: mark the payload "
			      "SCION_PAYLOAD_CALLS, or don't call",
			      object_name(section->name).text, relocation->offset,
			      object_name(name).text);
	import->function |= function;
}

static void add_slot(struct object *object, const struct relocation *relocation)
{
	if (object_find_slot(object, relocation->symbol) >= 0)
		return;
	if (object->slot_count == OBJECT_SLOTS_MAX)
		object_refuse(object, "uses more than %d addresses", OBJECT_SLOTS_MAX);
	else
		object->slot_symbol[object->slot_count++] = relocation->symbol;
}

/* Is what is defined here part of the image? Says so if not, if nobody has. */
static void check_defined(struct object *object, const struct object_section *from,
			  const struct relocation *relocation)
{
	const GElf_Sym *sym = &relocation->sym;
	const struct object_section *section = NULL;

	if (sym->st_shndx == SHN_ABS || sym->st_shndx == SHN_COMMON)
		return;
	if (sym->st_shndx < object->section_count)
		section = &object->sections[sym->st_shndx];
	if (section && (section->placed || section->refused))
		return;
	object_refuse(object, "%s+0x%zx: refers to %s, which is not put into the target",
		      object_name(from->name).text, relocation->offset,
		      object_name(object_symbol_name(object, sym)).text);
}

static void relocation_check(struct object *object, const struct object_section *section,
			     const struct relocation *relocation)
{
	const GElf_Sym *sym = &relocation->sym;
	unsigned char type = GELF_ST_TYPE(sym->st_info);

	if (type == STT_TLS || type == STT_GNU_IFUNC) {
		object_refuse(object, "%s+0x%zx: %s is %s", object_name(section->name).text,
			      relocation->offset, object_name(object_symbol_name(object, sym)).text,
			      type == STT_TLS ?
				      "thread-local data, which can't be reached from a payload" :
				      "an indirect function: nobody would resolve it");
		return;
	}
	if (sym->st_shndx == SHN_UNDEF)
		add_import(object, section, relocation);
	else
		check_defined(object, section, relocation);
	if (relocation->kind == RELOCATION_SLOT)
		add_slot(object, relocation);
}

/* Is scn a relocation table of a placed section? */
static bool is_relocation_table(const struct object *object, Elf_Scn *scn, GElf_Shdr *shdr)
{
	return gelf_getshdr(scn, shdr) && (shdr->sh_type == SHT_RELA || shdr->sh_type == SHT_REL) &&
	       shdr->sh_size && shdr->sh_info < object->section_count &&
	       object->sections[shdr->sh_info].placed;
}

/* Checks one table of a placed section. */
static void check_table(struct object *object, Elf_Scn *scn, const GElf_Shdr *shdr)
{
	const struct object_section *section = &object->sections[shdr->sh_info];
	size_t room = OBJECT_RELOCATIONS_MAX - object->relocation_count, count, i;
	Elf_Data *data;

	if (shdr->sh_size / sizeof(Elf64_Rela) > room) {
		object_refuse(object, "%s: more relocations than a payload can have",
			      object_name(section->name).text);
		return;
	}
	data = shdr->sh_type == SHT_RELA ? elf_getdata(scn, NULL) : NULL;
	if (!data || !data->d_buf || shdr->sh_link != object->symbol_section) {
		object_refuse(object, "%s: relocations that can't be read",
			      object_name(section->name).text);
		return;
	}
	count = data->d_size / sizeof(Elf64_Rela);
	object->relocation_count += count;
	for (i = 0; i < count && object->reason_count < OBJECT_REASONS_MAX; i++) {
		struct relocation relocation;

		if (!relocation_read(object, section, data, i, &relocation))
			relocation_check(object, section, &relocation);
	}
}

void object_check_relocations(struct object *object)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(object->elf, scn)) && object->reason_count < OBJECT_REASONS_MAX) {
		GElf_Shdr shdr;

		if (is_relocation_table(object, scn, &shdr))
			check_table(object, scn, &shdr);
	}
}

/* What object_link works on. */
struct link {
	struct object *object; /* only reasons are ever added, and none at this stage */
	uint64_t base;
	unsigned char *image;
	uint64_t address[OBJECT_IMPORTS_MAX];
	struct object_error *error;
};

static int link_fail(struct link *link, int ret, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int link_fail(struct link *link, int ret, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(link->error->text, sizeof(link->error->text), format, ap);
	va_end(ap);
	return ret;
}

static int link_resolve(struct link *link, object_resolve *resolve, void *arg)
{
	size_t i;

	for (i = 0; i < link->object->import_count; i++) {
		const struct object_import *import = &link->object->imports[i];
		int ret = resolve(arg, import, &link->address[i]);

		if (ret == -ENOENT && import->weak)
			link->address[i] = 0;
		else if (ret == -ENOENT)
			return link_fail(link, ret, "%s: no such symbol in the target",
					 object_name(import->name).text);
		else if (ret)
			return link_fail(link, ret, "%s: %s", object_name(import->name).text,
					 strerror(-ret));
	}
	return 0;
}

static uint64_t link_address(const struct link *link, size_t symbol, const GElf_Sym *sym)
{
	int import;

	if (sym->st_shndx == SHN_ABS)
		return sym->st_value;
	if (sym->st_shndx != SHN_UNDEF)
		return link->base + link->object->sections[sym->st_shndx].offset + sym->st_value;
	import = object_find_import(link->object, symbol);
	return import < 0 ? 0 : link->address[import];
}

static void link_write_stubs(struct link *link)
{
	static const unsigned char jump[] = { 0xff, 0x25, 0, 0, 0, 0 };
	size_t i;

	for (i = 0; i < link->object->import_count; i++) {
		unsigned char *stub = link->image + link->object->stubs_offset + OBJECT_STUB * i;

		memcpy(stub, jump, sizeof(jump));
		memcpy(stub + sizeof(jump), &link->address[i], sizeof(link->address[i]));
	}
}

static int link_write_slots(struct link *link)
{
	size_t i;

	for (i = 0; i < link->object->slot_count; i++) {
		size_t symbol = link->object->slot_symbol[i];
		uint64_t address;
		GElf_Sym sym;

		if (!object_symbol(link->object, symbol, &sym))
			return link_fail(link, -EINVAL, "symbol %zu is gone", symbol);
		address = link_address(link, symbol, &sym);
		memcpy(link->image + link->object->slots_offset + OBJECT_SLOT * i, &address,
		       sizeof(address));
	}
	return 0;
}

static bool fits_32(uint64_t distance)
{
	return (int64_t)distance >= INT32_MIN && (int64_t)distance <= INT32_MAX;
}

static int relocation_apply(struct link *link, const struct object_section *section,
			    const struct relocation *relocation)
{
	const struct object *object = link->object;
	uint64_t place = link->base + section->offset + relocation->offset;
	uint64_t addend = (uint64_t)relocation->addend;
	uint64_t value = link_address(link, relocation->symbol, &relocation->sym) + addend;

	if (relocation->kind == RELOCATION_SLOT)
		value = link->base + object->slots_offset + addend +
			OBJECT_SLOT * (uint64_t)object_find_slot(object, relocation->symbol);
	if (relocation->kind != RELOCATION_ABSOLUTE)
		value -= place;
	if (relocation->width == 4 && !fits_32(value)) {
		int import = object_find_import(object, relocation->symbol);

		if (import < 0 || !(relocation->type == R_X86_64_PLT32 || relocation->call))
			return link_fail(
				link, -ERANGE,
				"%s+0x%zx: %s is out of reach, %lld bytes away: compile "
				"with -fPIC",
				object_name(section->name).text, relocation->offset,
				object_name(object_symbol_name(object, &relocation->sym)).text,
				(long long)value);
		value = link->base + object->stubs_offset + OBJECT_STUB * (uint64_t)import +
			addend - place;
	}
	memcpy(link->image + section->offset + relocation->offset, &value, relocation->width);
	return 0;
}

static int link_apply(struct link *link)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(link->object->elf, scn))) {
		const struct object_section *section;
		Elf_Data *data;
		GElf_Shdr shdr;
		size_t i;

		if (!is_relocation_table(link->object, scn, &shdr))
			continue;
		section = &link->object->sections[shdr.sh_info];
		data = elf_getdata(scn, NULL);
		for (i = 0; data && i < data->d_size / sizeof(Elf64_Rela); i++) {
			struct relocation relocation;
			int ret = relocation_read(link->object, section, data, i, &relocation);

			if (ret < 0)
				return link_fail(link, -EINVAL, "relocation %zu is broken", i);
			if (!ret)
				ret = relocation_apply(link, section, &relocation);
			if (ret < 0)
				return ret;
		}
	}
	return 0;
}

static void link_copy(struct link *link)
{
	const struct object *object = link->object;
	size_t i;

	memset(link->image, 0, object->size);
	for (i = 0; i < object->section_count; i++)
		if (object->sections[i].placed)
			memcpy(link->image + object->sections[i].offset,
			       object->sections[i].data->d_buf, object->sections[i].data->d_size);
}

int object_link(const struct object *object, uint64_t base, object_resolve *resolve, void *arg,
		unsigned char *image, size_t size, size_t *entry, struct object_error *error)
{
	/* libelf caches behind its handle; what the object says does not change. */
	struct link link = { .object = (struct object *)(uintptr_t)object, .base = base };
	int ret;

	link.image = image;
	link.error = error;
	error->text[0] = '\0';
	if (object->reason_count)
		return link_fail(&link, -EINVAL, "%s", object_reason(object, 0));
	if (base % OBJECT_ALIGN || base > UINT64_MAX - OBJECT_IMAGE_MAX || size < object->size)
		return link_fail(&link, -EINVAL, "no place for %zu bytes at 0x%llx", object->size,
				 (unsigned long long)base);
	ret = link_resolve(&link, resolve, arg);
	if (ret)
		return ret;
	link_copy(&link);
	link_write_stubs(&link);
	ret = link_write_slots(&link);
	if (!ret)
		ret = link_apply(&link);
	*entry = object->sections[object->entry_section].offset + (size_t)object->entry_value;
	return ret;
}
