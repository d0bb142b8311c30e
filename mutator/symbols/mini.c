/* SPDX-License-Identifier: MIT */
/*
 * .gnu_debugdata ("MiniDebugInfo"): an ELF file with a .symtab, packed by xz, as Fedora ships it.
 *
 * libdwfl would unpack it too, but without a bound: a megabyte of xz can hold ten gigabytes of
 * zeros, and the file is the target's.
 */
#include "symbols/internal.h"

#include <lzma.h>
#include <stdlib.h>

static bool grow(uint8_t **out, size_t *size)
{
	size_t bigger = *size ? *size * 2 : (size_t)1 << 20;
	uint8_t *moved;

	if (bigger > SYM_MAX_UNPACKED)
		return false;
	moved = realloc(*out, bigger);
	if (!moved)
		return false;
	*out = moved;
	*size = bigger;
	return true;
}

static uint8_t *unpack(const uint8_t *in, size_t len, size_t *unpacked)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_ret rc = LZMA_OK;
	uint8_t *out = NULL;
	size_t size = 0;

	if (lzma_stream_decoder(&stream, (uint64_t)128 << 20, LZMA_CONCATENATED) != LZMA_OK)
		return NULL;
	stream.next_in = in;
	stream.avail_in = len;
	while (rc == LZMA_OK) {
		if (!stream.avail_out) {
			if (!grow(&out, &size))
				break;
			stream.next_out = out + stream.total_out;
			stream.avail_out = size - (size_t)stream.total_out;
		}
		rc = lzma_code(&stream, LZMA_FINISH);
	}
	*unpacked = (size_t)stream.total_out;
	lzma_end(&stream);
	if (rc == LZMA_STREAM_END)
		return out;
	free(out);
	return NULL;
}

struct symfile *symdebug_mini(struct symfile *file)
{
	GElf_Shdr shdr;
	Elf_Data *data;
	Elf_Scn *scn;
	size_t size;
	uint8_t *mem;

	if (file->mini_state != SYMFILE_NOT_TRIED)
		return file->mini;
	file->mini_state = SYMFILE_NONE;
	scn = symfile_section(file, ".gnu_debugdata", SYM_MAX_UNPACKED, &shdr);
	data = scn ? symfile_data(file, scn) : NULL;
	mem = data ? unpack(data->d_buf, data->d_size, &size) : NULL;
	if (mem && !symfile_from_memory(mem, size, &file->mini, NULL))
		file->mini_state = SYMFILE_HAVE;
	return file->mini;
}
