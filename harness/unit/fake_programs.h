/* SPDX-License-Identifier: MIT */
/* fake_programs.h - small programs for fake_explore.h, each named after the trap that it is about. */
#ifndef FAKE_PROGRAMS_H
#define FAKE_PROGRAMS_H

#include "fake_explore.h"

/** How much an exploration of all its orders costs. */
enum program_size {
	PROGRAM_SMALL,  /* for products of kills, detaches and holds */
	PROGRAM_MEDIUM, /* for one of them */
	PROGRAM_LARGE,  /* for its orders alone */
};

struct program {
	enum program_size size;
	struct explore_scenario scenario;
};

extern const struct program programs[];
extern const size_t program_count;

#define EACH_PROGRAM(P) for (const struct program *P = programs; P < programs + program_count; P++)

#endif
