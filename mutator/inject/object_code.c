/* SPDX-License-Identifier: MIT */
/*
 * object_code.c - finds instructions that a payload's description must announce, by Zydis.
 */
#include "inject/object_code.h"

#include <Zydis/Zydis.h>
#include <errno.h>
#include <stdio.h>

static int register_is_general(ZydisRegister reg)
{
	switch (ZydisRegisterGetClass(reg)) {
	case ZYDIS_REGCLASS_X87:
	case ZYDIS_REGCLASS_MMX:
	case ZYDIS_REGCLASS_XMM:
	case ZYDIS_REGCLASS_YMM:
	case ZYDIS_REGCLASS_ZMM:
	case ZYDIS_REGCLASS_TMM:
	case ZYDIS_REGCLASS_MASK:
	case ZYDIS_REGCLASS_BOUND:
		return 0;
	default:
		break;
	}
	return reg != ZYDIS_REGISTER_MXCSR && reg != ZYDIS_REGISTER_X87CONTROL &&
	       reg != ZYDIS_REGISTER_X87STATUS && reg != ZYDIS_REGISTER_X87TAG &&
	       reg != ZYDIS_REGISTER_PKRU;
}

/* Instructions that change vector state without naming a register of it. */
static int extension_is_general(const ZydisDecodedInstruction *insn)
{
	switch (insn->meta.isa_ext) {
	case ZYDIS_ISA_EXT_X87:
	case ZYDIS_ISA_EXT_AMX_TILE:
	case ZYDIS_ISA_EXT_XSAVE:
	case ZYDIS_ISA_EXT_XSAVEC:
	case ZYDIS_ISA_EXT_XSAVEOPT:
	case ZYDIS_ISA_EXT_XSAVES:
		/* xgetbv only reads; it lives in the same extension. */
		return insn->mnemonic == ZYDIS_MNEMONIC_XGETBV;
	default:
		return insn->mnemonic != ZYDIS_MNEMONIC_EMMS &&
		       insn->mnemonic != ZYDIS_MNEMONIC_FXRSTOR &&
		       insn->mnemonic != ZYDIS_MNEMONIC_FXRSTOR64 &&
		       insn->mnemonic != ZYDIS_MNEMONIC_FXSAVE &&
		       insn->mnemonic != ZYDIS_MNEMONIC_FXSAVE64 &&
		       insn->mnemonic != ZYDIS_MNEMONIC_VZEROUPPER &&
		       insn->mnemonic != ZYDIS_MNEMONIC_VZEROALL;
	}
}

/*
 * A multi-byte nop and prefetch, endbr64 and pause belong to extensions of their own but touch
 * nothing: only what is named above counts.
 */
static int instruction_is_general(const ZydisDecodedInstruction *insn,
				  const ZydisDecodedOperand *operands)
{
	ZyanU8 i;

	if (!extension_is_general(insn))
		return 0;
	for (i = 0; i < insn->operand_count; i++) {
		const ZydisDecodedOperand *op = &operands[i];

		if (op->type == ZYDIS_OPERAND_TYPE_REGISTER && !register_is_general(op->reg.value))
			return 0;
		/* Gather and scatter index memory by a vector register. */
		if (op->type == ZYDIS_OPERAND_TYPE_MEMORY && !register_is_general(op->mem.index))
			return 0;
	}
	return 1;
}

static void use_describe(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *operands,
			 struct object_code_use *use)
{
	ZydisFormatter formatter;

	if (!ZYAN_SUCCESS(ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL)) ||
	    !ZYAN_SUCCESS(ZydisFormatterFormatInstruction(
		    &formatter, insn, operands, insn->operand_count_visible, use->text,
		    sizeof(use->text), ZYDIS_RUNTIME_ADDRESS_NONE, NULL)))
		snprintf(use->text, sizeof(use->text), "%s",
			 ZydisMnemonicGetString(insn->mnemonic));
}

static int instruction_is(enum object_code_kind kind, const ZydisDecodedInstruction *insn,
			  const ZydisDecodedOperand *operands)
{
	if (kind == OBJECT_CODE_VECTOR)
		return !instruction_is_general(insn, operands);
	return insn->meta.category == ZYDIS_CATEGORY_SYSCALL ||
	       insn->mnemonic == ZYDIS_MNEMONIC_INT;
}

int object_code_find(const unsigned char *code, size_t len, enum object_code_kind kind,
		     struct object_code_use *use)
{
	ZydisDecoder decoder;
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	size_t offset;

	use->text[0] = '\0';
	use->offset = 0;
	if (!ZYAN_SUCCESS(
		    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)))
		return -EILSEQ;
	for (offset = 0; offset < len; offset += insn.length) {
		use->offset = offset;
		if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code + offset, len - offset,
							 &insn, operands)))
			return -EILSEQ;
		if (instruction_is(kind, &insn, operands)) {
			use_describe(&insn, operands, use);
			return 1;
		}
	}
	return 0;
}
