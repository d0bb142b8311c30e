/* SPDX-License-Identifier: MIT */
/*
 * replay.c - runs a fuzz target over files, where there is no libFuzzer; over the empty input if
 * none is named.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 21 };

static int replay(const char *path, uint8_t *buffer)
{
	FILE *file = fopen(path, "rb");
	size_t len;

	if (!file) {
		perror(path);
		return 1;
	}
	len = fread(buffer, 1, INPUT_MAX, file);
	fclose(file);
	LLVMFuzzerTestOneInput(buffer, len);
	return 0;
}

int main(int argc, char **argv)
{
	uint8_t *buffer = calloc(1, INPUT_MAX);
	int ret = 0, i;

	if (!buffer)
		return 1;
	LLVMFuzzerTestOneInput(buffer, 0);
	for (i = 1; i < argc; i++)
		ret |= replay(argv[i], buffer);
	printf("%d inputs\n", argc);
	free(buffer);
	return ret;
}
