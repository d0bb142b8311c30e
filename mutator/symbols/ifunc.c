/* SPDX-License-Identifier: MIT */
/*
 * What an IFUNC was resolved to.
 *
 * The resolver is the target's code and we run none of it, so the answer has to be where the
 * dynamic linker left it: in the slot of a relocation. R_X86_64_IRELATIVE names the resolver by its
 * value; JUMP_SLOT, GLOB_DAT and 64 name the symbol. A slot that is not resolved yet holds 0, or
 * leads into a procedure linkage table, or lacks the bias: none of these is code of the object
 * proper.
 */
#include "symbols/internal.h"

#include <string.h>

struct wanted {
	struct symbols_image *image;
	struct symobject *object; /* that defines it */
	const char *name;
	uint64_t resolver; /* value in the object's file */
};

static uint64_t slot_target(const struct wanted *wanted, uint64_t slot)
{
	const struct symobject *object = wanted->object;
	uint64_t target;

	if (!symimage_read(wanted->image, slot, &target, sizeof(target)))
		return 0;
	if (target < object->pub.start || target >= object->pub.end ||
	    !symfile_is_code(object->file, target - object->pub.bias) ||
	    symfile_is_plt(object->file, target - object->pub.bias))
		return 0;
	return target;
}

static bool names(const struct symobject *holder, const GElf_Rela *rela,
		  const struct wanted *wanted)
{
	const struct symtab *table = symfile_dynsym(holder->file);
	const char *name;
	GElf_Sym sym;

	return table && symtab_get(table, GELF_R_SYM(rela->r_info), &sym, &name) &&
	       !strcmp(name, wanted->name);
}

static bool concerns(const struct symobject *holder, const GElf_Rela *rela,
		     const struct wanted *wanted)
{
	switch (GELF_R_TYPE(rela->r_info)) {
	case R_X86_64_IRELATIVE:
		return holder == wanted->object && (uint64_t)rela->r_addend == wanted->resolver;
	case R_X86_64_JUMP_SLOT:
	case R_X86_64_GLOB_DAT:
		return names(holder, rela, wanted);
	case R_X86_64_64:
		return !rela->r_addend && names(holder, rela, wanted);
	default:
		return false;
	}
}

static uint64_t search_table(const struct symobject *holder, Elf_Data *data,
			     const struct wanted *wanted)
{
	size_t count = data->d_size / sizeof(Elf64_Rela);

	for (size_t i = 0; i < count; i++) {
		uint64_t target;
		GElf_Rela rela;

		if (!gelf_getrela(data, (int)i, &rela))
			return 0;
		if (!concerns(holder, &rela, wanted))
			continue;
		target = slot_target(wanted, rela.r_offset + holder->pub.bias);
		if (target)
			return target;
	}
	return 0;
}

static uint64_t search_object(const struct symobject *holder, const struct wanted *wanted)
{
	Elf_Data *tables[2];
	uint64_t target = 0;
	Elf_Scn *scn = NULL;
	bool any = false;
	GElf_Shdr shdr;

	while (!target && (scn = elf_nextscn(holder->file->elf, scn))) {
		Elf_Data *data;

		/* Not SHF_ALLOC: kept by ld -q for tools, no slots. */
		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_RELA ||
		    !(shdr.sh_flags & SHF_ALLOC))
			continue;
		any = true;
		data = symfile_data(holder->file, scn);
		if (data && data->d_type == ELF_T_RELA)
			target = search_table(holder, data, wanted);
	}
	if (any)
		return target;
	for (size_t i = symdyn_relocations(holder->file, tables); i-- && !target;)
		target = search_table(holder, tables[i], wanted);
	return target;
}

uint64_t symifunc_resolve(struct symbols_image *image, struct symobject *object, const char *name,
			  uint64_t resolver)
{
	struct wanted wanted = { image, object, name, resolver };
	uint64_t target;

	/* 32-bit relocations keep the addend in the slot, where it is overwritten. */
	if (!image->source.read || object->pub.is_32bit)
		return 0;
	target = search_object(object, &wanted);
	for (size_t i = 0; i < image->norder && !target; i++) {
		struct symobject *holder = symimage_objects(image, image->order[i]);

		for (; holder && !target; holder = holder->next) {
			if (holder != object && !holder->pub.is_32bit)
				target = search_object(holder, &wanted);
		}
	}
	return target;
}
