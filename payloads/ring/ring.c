/* SPDX-License-Identifier: MIT */
/*
 * ring.c - appends a record (event, side, pid, tid, time) to the ring behind struct scion_block.
 * A full ring overwrites its oldest record. Status: the record's sequence number, from 1.
 *
 * The ring lies in memory that the program can write: its size is checked each time.
 */
#include "scion/payload.h"

SCION_PAYLOAD_INFO(0);
SCION_PAYLOAD_SUMMARY("appends event, pid, tid and time to the ring that all offspring share");

int64_t scion_payload(struct scion_payload_ctx *ctx);

int64_t scion_payload(struct scion_payload_ctx *ctx)
{
	struct scion_block *block = (struct scion_block *)(uintptr_t)ctx->block;
	struct scion_ring_record *record;
	uint64_t size, slot;

	if (ctx->block_size < sizeof(*block))
		return -SCION_PAYLOAD_ENOBLOCK;
	size = __atomic_load_n(&block->ring_size, __ATOMIC_RELAXED);
	if (size == 0 || (size & (size - 1)) != 0 ||
	    size > (ctx->block_size - sizeof(*block)) / sizeof(*record))
		return -SCION_PAYLOAD_ENOBLOCK;

	slot = __atomic_fetch_add(&block->ring_head, 1, __ATOMIC_SEQ_CST);
	record = (struct scion_ring_record *)(block + 1) + (slot & (size - 1));
	/* 0 marks the record as torn until all of it is there. */
	__atomic_store_n(&record->seq, 0, __ATOMIC_SEQ_CST);
	record->time = ctx->time_ns;
	record->event = ctx->event;
	record->side = ctx->side;
	record->pid = ctx->pid;
	record->tid = ctx->tid;
	__atomic_store_n(&record->seq, slot + 1, __ATOMIC_RELEASE);
	return (int64_t)(slot + 1);
}
