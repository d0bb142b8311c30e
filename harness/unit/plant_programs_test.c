/* SPDX-License-Identifier: MIT */
/*
 * The functions of real programs: at least 99.5 % can be planted, all at once; each plan's copy
 * does what the original does; each refusal has a reason. Nothing is run.
 *
 * With arguments: the same for those files, and how long it took.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../golden/relocate_check.h"
#include "probe/plant.h"

struct program {
	int fd;
	Elf *elf;
	struct extent_text text;      /* the segment that .text lies in */
	GElf_Shdr section;            /* .text */
	struct extent_function *list; /* sorted by start */
	size_t count, room;
};

struct tally {
	size_t functions, by_way[3], refused[PLANT_REFUSALS], short_refused[PLANT_REFUSALS], rounds;
};

static void add(struct program *program, uint64_t start, uint64_t size)
{
	if (start - program->section.sh_addr >= program->section.sh_size || !size)
		return;
	if (program->count == program->room) {
		program->room = program->room ? program->room * 2 : 1024;
		program->list = reallocarray(program->list, program->room, sizeof(*program->list));
		assert_non_null(program->list);
	}
	program->list[program->count++] = (struct extent_function){ start, size };
}

static void add_symbols(struct program *program, Elf_Scn *scn, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Sym sym;

	for (int i = 0; data && i < (int)(header->sh_size / header->sh_entsize); i++)
		if (gelf_getsym(data, i, &sym) && sym.st_shndx != SHN_UNDEF &&
		    (GELF_ST_TYPE(sym.st_info) == STT_FUNC ||
		     GELF_ST_TYPE(sym.st_info) == STT_GNU_IFUNC))
			add(program, sym.st_value, sym.st_size);
}

/*
 * A part that a compiler split off (".cold") has a frame of its own, too, but no caller: it begins
 * with a stack that is not that of an entry, so its rules start before any code.
 */
static bool is_entry(const Dwarf_FDE *fde, const uint8_t *rules)
{
	enum { NOP = 0, ADVANCE = 0x40, ADVANCE1 = 2, ADVANCE4 = 4 };

	if (rules >= fde->end)
		return true;
	return *rules == NOP || (*rules & 0xc0) == ADVANCE ||
	       (*rules >= ADVANCE1 && *rules <= ADVANCE4);
}

/* The addresses are pcrel sdata4, and there is one byte of augmentation length or more. */
static void add_frame(struct program *program, const Dwarf_FDE *fde, uint64_t addr)
{
	const uint8_t *bytes = fde->start;
	int32_t start;
	uint32_t size;

	if (fde->end - bytes < 9)
		return;
	memcpy(&start, bytes, 4);
	memcpy(&size, bytes + 4, 4);
	if (is_entry(fde, bytes + 9 + (bytes[8] & 0x7f)))
		add(program, addr + (uint64_t)(int64_t)start, size);
}

static void add_frames(struct program *program, Elf_Scn *scn, const GElf_Shdr *header)
{
	Elf_Data *data = elf_rawdata(scn, NULL);
	Dwarf_Off off = 0, next = 0;
	Dwarf_CFI_Entry entry;
	GElf_Ehdr ehdr;

	gelf_getehdr(program->elf, &ehdr);
	while (data) {
		int ret = dwarf_next_cfi(ehdr.e_ident, data, true, off, &next, &entry);

		if (ret > 0 || (ret < 0 && next <= off))
			return;
		off = next;
		if (!ret && !dwarf_cfi_cie_p(&entry))
			add_frame(program, &entry.fde,
				  header->sh_addr +
					  (uint64_t)(entry.fde.start - (uint8_t *)data->d_buf));
	}
}

static int by_start(const void *a, const void *b)
{
	const struct extent_function *left = a, *right = b;

	if (left->start != right->start)
		return left->start < right->start ? -1 : 1;
	return (left->size > right->size) - (left->size < right->size);
}

/* One function per address: the longest. */
static void fold(struct program *program)
{
	size_t kept = 0;

	if (program->count)
		qsort(program->list, program->count, sizeof(*program->list), by_start);
	for (size_t i = 0; i < program->count; i++) {
		if (kept && program->list[kept - 1].start == program->list[i].start)
			kept--;
		program->list[kept++] = program->list[i];
	}
	program->count = kept;
}

static void find_text(struct program *program)
{
	size_t count = 0, size;
	const char *image = elf_rawfile(program->elf, &size);
	GElf_Phdr phdr;

	assert_int_equal(elf_getphdrnum(program->elf, &count), 0);
	for (int i = 0; i < (int)count; i++) {
		gelf_getphdr(program->elf, i, &phdr);
		if (phdr.p_type != PT_LOAD ||
		    program->section.sh_addr - phdr.p_vaddr >= phdr.p_filesz)
			continue;
		assert_true(phdr.p_offset + phdr.p_filesz <= size);
		program->text.bytes = (const uint8_t *)image + phdr.p_offset;
		program->text.addr = phdr.p_vaddr;
		program->text.len = phdr.p_filesz;
	}
	assert_non_null(program->text.bytes);
}

static bool program_open(struct program *program, const char *path)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr header;
	size_t names;

	memset(program, 0, sizeof(*program));
	elf_version(EV_CURRENT);
	program->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (program->fd < 0)
		return false;
	program->elf = elf_begin(program->fd, ELF_C_READ_MMAP, NULL);
	if (elf_getshdrstrndx(program->elf, &names)) {
		elf_end(program->elf);
		close(program->fd);
		return false;
	}
	while ((scn = elf_nextscn(program->elf, scn))) {
		gelf_getshdr(scn, &header);
		if (!strcmp(elf_strptr(program->elf, names, header.sh_name), ".text"))
			program->section = header;
	}
	while ((scn = elf_nextscn(program->elf, scn))) {
		gelf_getshdr(scn, &header);
		if (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM)
			add_symbols(program, scn, &header);
		/* Stripped programs have no symbols, but know how to unwind. */
		if (!strcmp(elf_strptr(program->elf, names, header.sh_name), ".eh_frame"))
			add_frames(program, scn, &header);
	}
	find_text(program);
	fold(program);
	return true;
}

static void program_close(struct program *program)
{
	free(program->list);
	elf_end(program->elf);
	close(program->fd);
}

static void copy_is_right(const struct extent_text *text, const struct plant_plan *plan)
{
	struct relocate_job job = {
		.bytes = text->bytes + (plan->at - text->addr),
		.len = plan->moved,
		.patch = plan->patch,
		.from = plan->at,
		.to = text->addr + text->len + 0x100000,
	};
	struct relocate result;
	const char *wrong;

	assert_int_equal(relocate(&job, &result), RELOCATE_DONE);
	wrong = relocate_check(&job, &result);
	if (wrong)
		fail_msg("%#lx: %s", plan->at, wrong);
	job.to = UINT64_C(0x7f0000000000);
	if (!relocate(&job, &result)) {
		wrong = relocate_check(&job, &result);
		if (wrong)
			fail_msg("%#lx, moved far: %s", plan->at, wrong);
	}
}

static void plant_all(const struct program *program, struct tally *tally, bool verbose)
{
	struct plant_plan plan;
	struct plant *plant;

	assert_int_equal(plant_new(&program->text, program->list, program->count, &plant), 0);
	for (size_t i = 0; i < program->count; i++) {
		tally->functions++;
		tally->by_way[plant_plan(plant, i, &plan)]++;
		tally->rounds += plan.counts_rounds;
		if (plan.way == PLANT_REFUSED) {
			tally->refused[plan.refusal]++;
			tally->short_refused[plan.short_refusal]++;
			assert_string_not_equal(plant_why(plan.refusal, plan.obstacle), "");
			assert_string_not_equal(plant_why(plan.short_refusal, plan.obstacle), "");
			if (verbose)
				printf("    %#lx: %s; %s\n", program->list[i].start,
				       plant_why(plan.refusal, plan.obstacle),
				       plant_why(plan.short_refusal, DECODE_INVALID));
			continue;
		}
		copy_is_right(&program->text, &plan);
		plant_take(plant, &plan);
	}
	plant_free(plant);
}

static double milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void report(const char *path, const struct tally *tally)
{
	printf("%s: %zu functions, %zu by jump, %zu by short jump, %zu refused: %.3f %%; "
	       "%zu count rounds\n",
	       path, tally->functions, tally->by_way[PLANT_BY_JUMP], tally->by_way[PLANT_BY_SHORT],
	       tally->by_way[PLANT_REFUSED],
	       100.0 * (double)(tally->functions - tally->by_way[PLANT_REFUSED]) /
		       (double)tally->functions,
	       tally->rounds);
	for (size_t i = 0; i < PLANT_REFUSALS; i++)
		if (tally->refused[i] || tally->short_refused[i])
			printf("    jump %zu, short jump %zu: %s\n", tally->refused[i],
			       tally->short_refused[i],
			       plant_why((enum plant_refusal)i, DECODE_INVALID));
}

static void time_survey(const struct program *program)
{
	double begin = milliseconds(), middle;
	struct plant_plan plan;
	struct plant *plant;

	assert_int_equal(plant_new(&program->text, program->list, program->count, &plant), 0);
	middle = milliseconds();
	for (size_t i = 0; i < program->count; i++) {
		plant_plan(plant, i, &plan);
		plant_take(plant, &plan);
	}
	printf("    survey %.1f ms, plans %.1f ms\n", middle - begin, milliseconds() - middle);
	plant_free(plant);
}

static bool try_program(const char *path, bool verbose)
{
	struct tally tally = { .functions = 0 };
	struct program program;

	if (!program_open(&program, path))
		return false;
	plant_all(&program, &tally, verbose);
	report(path, &tally);
	if (verbose)
		time_survey(&program);
	assert_true(tally.functions > 0);
	assert_true(tally.by_way[PLANT_REFUSED] * 200 <= tally.functions);
	program_close(&program);
	return true;
}

static void libc(void **state)
{
	(void)state;
	if (!try_program("/lib/x86_64-linux-gnu/libc.so.6", false))
		skip();
}

static void this_program(void **state)
{
	(void)state;
	assert_true(try_program("/proc/self/exe", false));
}

static void bash(void **state)
{
	(void)state;
	if (!try_program("/bin/bash", false))
		skip();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libc),
		cmocka_unit_test(this_program),
		cmocka_unit_test(bash),
	};

	for (int i = 1; i < argc; i++)
		if (!try_program(argv[i], true))
			printf("%s: not read\n", argv[i]);
	return argc > 1 ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
}
