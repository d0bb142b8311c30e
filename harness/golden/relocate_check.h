/* SPDX-License-Identifier: MIT */
/*
 * relocate_check.h - reads a relocated copy again, and says where it does not do what the original
 * does. Knows the forms, but shares no code with relocate.c: decodes with Zydis itself.
 */
#ifndef SCION_HARNESS_RELOCATE_CHECK_H
#define SCION_HARNESS_RELOCATE_CHECK_H

#include <Zydis/Zydis.h>
#include <string.h>

#include "probe/relocate.h"

struct check_insn {
	ZydisDecodedInstruction i;
	ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
	uint64_t at, next;
};

/* The copy, as it is read. */
struct check_cursor {
	const struct relocate_job *job;
	const struct relocate *result;
	size_t at, end;
};

static inline bool check_decode(const uint8_t *bytes, size_t len, uint64_t addr,
				struct check_insn *insn)
{
	ZydisDecoder decoder;

	memset(insn, 0, sizeof(*insn));
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_MPX, ZYAN_FALSE);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, len, &insn->i, insn->o)))
		return false;
	insn->at = addr;
	insn->next = addr + insn->i.length;
	return true;
}

static inline bool check_next(struct check_cursor *cursor, struct check_insn *insn)
{
	if (!check_decode(cursor->result->out + cursor->at, cursor->end - cursor->at,
			  cursor->job->to + cursor->at, insn))
		return false;
	cursor->at += insn->i.length;
	return true;
}

static inline bool check_relative(const struct check_insn *insn, uint64_t *target)
{
	*target = insn->next + (uint64_t)insn->i.raw.imm[0].value.s;
	return insn->i.raw.imm[0].is_relative;
}

/* The next thing is a plain jump, near or far, to `target`. */
static inline bool check_jump(struct check_cursor *cursor, uint64_t target)
{
	struct check_insn insn;
	uint64_t got;

	if (!check_next(cursor, &insn) || insn.i.mnemonic != ZYDIS_MNEMONIC_JMP)
		return false;
	if (check_relative(&insn, &got))
		return got == target;
	if (memcmp(cursor->result->out + cursor->at - 6, "\xff\x25\0\0\0\0", 6) != 0 ||
	    cursor->end - cursor->at < 8)
		return false;
	memcpy(&got, cursor->result->out + cursor->at, 8);
	cursor->at += 8;
	return got == target;
}

static inline uint64_t check_where(const struct check_cursor *cursor, uint64_t target)
{
	uint64_t off = target - cursor->job->from;

	for (size_t i = 0; i < cursor->result->count; i++)
		if (cursor->result->steps[i].old_at == off)
			return cursor->job->to + cursor->result->steps[i].new_at;
	return target;
}

static inline bool check_push(struct check_cursor *cursor, uint64_t value)
{
	const uint8_t *out = cursor->result->out + cursor->at;
	int32_t low;
	uint64_t got;

	if (cursor->end - cursor->at < 5 || out[0] != 0x68)
		return false;
	memcpy(&low, out + 1, 4);
	got = (uint64_t)(int64_t)low;
	cursor->at += 5;
	if (cursor->end - cursor->at >= 8 && !memcmp(out + 5, "\xc7\x44\x24\x04", 4)) {
		uint32_t high;

		memcpy(&high, out + 9, 4);
		got = (uint32_t)low | (uint64_t)high << 32;
		cursor->at += 8;
	}
	return got == value;
}

static inline bool check_is_rip(const ZydisDecodedOperand *operand)
{
	return operand->mem.base == ZYDIS_REGISTER_RIP || operand->mem.base == ZYDIS_REGISTER_EIP;
}

static inline uint64_t check_rip(const struct check_insn *insn, const ZydisDecodedOperand *operand)
{
	uint64_t sum = insn->next + (uint64_t)operand->mem.disp.value;

	return operand->mem.base == ZYDIS_REGISTER_EIP ? (uint32_t)sum : sum;
}

/* push: bytes that lie between the stack pointer of the original and the copy's. */
static inline bool check_memory(const struct check_insn *old, const struct check_insn *new,
				size_t n, int64_t push)
{
	const ZydisDecodedOperand *a = &old->o[n], *b = &new->o[n];

	if (a->mem.base != b->mem.base || a->mem.index != b->mem.index ||
	    a->mem.scale != b->mem.scale || a->mem.segment != b->mem.segment)
		return false;
	if (check_is_rip(a))
		return check_rip(old, a) == check_rip(new, b);
	if (a->mem.base != ZYDIS_REGISTER_RSP && a->mem.base != ZYDIS_REGISTER_ESP)
		push = 0;
	return a->mem.disp.value + push == b->mem.disp.value;
}

static inline bool check_operand(const struct check_insn *old, const struct check_insn *new,
				 size_t n, int64_t push)
{
	const ZydisDecodedOperand *a = &old->o[n], *b = &new->o[n];

	if (a->type != b->type || a->size != b->size || a->actions != b->actions)
		return false;
	switch (a->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		return a->reg.value == b->reg.value;
	case ZYDIS_OPERAND_TYPE_MEMORY:
		return check_memory(old, new, n, push);
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		return a->imm.value.u == b->imm.value.u;
	default:
		return a->type == ZYDIS_OPERAND_TYPE_UNUSED;
	}
}

static inline bool check_same(struct check_cursor *cursor, const struct check_insn *old)
{
	struct check_insn new;

	if (!check_next(cursor, &new) || new.i.mnemonic != old->i.mnemonic ||
	    new.i.attributes != old->i.attributes || new.i.operand_count != old->i.operand_count)
		return false;
	for (size_t n = 0; n < new.i.operand_count; n++)
		if (!check_operand(old, &new, n, 0))
			return false;
	return true;
}

/* mov $address, %reg, and for a load: mov (%reg), %reg of the same width. */
static inline bool check_absolute(struct check_cursor *cursor, const struct check_insn *old)
{
	bool lea = old->i.mnemonic == ZYDIS_MNEMONIC_LEA;
	uint64_t address = check_rip(old, &old->o[1]);
	struct check_insn first, load;

	if (!check_next(cursor, &first) || first.i.mnemonic != ZYDIS_MNEMONIC_MOV ||
	    first.o[1].type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
		return false;
	if (lea && old->o[0].size == 32)
		address = (uint32_t)address;
	if ((first.o[0].size == 32 ? (uint32_t)first.o[1].imm.value.u : first.o[1].imm.value.u) !=
	    address)
		return false;
	if (lea)
		return first.o[0].reg.value == old->o[0].reg.value;
	return check_next(cursor, &load) && load.i.mnemonic == ZYDIS_MNEMONIC_MOV &&
	       old->i.mnemonic == ZYDIS_MNEMONIC_MOV &&
	       load.o[0].reg.value == old->o[0].reg.value &&
	       load.o[1].mem.base == first.o[0].reg.value && !load.o[1].mem.disp.value &&
	       load.o[1].mem.index == ZYDIS_REGISTER_NONE &&
	       ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, load.o[0].reg.value) ==
		       first.o[0].reg.value;
}

static inline bool check_call(struct check_cursor *cursor, const struct check_insn *old)
{
	uint64_t target, back = old->next;
	struct check_insn new;

	if (!check_push(cursor, back))
		return false;
	if (check_relative(old, &target))
		return check_jump(cursor, check_where(cursor, target));
	return check_next(cursor, &new) &&
	       new.i.mnemonic == ZYDIS_MNEMONIC_JMP &&check_operand(old, &new, 0, 8);
}

/* The branch and what it goes over when it is not taken. */
static inline bool check_conditional(struct check_cursor *cursor, const struct check_insn *old)
{
	struct check_insn new, over;
	uint64_t target, got, end;

	check_relative(old, &target);
	target = check_where(cursor, target);
	if (!check_next(cursor, &new) || !check_relative(&new, &got))
		return false;
	if (new.i.mnemonic == old->i.mnemonic && got == target)
		return true;
	if (new.i.mnemonic == old->i.mnemonic) { /* a loop instruction, over a jump */
		if (new.i.address_width != old->i.address_width || !check_next(cursor, &over) ||
		    over.i.mnemonic != ZYDIS_MNEMONIC_JMP || !check_relative(&over, &end))
			return false;
		return got == over.next && check_jump(cursor, target) &&
		       end == cursor->job->to + cursor->at;
	}
	return (new.i.opcode & 0xf) == ((old->i.opcode & 0xf) ^ 1) && check_jump(cursor, target) &&
	       got == cursor->job->to + cursor->at;
}

static inline bool check_form(struct check_cursor *cursor, const struct check_insn *old)
{
	struct check_cursor begin = *cursor;
	uint64_t target;

	if (old->i.mnemonic == ZYDIS_MNEMONIC_CALL)
		return check_call(cursor, old);
	if (check_relative(old, &target)) {
		if (old->i.mnemonic == ZYDIS_MNEMONIC_JMP)
			return check_jump(cursor, check_where(cursor, target));
		return check_conditional(cursor, old);
	}
	if (check_same(cursor, old) && cursor->at == cursor->end)
		return true;
	*cursor = begin;
	return old->o[1].type == ZYDIS_OPERAND_TYPE_MEMORY && check_is_rip(&old->o[1]) &&
	       check_absolute(cursor, old);
}

/** @brief NULL: the copy does what the original does. Otherwise what is wrong. */
static inline const char *relocate_check(const struct relocate_job *job,
					 const struct relocate *result)
{
	struct check_cursor cursor = { .job = job, .result = result };
	struct check_insn old;
	size_t at = 0;

	for (size_t i = 0; i < result->count; i++) {
		if (!check_decode(job->bytes + at, job->len - at, job->from + at, &old))
			return "an instruction of the original does not decode";
		if (result->steps[i].old_at != at || result->steps[i].new_at != cursor.at)
			return "the map is wrong";
		cursor.end = result->steps[i + 1].new_at;
		if (cursor.end <= cursor.at || cursor.end > result->size)
			return "the map is not in order";
		if (!check_form(&cursor, &old))
			return "a form does something else";
		if (cursor.at != cursor.end)
			return "a form has something behind it";
		at += old.i.length;
	}
	if (at != job->len || result->steps[result->count].old_at != at)
		return "not all is moved";
	cursor.end = result->size;
	if (result->jumps_back && !check_jump(&cursor, job->from + job->len))
		return "no jump back";
	return cursor.at == result->size ? NULL : "something is behind the end";
}

#endif
