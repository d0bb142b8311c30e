/* SPDX-License-Identifier: MIT */
/*
 * whoami.c - who the kernel says this task is, to be compared with what the tracer believes.
 * Status: getpid(). Results: getpid, gettid, getppid. These are numbers of the task's own PID
 * namespace; ctx->pid and ctx->tid are numbers of the tracer's.
 */
#include "../raw_syscall.h"
#include "scion/payload.h"

SCION_PAYLOAD_INFO(SCION_PAYLOAD_SYSCALLS);
SCION_PAYLOAD_SUMMARY("asks the kernel for the task's own getpid, gettid and getppid");

enum { NR_GETPID = 39, NR_GETPPID = 110, NR_GETTID = 186 };

int64_t scion_payload(struct scion_payload_ctx *ctx);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	int64_t pid = raw_syscall0(NR_GETPID);

	ctx->result[0] = (uint64_t)pid;
	ctx->result[1] = (uint64_t)raw_syscall0(NR_GETTID);
	ctx->result[2] = (uint64_t)raw_syscall0(NR_GETPPID);
	return pid;
}
