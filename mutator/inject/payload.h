/* SPDX-License-Identifier: MIT */
/* payload.h - a payload as the mutator has it: built in, or an object of the user's. */
#ifndef SCION_INJECT_PAYLOAD_H
#define SCION_INJECT_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "inject/builtin.h"
#include "inject/object.h"
#include "scion/scion.h"

#define PAYLOAD_DATA_MAX 4096

struct scion_payload {
	char *name;
	const struct builtin_payload *builtin; /* or NULL */
	struct object *object;                 /* or NULL */
	uint32_t flags;                        /* SCION_PAYLOAD_* */
	uint64_t args[SCION_PAYLOAD_ARGS];
	void *data;
	size_t data_len;
	unsigned data_index; /* argument word that gets the data's address */
};

/** Bytes of its code in the target. */
size_t payload_size(const struct scion_payload *payload);

#endif
