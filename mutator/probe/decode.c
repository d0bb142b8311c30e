/* SPDX-License-Identifier: MIT */
/*
 * decode.c - on Zydis. What it reports is translated at once: nothing of it leaves this file.
 */
#include "probe/decode.h"

#include <Zydis/Zydis.h>
#include <string.h>

/* Zydis can't be told to refuse what only some CPUs decode otherwise; SIZED_BRANCH does that. */
static void decoder_init(ZydisDecoder *decoder)
{
	ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	/* As in code that runs here: MPX is gone, its prefixes are ignored. */
	ZydisDecoderEnableMode(decoder, ZYDIS_DECODER_MODE_MPX, ZYAN_FALSE);
}

static enum decode_kind conditional_kind(const ZydisDecodedInstruction *zydis)
{
	switch (zydis->mnemonic) {
	case ZYDIS_MNEMONIC_LOOP:
	case ZYDIS_MNEMONIC_LOOPE:
	case ZYDIS_MNEMONIC_LOOPNE:
	case ZYDIS_MNEMONIC_JRCXZ:
	case ZYDIS_MNEMONIC_JECXZ:
		return DECODE_LOOP;
	case ZYDIS_MNEMONIC_XBEGIN:
		return DECODE_XBEGIN;
	default:
		return zydis->raw.imm[0].is_relative ? DECODE_JCC : DECODE_PLAIN;
	}
}

static enum decode_kind kind_of(const ZydisDecodedInstruction *zydis)
{
	bool relative = zydis->raw.imm[0].is_relative;

	switch (zydis->mnemonic) {
	case ZYDIS_MNEMONIC_JMP:
		return relative ? DECODE_JMP : DECODE_JMP_INDIRECT;
	case ZYDIS_MNEMONIC_CALL:
		return relative ? DECODE_CALL : DECODE_CALL_INDIRECT;
	case ZYDIS_MNEMONIC_ENDBR64:
		return DECODE_ENDBR64;
	case ZYDIS_MNEMONIC_INT3:
		return DECODE_INT3;
	case ZYDIS_MNEMONIC_NOP:
		return DECODE_NOP;
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:
	case ZYDIS_MNEMONIC_HLT:
		return DECODE_STOP;
	case ZYDIS_MNEMONIC_RET:
	case ZYDIS_MNEMONIC_IRET:
	case ZYDIS_MNEMONIC_IRETD:
	case ZYDIS_MNEMONIC_IRETQ:
		return DECODE_RET;
	default:
		return relative ? conditional_kind(zydis) : DECODE_PLAIN;
	}
}

static bool has_prefix(const ZydisDecodedInstruction *zydis, uint8_t value)
{
	for (uint8_t i = 0; i < zydis->raw.prefix_count; i++)
		if (zydis->raw.prefixes[i].value == value)
			return true;
	return false;
}

static bool is_branch(enum decode_kind kind)
{
	return (kind >= DECODE_JMP && kind <= DECODE_CALL_INDIRECT) || kind == DECODE_RET;
}

static enum decode_obstacle obstacle_of(const ZydisDecodedInstruction *zydis,
					const struct decode_insn *insn)
{
	if (zydis->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR)
		return DECODE_FAR_BRANCH;
	if (insn->kind == DECODE_INT3)
		return DECODE_BREAKPOINT;
	if (is_branch(insn->kind) && has_prefix(zydis, 0x66))
		return DECODE_SIZED_BRANCH;
	return DECODE_MOVABLE;
}

static void set_branch(struct decode_insn *insn, const ZydisDecodedInstruction *zydis,
		       uint64_t addr)
{
	insn->branch_at = zydis->raw.imm[0].offset;
	insn->branch_size = zydis->raw.imm[0].size / 8;
	insn->target = addr + zydis->length + (uint64_t)zydis->raw.imm[0].value.s;
	insn->condition = zydis->opcode & 0xf;
}

/* ModRM mod 0, rm 5 is what says rip-relative; both are there in VEX and EVEX encodings, too. */
static void set_memory(struct decode_insn *insn, const ZydisDecodedInstruction *zydis,
		       uint64_t addr)
{
	if (!(zydis->attributes & ZYDIS_ATTRIB_HAS_MODRM))
		return;
	insn->modrm_at = zydis->raw.modrm.offset;
	insn->disp_at = zydis->raw.disp.size ? zydis->raw.disp.offset : 0;
	insn->disp_size = zydis->raw.disp.size / 8;
	if (zydis->raw.modrm.mod != 0 || zydis->raw.modrm.rm != 5 || insn->disp_size != 4)
		return;
	insn->rip_target = addr + zydis->length + (uint64_t)zydis->raw.disp.value;
	insn->rip_relative = zydis->address_width == 64;
	insn->eip_relative = !insn->rip_relative;
	if (insn->eip_relative)
		insn->rip_target &= UINT32_MAX;
}

static enum decode_obstacle translate(const ZydisDecodedInstruction *zydis, uint64_t addr,
				      struct decode_insn *insn)
{
	insn->length = zydis->length;
	insn->kind = kind_of(zydis);
	insn->prefixes = zydis->raw.prefix_count;
	if (zydis->raw.imm[0].size)
		insn->imm_at = zydis->raw.imm[0].offset;
	if (zydis->raw.imm[0].is_relative)
		set_branch(insn, zydis, addr);
	set_memory(insn, zydis, addr);
	insn->obstacle = obstacle_of(zydis, insn);
	return insn->obstacle;
}

static enum decode_obstacle failure(ZyanStatus status, struct decode_insn *insn)
{
	insn->obstacle = status == ZYDIS_STATUS_NO_MORE_DATA ? DECODE_CUT : DECODE_INVALID;
	return insn->obstacle;
}

enum decode_obstacle decode(const uint8_t *bytes, size_t len, uint64_t addr,
			    struct decode_insn *insn)
{
	ZydisDecodedInstruction zydis;
	ZydisDecoder decoder;
	ZyanStatus status;

	memset(insn, 0, sizeof(*insn));
	decoder_init(&decoder);
	status = ZydisDecoderDecodeInstruction(&decoder, NULL, bytes, len, &zydis);
	if (!ZYAN_SUCCESS(status))
		return failure(status, insn);
	return translate(&zydis, addr, insn);
}

static uint64_t register_mask(ZydisRegister reg)
{
	ZydisRegister whole;
	int id;

	if (reg == ZYDIS_REGISTER_NONE)
		return 0;
	whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
	if (whole != ZYDIS_REGISTER_NONE)
		reg = whole;
	id = ZydisRegisterGetId(reg);
	switch (ZydisRegisterGetClass(reg)) {
	case ZYDIS_REGCLASS_GPR64:
		return DECODE_GPR(id);
	case ZYDIS_REGCLASS_XMM:
	case ZYDIS_REGCLASS_YMM:
	case ZYDIS_REGCLASS_ZMM:
		return DECODE_VECTOR(id);
	case ZYDIS_REGCLASS_MASK:
		return DECODE_MASK(id);
	case ZYDIS_REGCLASS_X87:
	case ZYDIS_REGCLASS_MMX:
		return DECODE_X87;
	case ZYDIS_REGCLASS_SEGMENT:
		return DECODE_SEGMENT;
	case ZYDIS_REGCLASS_IP:
	case ZYDIS_REGCLASS_FLAGS: /* has a mask of its own */
		return 0;
	default:
		return DECODE_OTHER;
	}
}

/* A write to 8 or 16 bits of a register, or under a condition, leaves the rest as it was. */
static bool writes_in_part(const ZydisDecodedOperand *operand)
{
	return (operand->actions & ZYDIS_OPERAND_ACTION_CONDWRITE) ||
	       ZydisRegisterGetClass(operand->reg.value) == ZYDIS_REGCLASS_GPR8 ||
	       ZydisRegisterGetClass(operand->reg.value) == ZYDIS_REGCLASS_GPR16;
}

static void note_operand(const ZydisDecodedOperand *operand, struct decode_insn *insn)
{
	uint64_t mask;

	if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY) {
		insn->reads |= register_mask(operand->mem.base) | register_mask(operand->mem.index);
		return;
	}
	if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return;
	mask = register_mask(operand->reg.value);
	if (operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ)
		insn->reads |= mask;
	if (!(operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
		return;
	insn->writes |= mask;
	if (writes_in_part(operand))
		insn->reads |= mask;
}

enum decode_obstacle decode_full(const uint8_t *bytes, size_t len, uint64_t addr,
				 struct decode_insn *insn)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction zydis;
	ZydisDecoder decoder;
	ZyanStatus status;

	memset(insn, 0, sizeof(*insn));
	decoder_init(&decoder);
	status = ZydisDecoderDecodeFull(&decoder, bytes, len, &zydis, operands);
	if (!ZYAN_SUCCESS(status))
		return failure(status, insn);
	translate(&zydis, addr, insn);
	for (uint8_t i = 0; i < zydis.operand_count; i++)
		note_operand(&operands[i], insn);
	if (zydis.cpu_flags) {
		const ZydisAccessedFlags *flags = zydis.cpu_flags;

		insn->flags_read = flags->tested;
		insn->flags_written = flags->modified | flags->set_0 | flags->set_1 |
				      flags->undefined;
	}
	return insn->obstacle;
}

bool decode_is_direct(const struct decode_insn *insn)
{
	return insn->kind >= DECODE_JMP && insn->kind <= DECODE_XBEGIN && insn->branch_size;
}

bool decode_falls_through(const struct decode_insn *insn)
{
	return insn->kind != DECODE_JMP && insn->kind != DECODE_JMP_INDIRECT &&
	       insn->kind != DECODE_RET && insn->kind != DECODE_STOP;
}

const char *decode_why(enum decode_obstacle obstacle)
{
	static const char *const why[] = {
		[DECODE_MOVABLE] = "",
		[DECODE_INVALID] = "the bytes are no instruction",
		[DECODE_CUT] = "the bytes end inside an instruction",
		[DECODE_BREAKPOINT] = "a breakpoint (int3) stands there",
		[DECODE_FAR_BRANCH] = "a far branch can't be moved",
		[DECODE_SIZED_BRANCH] = "a branch has an operand size prefix",
	};

	return (size_t)obstacle < sizeof(why) / sizeof(*why) ? why[obstacle] : "";
}
