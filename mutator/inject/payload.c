/* SPDX-License-Identifier: MIT */
#include "inject/payload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/session.h"
#include "inject/object_file.h"

size_t payload_size(const struct scion_payload *payload)
{
	return payload->builtin ? payload->builtin->size : object_size(payload->object);
}

static bool is_path(const char *name)
{
	size_t len = strlen(name);

	return strchr(name, '/') || (len > 2 && strcmp(name + len - 2, ".o") == 0);
}

static int open_object(struct scion_session *s, const char *path, struct scion_payload *payload)
{
	struct object_error why;
	int error = object_load(path, &payload->object, &why);

	if (error == -ENOMEM)
		return session_fail(s, SCION_ENOMEM, "out of memory");
	if (error < 0)
		return session_fail(s, error == -ENOENT ? SCION_ENOENT : SCION_EPAYLOAD,
				    "%s: can't be read: %s", path, why.text);
	if (object_reason_count(payload->object))
		return session_fail(s, SCION_EPAYLOAD,
				    "%s: refused: %s; `scion payload check %s` tells all", path,
				    object_reason(payload->object, 0), path);
	payload->flags = object_flags(payload->object);
	return SCION_OK;
}

static int open_named(struct scion_session *s, const char *name, struct scion_payload *payload)
{
	if (is_path(name))
		return open_object(s, name, payload);
	payload->builtin = builtin_find(name);
	if (!payload->builtin)
		return session_fail(s, SCION_ENOENT,
				    "%s: no such payload; `scion payload list` names those built "
				    "in, a file of your own is given as ./%s.o",
				    name, name);
	payload->flags = payload->builtin->flags;
	return SCION_OK;
}

int scion_payload_open(struct scion_session *s, const char *name, struct scion_payload **out)
{
	struct scion_payload *payload = calloc(1, sizeof(*payload));
	const char *base = strrchr(name, '/');
	int error;

	if (payload)
		payload->name = strdup(base ? base + 1 : name);
	if (!payload || !payload->name) {
		free(payload);
		return session_fail(s, SCION_ENOMEM, "out of memory");
	}
	error = open_named(s, name, payload);
	if (error) {
		scion_payload_free(payload);
		return error;
	}
	*out = payload;
	return SCION_OK;
}

void scion_payload_free(struct scion_payload *payload)
{
	if (!payload)
		return;
	object_close(payload->object);
	free(payload->data);
	free(payload->name);
	free(payload);
}

const char *scion_payload_name(const struct scion_payload *payload)
{
	return payload->name;
}

int scion_payload_set_args(struct scion_payload *payload, const uint64_t *args, size_t count)
{
	if (count > SCION_PAYLOAD_ARGS)
		return SCION_EINVAL;
	memset(payload->args, 0, sizeof(payload->args));
	if (count)
		memcpy(payload->args, args, count * sizeof(*args));
	return SCION_OK;
}

int scion_payload_set_data(struct scion_payload *payload, unsigned index, const void *data,
			   size_t length)
{
	void *copy;

	if (index >= SCION_PAYLOAD_ARGS || length > PAYLOAD_DATA_MAX)
		return SCION_EINVAL;
	copy = malloc(length ? length : 1);
	if (!copy)
		return SCION_ENOMEM;
	if (length)
		memcpy(copy, data, length);
	free(payload->data);
	payload->data = copy;
	payload->data_len = length;
	payload->data_index = index;
	return SCION_OK;
}
