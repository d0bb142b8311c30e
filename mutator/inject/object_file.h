/* SPDX-License-Identifier: MIT */
/*
 * object_file.h - an object from a file.
 */
#ifndef SCION_INJECT_OBJECT_FILE_H
#define SCION_INJECT_OBJECT_FILE_H

#include "inject/object.h"

/**
 * Reads a file and opens the object in it, whether accepted or refused (see object_open). Returns
 * 0, or a negative errno with *object = NULL and the cause in *error.
 */
int object_load(const char *path, struct object **object, struct object_error *error);

#endif
