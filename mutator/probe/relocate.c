/* SPDX-License-Identifier: MIT */
/*
 * relocate.c - two passes with the same code: the first finds how long each form gets (it depends
 * on distances to addresses that are known, never on each other), the second writes them with all
 * boundaries known, so that a branch forward inside of the range finds its target.
 */
#include "probe/relocate.h"

#include <string.h>

enum {
	OP_PUSH_IMM32 = 0x68,
	OP_JCC_SHORT = 0x70,
	OP_JMP_SHORT = 0xeb,
	OP_JMP_NEAR = 0xe9,
	JMP_NEAR_SIZE = 5,
	JMP_FAR_SIZE = 14, /* jmp *0(%rip) and the address */
};

struct form {
	uint8_t bytes[RELOCATE_FORM_MAX];
	size_t size;
};

struct pass {
	const struct relocate_job *job;
	struct relocate *result;
	struct decode_insn insns[RELOCATE_STEPS_MAX];
	bool placed; /* second pass: new_at of all steps is right */
};

static void put(struct form *form, const void *bytes, size_t size)
{
	/* Forms are shorter by construction; a bug must not become an overflow. */
	if (size > sizeof(form->bytes) - form->size)
		return;
	memcpy(form->bytes + form->size, bytes, size);
	form->size += size;
}

static void put8(struct form *form, unsigned int byte)
{
	uint8_t value = (uint8_t)byte;

	put(form, &value, 1);
}

static void put32(struct form *form, uint64_t value)
{
	uint32_t low = (uint32_t)value;

	put(form, &low, sizeof(low));
}

/* Is `to` a signed 32-bit displacement away from `next`? */
static bool reaches(uint64_t next, uint64_t to)
{
	int64_t distance = (int64_t)(to - next);

	return distance >= INT32_MIN && distance <= INT32_MAX;
}

/* With a margin for the length of a form, so that reach is one question for a whole form. */
static bool near(uint64_t at, uint64_t to)
{
	return reaches(at, to) && reaches(at + RELOCATE_FORM_MAX, to);
}

/* at: where the form begins. The size depends on `far` only. */
static void put_jump(struct form *form, uint64_t at, uint64_t to, bool far)
{
	if (far) {
		put(form, "\xff\x25\0\0\0\0", 6);
		put(form, &to, sizeof(to));
		return;
	}
	put8(form, OP_JMP_NEAR);
	put32(form, to - (at + form->size + 4));
}

static int boundary_at(const struct relocate *result, size_t old_at)
{
	for (size_t i = 0; i < result->count; i++)
		if (result->steps[i].old_at == old_at)
			return (int)i;
	return -1;
}

struct place {
	uint64_t addr;
	bool far;
};

/* Where a branch of the copy goes. Targets inside of the copy are always near. */
static enum relocate_refusal destination(const struct pass *pass, uint64_t at, uint64_t target,
					 struct place *place)
{
	uint64_t off = target - pass->job->from;
	int step;

	place->addr = target;
	place->far = !near(at, target);
	if (off >= pass->job->len)
		return off < pass->job->patch ? RELOCATE_INTO_PATCH : RELOCATE_DONE;
	step = boundary_at(pass->result, off);
	if (step >= 0) {
		place->addr = pass->job->to + pass->result->steps[step].new_at;
		place->far = false;
		return RELOCATE_DONE;
	}
	return off < pass->job->patch ? RELOCATE_INTO_PATCH : RELOCATE_DONE;
}

static enum relocate_refusal form_jmp(const struct place *place, uint64_t at, struct form *form)
{
	put_jump(form, at, place->addr, place->far);
	return RELOCATE_DONE;
}

static enum relocate_refusal form_jcc(const struct decode_insn *insn, const struct place *place,
				      uint64_t at, struct form *form)
{
	if (place->far) {
		put8(form, OP_JCC_SHORT | (insn->condition ^ 1u));
		put8(form, JMP_FAR_SIZE);
		put_jump(form, at, place->addr, true);
		return RELOCATE_DONE;
	}
	put8(form, 0x0f);
	put8(form, 0x80u | insn->condition);
	put32(form, place->addr - (at + 6));
	return RELOCATE_DONE;
}

/*
 *	loop  1f	the original with its prefixes
 *	jmp   2f
 * 1:	jmp   target
 * 2:
 */
static enum relocate_refusal form_loop(const struct decode_insn *insn, const uint8_t *bytes,
				       const struct place *place, uint64_t at, struct form *form)
{
	put(form, bytes, insn->branch_at);
	put8(form, 2);
	put8(form, OP_JMP_SHORT);
	put8(form, place->far ? JMP_FAR_SIZE : JMP_NEAR_SIZE);
	put_jump(form, at, place->addr, place->far);
	return RELOCATE_DONE;
}

/* Has only a 32-bit form. */
static enum relocate_refusal form_xbegin(const struct decode_insn *insn, const uint8_t *bytes,
					 const struct place *place, uint64_t at, struct form *form)
{
	if (place->far)
		return RELOCATE_OUT_OF_REACH;
	put(form, bytes, insn->branch_at);
	put32(form, place->addr - (at + insn->length));
	return RELOCATE_DONE;
}

/*
 *	push  $low half, sign-extended
 *	movl  $high half, 4(%rsp)	where that is not the sign
 */
static void put_push(struct form *form, uint64_t value)
{
	uint64_t high = value >> 32;

	put8(form, OP_PUSH_IMM32);
	put32(form, value);
	if (high == (value & 0x80000000u ? UINT32_MAX : 0))
		return;
	put(form, "\xc7\x44\x24\x04", 4);
	put32(form, high);
}

static enum relocate_refusal form_call(uint64_t back, const struct place *place, uint64_t at,
				       struct form *form)
{
	put_push(form, back);
	put_jump(form, at, place->addr, place->far);
	return RELOCATE_DONE;
}

static enum relocate_refusal form_direct(const struct pass *pass, size_t i, uint64_t at,
					 struct form *form)
{
	const struct decode_insn *insn = &pass->insns[i];
	const struct relocate_job *job = pass->job;
	size_t old_at = pass->result->steps[i].old_at;
	enum relocate_refusal refusal;
	struct place place;

	refusal = destination(pass, at, insn->target, &place);
	if (refusal)
		return refusal;
	switch (insn->kind) {
	case DECODE_JMP:
		return form_jmp(&place, at, form);
	case DECODE_JCC:
		return form_jcc(insn, &place, at, form);
	case DECODE_LOOP:
		return form_loop(insn, job->bytes + old_at, &place, at, form);
	case DECODE_XBEGIN:
		return form_xbegin(insn, job->bytes + old_at, &place, at, form);
	default:
		return form_call(job->from + old_at + insn->length, &place, at, form);
	}
}

/* lea and mov into a 32- or 64-bit general register: the address fits into the register itself. */
static enum relocate_refusal form_absolute(const struct decode_insn *insn, const uint8_t *bytes,
					   struct form *form)
{
	uint8_t rex = 0, opcode = bytes[insn->prefixes], reg = bytes[insn->modrm_at] >> 3 & 7;
	bool lea = opcode == 0x8d;

	if (insn->prefixes == 1 && (bytes[0] & 0xf0) == 0x40)
		rex = bytes[0];
	else if (insn->prefixes)
		return RELOCATE_OUT_OF_REACH; /* a segment, an operand size, a lock */
	if ((!lea && opcode != 0x8b) || insn->modrm_at != insn->prefixes + 1)
		return RELOCATE_OUT_OF_REACH;
	if (lea && !(rex & 8)) { /* cut to 32 bits */
		if (rex & 4)
			put8(form, 0x41);
		put8(form, 0xb8u | reg);
		put32(form, insn->rip_target);
		return RELOCATE_DONE;
	}
	/* rsp is where a signal would be delivered; it must not hold anything else in between. */
	if (!lea && reg == DECODE_RSP && !(rex & 4))
		return RELOCATE_OUT_OF_REACH;
	put8(form, rex & 4 ? 0x49 : 0x48);
	put8(form, 0xb8u | reg);
	put(form, &insn->rip_target, sizeof(insn->rip_target));
	if (lea)
		return RELOCATE_DONE;
	/* mov disp8(%reg), %reg: with a displacement no base means something else, rsp and r12 need
	 * a SIB byte. */
	put8(form, 0x40u | (rex & 8) | (rex & 4 ? 5 : 0));
	put8(form, 0x8b);
	put8(form, 0x40u | (unsigned int)(reg << 3) | reg);
	if (reg == DECODE_RSP)
		put8(form, 0x24);
	put8(form, 0);
	return RELOCATE_DONE;
}

/* `form` has the instruction's bytes from `start` on; its displacement is set for `target`. */
static enum relocate_refusal fix_rip(const struct decode_insn *insn, struct form *form,
				     size_t start, uint64_t at)
{
	uint64_t next = at + form->size;
	uint32_t disp;

	/* Cut to 32 bits, every sum is in reach. */
	if (insn->rip_relative && !reaches(next, insn->rip_target))
		return RELOCATE_OUT_OF_REACH;
	disp = (uint32_t)(insn->rip_target - next);
	memcpy(form->bytes + start + insn->disp_at, &disp, sizeof(disp));
	return RELOCATE_DONE;
}

static enum relocate_refusal form_same(const struct decode_insn *insn, const uint8_t *bytes,
				       uint64_t at, struct form *form)
{
	put(form, bytes, insn->length);
	if (!insn->rip_relative && !insn->eip_relative)
		return RELOCATE_DONE;
	if (insn->rip_relative && !near(at, insn->rip_target)) {
		form->size = 0;
		return form_absolute(insn, bytes, form);
	}
	return fix_rip(insn, form, 0, at);
}

/* A jump through the same operand, read after a push: what lies at n(%rsp) lies at n+8(%rsp). */
static enum relocate_refusal put_stack_operand(const struct decode_insn *insn, const uint8_t *bytes,
					       struct form *form)
{
	uint8_t modrm = bytes[insn->modrm_at];
	int32_t disp = 0;

	if (insn->disp_size == 1)
		disp = (int8_t)bytes[insn->disp_at];
	else if (insn->disp_size == 4)
		memcpy(&disp, bytes + insn->disp_at, sizeof(disp));
	if (disp < 0 || disp > INT32_MAX - 8)
		return RELOCATE_CALL_STACK; /* may be what the push overwrites */
	if (insn->modrm_at + 6 > DECODE_LENGTH_MAX)
		return RELOCATE_CALL_STACK; /* prefixes leave no room for the displacement */
	put(form, bytes, insn->modrm_at);
	put8(form, 0x80u | 4u << 3 | (modrm & 7u));
	put8(form, bytes[insn->modrm_at + 1]);
	put32(form, (uint32_t)disp + 8);
	return RELOCATE_DONE;
}

static enum relocate_refusal form_call_indirect(const struct relocate_job *job,
						const struct decode_insn *insn, size_t old_at,
						uint64_t at, struct form *form)
{
	const uint8_t *bytes = job->bytes + old_at;
	uint8_t modrm = bytes[insn->modrm_at];
	bool high_base, is_register = modrm >> 6 == 3, on_stack;
	uint8_t base = modrm & 7;
	size_t start;

	/* Only a REX byte that stands last counts. */
	high_base = insn->prefixes && (bytes[insn->prefixes - 1] & 0xf1) == 0x41;
	if (!is_register && base == 4)
		base = bytes[insn->modrm_at + 1] & 7;
	on_stack = base == DECODE_RSP && !high_base;
	if (on_stack && is_register)
		return RELOCATE_CALL_STACK;
	put_push(form, job->from + old_at + insn->length);
	if (on_stack)
		return put_stack_operand(insn, bytes, form);
	start = form->size;
	put(form, bytes, insn->length);
	form->bytes[start + insn->modrm_at] = (uint8_t)((modrm & 0xc7) | 4 << 3);
	if (!insn->rip_relative && !insn->eip_relative)
		return RELOCATE_DONE;
	return fix_rip(insn, form, start, at);
}

static enum relocate_refusal form_one(const struct pass *pass, size_t i, uint64_t at,
				      struct form *form)
{
	const struct decode_insn *insn = &pass->insns[i];
	size_t old_at = pass->result->steps[i].old_at;
	size_t next = old_at + insn->length;
	bool call = insn->kind == DECODE_CALL || insn->kind == DECODE_CALL_INDIRECT;

	form->size = 0;
	if (call && next < pass->job->patch)
		return RELOCATE_RETURN_INTO_PATCH;
	if (insn->kind == DECODE_CALL_INDIRECT)
		return form_call_indirect(pass->job, insn, old_at, at, form);
	if (decode_is_direct(insn))
		return form_direct(pass, i, at, form);
	return form_same(insn, pass->job->bytes + old_at, at, form);
}

static enum relocate_refusal refuse(struct relocate *result, enum relocate_refusal refusal,
				    size_t at)
{
	result->refusal = refusal;
	result->refused_at = at;
	return refusal;
}

static enum relocate_refusal split(struct pass *pass)
{
	const struct relocate_job *job = pass->job;
	struct relocate *result = pass->result;
	size_t at = 0;

	if (!job->len || job->len > RELOCATE_LEN_MAX)
		return refuse(result, RELOCATE_BAD_RANGE, 0);
	while (at < job->len) {
		struct decode_insn *insn = &pass->insns[result->count];

		if (result->count == RELOCATE_STEPS_MAX)
			return refuse(result, RELOCATE_TOO_LONG, at);
		result->obstacle = decode(job->bytes + at, job->len - at, job->from + at, insn);
		if (result->obstacle == DECODE_CUT)
			return refuse(result, RELOCATE_BAD_RANGE, at);
		if (result->obstacle)
			return refuse(result, RELOCATE_OBSTACLE, at);
		result->steps[result->count++].old_at = (uint16_t)at;
		at += insn->length;
	}
	result->steps[result->count].old_at = (uint16_t)at;
	return RELOCATE_DONE;
}

/* Forms of the first pass have wrong displacements to targets further on, and their right size. */
static enum relocate_refusal write_forms(struct pass *pass)
{
	struct relocate *result = pass->result;
	struct form form = { .size = 0 };
	size_t at = 0;

	for (size_t i = 0; i <= result->count; i++) {
		enum relocate_refusal refusal = RELOCATE_DONE;
		uint64_t back = pass->job->from + pass->job->len, here = pass->job->to + at;

		result->steps[i].new_at = (uint16_t)at;
		form.size = 0;
		if (i < result->count)
			refusal = form_one(pass, i, here, &form);
		else if (result->jumps_back)
			put_jump(&form, here, back, !near(here, back));
		if (refusal)
			return refuse(result, refusal, result->steps[i].old_at);
		if (form.size > sizeof(result->out) - at)
			return refuse(result, RELOCATE_TOO_LONG, result->steps[i].old_at);
		memcpy(result->out + at, form.bytes, form.size);
		at += form.size;
	}
	result->size = at;
	return RELOCATE_DONE;
}

enum relocate_refusal relocate(const struct relocate_job *job, struct relocate *result)
{
	struct pass pass = { .job = job, .result = result };
	const struct decode_insn *last;
	enum relocate_refusal refusal;

	memset(result, 0, sizeof(*result));
	refusal = split(&pass);
	if (refusal)
		return refusal;
	last = &pass.insns[result->count - 1];
	/* What calls pushes an address in the original, and is left for good. */
	result->jumps_back = decode_falls_through(last) && last->kind != DECODE_CALL &&
			     last->kind != DECODE_CALL_INDIRECT;
	if (result->jumps_back && job->patch > job->len)
		return refuse(result, RELOCATE_BAD_RANGE, job->len);
	refusal = write_forms(&pass);
	return refusal ? refusal : write_forms(&pass);
}

int relocate_to_new(const struct relocate *result, size_t old_at)
{
	for (size_t i = 0; i <= result->count; i++)
		if (result->steps[i].old_at == old_at)
			return result->steps[i].new_at;
	return -1;
}

int relocate_to_old(const struct relocate *result, size_t new_at)
{
	for (size_t i = 0; i <= result->count; i++)
		if (result->steps[i].new_at == new_at)
			return result->steps[i].old_at;
	return -1;
}

const char *relocate_why(const struct relocate *result)
{
	static const char *const why[] = {
		[RELOCATE_DONE] = "",
		[RELOCATE_BAD_RANGE] = "the range does not end between two instructions",
		[RELOCATE_TOO_LONG] = "the instructions take more room than there is",
		[RELOCATE_OUT_OF_REACH] = "an operand is more than 2 GiB away from the copy",
		[RELOCATE_INTO_PATCH] =
			"a branch goes to the middle of an instruction that would be overwritten",
		[RELOCATE_RETURN_INTO_PATCH] = "a call would return into overwritten bytes",
		[RELOCATE_CALL_STACK] = "a call takes its target from the stack that it pushes to",
	};

	if (result->refusal == RELOCATE_OBSTACLE)
		return decode_why(result->obstacle);
	return (size_t)result->refusal < sizeof(why) / sizeof(*why) ? why[result->refusal] : "";
}
