/* SPDX-License-Identifier: MIT */
/*
 * case.h - what all cases know. IN and OUT are given on the command line: addresses of the original
 * and of the copy. DATA is a symbol at IN + 0x2000. By the case's name:
 *
 *	far_*	the copy is out of reach
 *	high_*	the original is above 4 GiB
 *	short_*	two bytes are overwritten, else five
 */
.text.globl START START:
