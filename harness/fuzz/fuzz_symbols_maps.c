/* SPDX-License-Identifier: MIT */
/*
 * Bytes as the text of /proc/PID/maps: parsed, and what was parsed is sound.
 *
 * Byte 0: 1 the rest is the text; else it is patches to a good one: offset (2), value (1).
 */
#include <stdlib.h>
#include <string.h>

#include "symbols/internal.h"

static const char good[] = "10000-11000 r--p 00000000 fe:01 42      /bin/x\n"
			   "11000-12000 r-xp 00001000 fe:01 42      /bin/x\n"
			   "12000-13000 rw-p 00002000 fe:01 42      /bin/x (deleted)\n"
			   "13000-14000 rw-p 00000000 00:00 0       [heap]\n"
			   "7f000-80000 r-xp 00026000 fe:01 43      /lib/a\\012b\n"
			   "81000-82000 r-xp 00000000 00:00 0       [vdso]\n";

static void require(bool sound)
{
	if (!sound)
		abort();
}

static void check(const char *text, size_t size)
{
	struct symbols_error error = { 0 };
	struct symmaps maps;
	size_t members = 0;

	if (symmaps_parse(&maps, text, size, &error)) {
		require(error.code < 0 && error.text[0] && !maps.maps && !maps.files);
		return;
	}
	for (size_t i = 0; i < maps.count; i++) {
		require(maps.maps[i].start < maps.maps[i].end);
		require(!i || maps.maps[i].start >= maps.maps[i - 1].end);
		require(symmaps_at(&maps, maps.maps[i].start) == &maps.maps[i]);
		require(symmaps_at(&maps, maps.maps[i].end - 1) == &maps.maps[i]);
	}
	for (size_t i = 0; i < maps.nfiles; i++) {
		require(maps.files[i].count &&
			(maps.files[i].path[0] == '/' || !strcmp(maps.files[i].path, "[vdso]")));
		for (size_t m = 0; m < maps.files[i].count; m++)
			require(maps.maps[maps.files[i].members[m]].file == i);
		members += maps.files[i].count;
	}
	require(members <= maps.count);
	symmaps_free(&maps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size && data[0] & 1) {
		check((const char *)data + 1, size - 1);
		return 0;
	}
	/* A block of the text's size, so that a sanitizer sees a read too far. */
	text = malloc(sizeof(good) - 1);
	if (!text)
		return 0;
	memcpy(text, good, sizeof(good) - 1);
	for (size_t i = 1; i + 3 <= size; i += 3)
		text[(size_t)(data[i] | data[i + 1] << 8) % (sizeof(good) - 1)] = (char)data[i + 2];
	check(text, sizeof(good) - 1);
	free(text);
	return 0;
}
