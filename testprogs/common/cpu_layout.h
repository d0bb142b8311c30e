/* SPDX-License-Identifier: MIT */
/*
 * Offsets in struct cpu_image and struct cpu_check, for cpu_x86_64.S; cpu.c asserts each of them.
 */
#ifndef CPU_LAYOUT_H
#define CPU_LAYOUT_H

#define IMG_GPR     0
#define IMG_FLAGS   128
#define IMG_FS      136
#define IMG_GS      144
#define IMG_SEG     152
#define IMG_REDZONE 168
#define IMG_X       320
#define IMG_SIZE    4416

#define CHK_WANT  0
#define CHK_GOT   IMG_SIZE
#define CHK_HOST  (2 * IMG_SIZE)
#define CHK_XMASK (CHK_HOST + 4096)
#define CHK_OP    (CHK_XMASK + 8)
#define CHK_CHILD (CHK_XMASK + 16)
#define CHK_SKEW  (CHK_XMASK + 24)

/* The frame at rsp during the call, see cpu_x86_64.S. */
#define FRAME_GPR     0
#define FRAME_FLAGS   128
#define FRAME_REDZONE 136
#define FRAME_CHECK   264
#define FRAME_OP      272
#define FRAME_SIZE    280

#endif
