/* SPDX-License-Identifier: MIT */
/* Memory of a stopped tracee, by each of the three ways alone: the same bytes, the same refusals. */
#include <string.h>
#include <sys/mman.h>

#include "live/kernel_tracee.h"

#define PAGE 4096
#define MAX  40

/* Mapped before fork: the same addresses in the tracee, with memory of its own. */
static unsigned char *area; /* two pages to write, then one without rights */

static const struct {
	const char *name;
	unsigned refuse;
} ways[] = {
	{ "all", 0 },
	{ "process_vm", LINUX_REFUSE_MEM | LINUX_REFUSE_WORDS },
	{ "/proc/PID/mem", LINUX_REFUSE_VM | LINUX_REFUSE_WORDS },
	{ "PEEK and POKE", LINUX_REFUSE_VM | LINUX_REFUSE_MEM },
};

static unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 7 + 1);
}

/* Every length at every offset in a word, and across the border of two pages. */
static void read_and_write(struct tracee *t, const char *name)
{
	unsigned char got[MAX], all[2 * MAX], wrote[MAX];

	for (size_t offset = 0; offset < 2 * sizeof(long); offset++) {
		for (size_t len = 1; len <= MAX; len++) {
			uint64_t at = (uintptr_t)area + PAGE - 20 + offset;
			uint64_t around = at - 20;

			CHECK_EQ(kernel_read(t->k, t->pid, around, all, sizeof(all)), 0);
			for (size_t i = 0; i < len; i++)
				wrote[i] = (unsigned char)(pattern(i) + len + offset);
			CHECK_EQ(kernel_write(t->k, t->pid, at, wrote, len), 0);
			CHECK_EQ(kernel_read(t->k, t->pid, at, got, len), 0);
			CHECK_MSG(memcmp(got, wrote, len) == 0, "%s: %zu bytes at +%zu", name, len,
				  offset);
			memcpy(all + 20, wrote, len);
			for (size_t i = 0; i < sizeof(all); i++) {
				CHECK_EQ(kernel_read(t->k, t->pid, around + i, got, 1), 0);
				CHECK_MSG(got[0] == all[i], "%s: byte %zu beside %zu at +%zu", name,
					  i, len, offset);
			}
		}
	}
}

/* All or an error; nothing that is not there is an ESRCH, which would mean death. */
static void refusals(struct tracee *t, const char *name)
{
	unsigned char buf[64];
	uint64_t end = (uintptr_t)area + 3 * PAGE;

	CHECK_MSG(kernel_read(t->k, t->pid, end - 8, buf, 64) < 0, "%s: reads past the end", name);
	for (uint64_t at = 0; at < 64; at += 9) {
		int err = kernel_read(t->k, t->pid, at, buf, 9);

		CHECK_MSG(err == -EFAULT || err == -EIO, "%s: reading %d: %d", name, (int)at, err);
		err = kernel_write(t->k, t->pid, at, buf, 9);
		CHECK_MSG(err == -EFAULT || err == -EIO, "%s: writing %d: %d", name, (int)at, err);
	}
}

/* A large block, over many pages at once. */
static void large(struct tracee *t)
{
	static unsigned char out[2 * PAGE - 3], in[2 * PAGE - 3];

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = pattern(i);
	CHECK_EQ(kernel_write(t->k, t->pid, (uintptr_t)area + 1, out, sizeof(out)), 0);
	memset(in, 0, sizeof(in));
	CHECK_EQ(kernel_read(t->k, t->pid, (uintptr_t)area + 1, in, sizeof(in)), 0);
	CHECK(memcmp(in, out, sizeof(in)) == 0);
}

static int run(void)
{
	struct kernel *k = tracee_kernel();
	struct tracee t;
	unsigned char byte;

	area = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(area != MAP_FAILED);
	CHECK_CALL(munmap(area + 3 * PAGE, PAGE));
	area[2 * PAGE] = 77;
	CHECK_CALL(mprotect(area + 2 * PAGE, PAGE, PROT_NONE));
	tracee_start(&t, k, PTRACE_O_EXITKILL, tracee_idle);
	tracee_stop(&t);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		linux_of(k)->refuse = ways[i].refuse;
		read_and_write(&t, ways[i].name);
		refusals(&t, ways[i].name);
		large(&t);
	}
	/* Ours is another memory. */
	CHECK_EQ(area[1], 0);
	/* What has no read permission can be read all the same, but is not written by kernel_write. */
	linux_of(k)->refuse = 0;
	CHECK_EQ(kernel_read(k, t.pid, (uintptr_t)area + 2 * PAGE, &byte, 1), 0);
	CHECK_EQ(byte, 77);
	CHECK_EQ(kernel_write(k, t.pid, (uintptr_t)area + 2 * PAGE, &byte, 1), -EFAULT);
	tracee_kill(&t);
	CHECK_EQ(kernel_read(k, t.pid, (uintptr_t)area, &byte, 1), -ESRCH);
	CHECK_EQ(kernel_write(k, t.pid, (uintptr_t)area, &byte, 1), -ESRCH);
	CHECK_EQ(kernel_write_code(k, t.pid, (uintptr_t)area, &byte, 1), -ESRCH);
	kernel_free(k);
	return 0;
}

const struct scion_test scion_test = { .name = "kernel_memory", .run = run };
