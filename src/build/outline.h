/* build/outline.h - --print outline|targets and --check: documents about a Dockerfile, and their tables for people. */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "dockerfile/dockerfile.h"

/* {"targets": [{"name", "default", "description", "base", "platform", "location"}], "sources": [...]}; no image is looked at. */
json_t *outline_targets(const struct dockerfile *d);

/* Adds "location", as BuildKit has it. */
void outline_set_location(json_t *obj, uint32_t first, uint32_t last);

/* Adds "sources": the Dockerfile in base64; with_name as an object with its name, as BuildKit has it for checks. */
void outline_set_sources(json_t *doc, const struct dockerfile *d, bool with_name);

void outline_print(FILE *out, const json_t *outline); /* of frontend_plan() */
void outline_print_targets(FILE *out, const json_t *targets);

/* What --check found in one place. */
struct finding {
    char *rule; /* "StageNameCasing"; NULL: none of the rules that have names */
    char *text;
    struct span span; /* line 0: nowhere */
};
struct findings {
    struct finding *at;
    size_t size, cap;
};
void findings_done(struct findings *f);
void findings_sort(struct findings *f);
/* One after the other with its line; a last line counts them. */
void findings_print(FILE *out, const struct dockerfile *d, const struct findings *f);
/* {"warnings": [{"ruleName", "url", "detail", "location"}], "sources": [{"filename", "language", "data"}], "buildError": {"message",
 * "location"}}; the last where the file does not build: failed says why, or is NULL. */
json_t *findings_doc(const struct dockerfile *d, const struct findings *f,
                     const struct error *failed);
