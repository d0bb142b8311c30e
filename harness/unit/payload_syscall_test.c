/* SPDX-License-Identifier: MIT */
/* syscall, compiled natively: six arguments in their places, -errno back, errno untouched. */
#include "../../payloads/syscall/syscall.c"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static void returns_the_kernels_answer(void **state)
{
	struct scion_payload_ctx ctx = { .args = { SYS_getpid } };

	(void)state;
	assert_int_equal(scion_payload(&ctx), getpid());
}

static void returns_negative_errno(void **state)
{
	struct scion_payload_ctx ctx = { .args = { SYS_close, (uint64_t)-1 } };

	(void)state;
	errno = EDOM;
	assert_int_equal(scion_payload(&ctx), -EBADF);
	assert_int_equal(errno, EDOM);
}

/* mmap of a file from its second page: all six arguments count. */
static void passes_six_arguments(void **state)
{
	struct scion_payload_ctx ctx = { 0 };
	int fd = memfd_create("six", MFD_CLOEXEC);
	int64_t ret;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_int_equal(pwrite(fd, "second", 6, 4096), 6);
	ctx.args[0] = SYS_mmap;
	ctx.args[2] = 4096;
	ctx.args[3] = PROT_READ;
	ctx.args[4] = MAP_SHARED;
	ctx.args[5] = (uint64_t)fd;
	ctx.args[6] = 4096;
	ret = scion_payload(&ctx);
	assert_true(ret > 0);
	assert_memory_equal((const char *)(uintptr_t)ret, "second", 6);
	munmap((void *)(uintptr_t)ret, 4096);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(returns_the_kernels_answer),
		cmocka_unit_test(returns_negative_errno),
		cmocka_unit_test(passes_six_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
