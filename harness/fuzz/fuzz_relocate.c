/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as code to move: refused with a reason, or the copy, read again by other code, does
 * what the original does.
 *
 * Byte 0: 7 bits of the patch's size; byte 1: distance between original and copy; then the code.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../golden/relocate_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint64_t froms[] = { 0x400000, 0x555555554000, 0x7ffff7d00000, 0xfffffff0 };
static const int64_t distances[] = { 0x1000,      -0x100000,   0x7fffff00,
				     -0x7fffff00, 0x80000000,  -INT64_C(0x80000010),
				     0x7ffffff0,  -0x7ffffff0, 0x100000000,
				     -0x400000,   0x80,        0x3f5500000000 };

static void check_map(const struct relocate_job *job, const struct relocate *result)
{
	for (size_t i = 0; i <= result->count; i++) {
		const struct relocate_step *step = &result->steps[i];

		if (relocate_to_new(result, step->old_at) != step->new_at)
			abort();
		if (relocate_to_old(result, step->new_at) != step->old_at)
			abort();
	}
	if (relocate_to_new(result, job->len + 1) != -1 ||
	    relocate_to_old(result, result->size + 1) != -1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct relocate_job job;
	struct relocate result;

	if (size < 2)
		return 0;
	job.bytes = data + 2;
	job.len = size - 2;
	job.patch = data[0] & 0x7f;
	job.from = froms[data[1] & 3];
	job.to = job.from + (uint64_t)distances[(data[1] >> 2) % 12];
	if (relocate(&job, &result)) {
		if (!*relocate_why(&result) || result.refused_at > job.len)
			abort();
		return 0;
	}
	if (result.size > sizeof(result.out) || *relocate_why(&result))
		abort();
	check_map(&job, &result);
	if (relocate_check(&job, &result))
		abort();
	return 0;
}
