/* lint/context.h - what of a build context the rules ask for: whether it has an ignore file, and what is in it that does not belong
 * into an image. Whoever walks the directory hands every name over; what no rule asks for is not kept. */
#pragma once

#include "base/str.h"
#include "lint/requirements.h"

#define CONTEXT_FOUND_MAX 10000         /* names that are kept */
#define CONTEXT_TEXTS_MAX 64            /* files whose bytes are looked at */
#define CONTEXT_LARGE_MIN (50ull << 20) /* bytes of a file that is asked about */

struct lint_context;

/* directory: its real path; home: $HOME, or NULL. ignore_name: what .dockerignore is called there, NULL: there is none; patterns: how
 * many it has. */
struct lint_context *lint_context_new(const char *directory, const char *home,
                                      const char *ignore_name, size_t patterns);
void lint_context_free(struct lint_context *c); /* NULL is fine */
DEFINE_CLEANUP(struct lint_context *, lint_context_free)

/* One name that .dockerignore lets through, relative to the directory. True: what is below it need not be handed over. */
bool lint_context_add(struct lint_context *c, struct view path, bool directory, uint64_t size);
/* True: lint_context_text() is asked for the bytes of this file, which says what a program needs (lint/requirements.h). */
bool lint_context_wants(const struct lint_context *c, struct view path);
void lint_context_text(struct lint_context *c, struct view path, struct view text);
/* When all is there: messages name the first in order, whatever order a directory has. */
void lint_context_sort(struct lint_context *c);
