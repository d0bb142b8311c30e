/* SPDX-License-Identifier: MIT */
/* Bytes as the text of /proc/PID/maps: parsed, and what was parsed is sound. */
#include <stdlib.h>
#include <string.h>

#include "symbols/internal.h"

static void require(bool sound)
{
	if (!sound)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct symbols_error error = { 0 };
	struct symmaps maps;
	size_t members = 0;

	if (symmaps_parse(&maps, (const char *)data, size, &error)) {
		require(error.code < 0 && error.text[0] && !maps.maps && !maps.files);
		return 0;
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
	return 0;
}
