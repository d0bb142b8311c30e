/* SPDX-License-Identifier: MIT */
/*
 * Where a file is loaded: the bias between the values in it and the addresses in the process.
 *
 *   file   |--R--|----RX----|---R---|--RW--|        PT_LOAD i: offset o, value v
 *   maps      R       RX        R      RW           mapping m: start a, file offset f
 *
 *   if m shows a part of segment i, then bias = (a - f) - (v - o)
 *
 * Which mapping shows which segment is not said anywhere. Two segments may share a page of the file
 * (-z noseparate-code), the kernel joins adjacent mappings, tools move text to huge pages so that
 * its mapping is anonymous, a process may map its own file a second time to read it, and one file
 * can be loaded twice (dlmopen). So each pair of mapping and segment proposes a bias, and a bias is
 * believed if the process could run with it: an executable segment shown by an executable mapping,
 * and best with the other segments in place too; or, where the text has been moved or there is
 * none, every segment in place, not all in one mapping.
 */
#include "symbols/internal.h"

enum { MAX_TRIED = 64, MAX_MEMBERS = 128 };

static uint64_t page_down(uint64_t value)
{
	return value & ~(uint64_t)(SYM_PAGE - 1);
}

static uint64_t page_up(uint64_t value)
{
	return page_down(value + SYM_PAGE - 1);
}

static bool shows(const struct symmap *map, const GElf_Phdr *load)
{
	uint64_t first = page_down(load->p_offset), last = page_up(load->p_offset + load->p_filesz);

	return load->p_filesz && map->offset < last &&
	       (map->offset >= first || first - map->offset < map->end - map->start);
}

static uint64_t proposed(const struct symmap *map, const GElf_Phdr *load)
{
	return (map->start - map->offset) - (load->p_vaddr - load->p_offset);
}

/* The mapping shows this segment where the bias wants it. */
static bool agrees(const struct symmap *map, const GElf_Phdr *load, uint64_t bias)
{
	uint64_t first = page_down(load->p_vaddr) + bias;
	uint64_t last = page_up(load->p_vaddr + load->p_filesz) + bias;

	return load->p_filesz && proposed(map, load) == bias && map->start < last &&
	       map->end > first;
}

static const struct symmap *member(const struct symmaps *maps, const struct symmap_file *file,
				   size_t n)
{
	return &maps->maps[file->members[n]];
}

/* A file may have more members than these; where a program has its segments, it has not. */
static size_t members(const struct symmap_file *file)
{
	return file->count < MAX_MEMBERS ? file->count : MAX_MEMBERS;
}

static bool runs_from_file(const struct symmaps *maps, const struct symmap_file *mapped,
			   const struct symfile *elf, uint64_t bias)
{
	for (size_t m = 0; m < members(mapped); m++) {
		const struct symmap *map = member(maps, mapped, m);

		if (!(map->perms & SYMMAP_X))
			continue;
		for (size_t i = 0; i < elf->nloads; i++) {
			if ((elf->loads[i].p_flags & PF_X) && agrees(map, &elf->loads[i], bias))
				return true;
		}
	}
	return false;
}

/* 0: a segment is not there. Else the number of mappings that they are in, 2 for more than one. */
static int in_place(const struct symmaps *maps, const struct symfile *elf, uint64_t bias)
{
	const struct symmap *first = NULL;
	int count = 0;

	for (size_t i = 0; i < elf->nloads; i++) {
		const GElf_Phdr *load = &elf->loads[i];
		const struct symmap *map = symmaps_at(maps, page_down(load->p_vaddr) + bias);

		if (!map || ((load->p_flags & PF_X) && !(map->perms & SYMMAP_X)))
			return 0;
		if (!first)
			first = map;
		count = map == first && count < 2 ? 1 : 2;
	}
	return count;
}

static bool overflows(const struct symfile *elf, uint64_t bias)
{
	for (size_t i = 0; i < elf->nloads; i++) {
		uint64_t start = elf->loads[i].p_vaddr + bias;

		if (start > UINT64_MAX - elf->loads[i].p_memsz)
			return true;
	}
	return false;
}

static size_t propose(const struct symmaps *maps, const struct symmap_file *mapped,
		      const struct symfile *elf, uint64_t *tried)
{
	size_t count = 0;

	for (size_t i = 0; i < elf->nloads; i++) {
		for (size_t m = 0; m < members(mapped) && count < MAX_TRIED; m++) {
			const struct symmap *map = member(maps, mapped, m);
			uint64_t bias = proposed(map, &elf->loads[i]);
			size_t known = 0;

			if (!shows(map, &elf->loads[i]) || overflows(elf, bias))
				continue;
			while (known < count && tried[known] != bias)
				known++;
			if (known == count)
				tried[count++] = bias;
		}
	}
	return count;
}

/* From the best proof to the weakest; one step's finds end the search. */
enum proof { COMPLETE, TEXT, MOVED, NPROOFS };

static bool believed(enum proof proof, const struct symmaps *maps, const struct symmap_file *mapped,
		     const struct symfile *elf, uint64_t bias)
{
	switch (proof) {
	case COMPLETE:
		return runs_from_file(maps, mapped, elf, bias) && in_place(maps, elf, bias) > 0;
	case TEXT:
		return runs_from_file(maps, mapped, elf, bias);
	default:
		return in_place(maps, elf, bias) > 1;
	}
}

size_t symbias_find(const struct symmaps *maps, uint32_t file, const struct symfile *elf,
		    uint64_t *biases, size_t max)
{
	const struct symmap_file *mapped = &maps->files[file];
	uint64_t tried[MAX_TRIED];
	size_t ntried = propose(maps, mapped, elf, tried), found = 0;

	for (int proof = COMPLETE; proof < NPROOFS && !found; proof++) {
		for (size_t i = 0; i < ntried && found < max; i++) {
			if (believed((enum proof)proof, maps, mapped, elf, tried[i]))
				biases[found++] = tried[i];
		}
	}
	return found;
}
