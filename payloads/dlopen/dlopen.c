/* SPDX-License-Identifier: MIT */
/*
 * dlopen.c - loads a shared library into the target.
 *
 * Arguments: address of dlopen (or __libc_dlopen_mode), address of the path in the target, address
 * of dlerror or 0, flags (0: RTLD_NOW), and last, as for `call`, the address of __errno_location or
 * 0. Status: 0, or -1 if dlopen gave NULL. Results: the handle, and the address of dlerror's text,
 * which stays valid until the thread's next dl call.
 */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(SCION_PAYLOAD_CALLS | SCION_PAYLOAD_SYSCALLS);
SCION_PAYLOAD_SUMMARY("loads a shared library into the target: PATH");

enum { ARG_DLOPEN = 0, ARG_PATH = 1, ARG_DLERROR = 2, ARG_FLAGS = 3, ARG_ERRNO_LOCATION = 7 };
enum { FLAGS_NOW = 2 };

typedef void *open_function(const char *path, int flags);
typedef char *error_function(void);
typedef int *errno_location(void);

int64_t scion_payload(struct scion_payload_ctx *ctx);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	open_function *open = (open_function *)(uintptr_t)ctx->args[ARG_DLOPEN];
	error_function *error = (error_function *)(uintptr_t)ctx->args[ARG_DLERROR];
	errno_location *where = (errno_location *)(uintptr_t)ctx->args[ARG_ERRNO_LOCATION];
	const char *path = (const char *)(uintptr_t)ctx->args[ARG_PATH];
	int flags = ctx->args[ARG_FLAGS] ? (int)ctx->args[ARG_FLAGS] : FLAGS_NOW;
	int *err = where ? where() : 0;
	int kept = err ? *err : 0;
	void *handle = open(path, flags);

	ctx->result[0] = (uint64_t)(uintptr_t)handle;
	ctx->result[1] = 0;
	if (!handle && error)
		ctx->result[1] = (uint64_t)(uintptr_t)error();
	if (err)
		*err = kept;
	return handle ? 0 : -1;
}
