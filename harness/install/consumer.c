/* SPDX-License-Identifier: MIT */
/* The least that a user of the library writes; task_find is a name that libscion has inside as well. */
#include <scion/scion.h>
#include <stdio.h>
#include <string.h>

int task_find(void);

int task_find(void)
{
	return 0;
}

int main(void)
{
	struct scion_options options = { .size = sizeof(options) };
	struct scion_session *session = NULL;
	int error = scion_session_new(&options, &session);

	if (error) {
		fprintf(stderr, "scion_session_new: %s\n", scion_error_name(error));
		return 1;
	}
	scion_session_free(session);
	puts(scion_version());
	return task_find();
}
