/* layer/toc.h - private to layer: the table of contents that eStargz and zstd:chunked have alike, a JSON document with a row
 * for each entry of the archive and one for each further chunk of a content (CRFS's, as both call it). */
#pragma once

#include "base/doc.h"
#include "layer/write_internal.h"

struct toc {
    const struct write_plan *plan;
    bool chunked; /* as containers/storage has it: all times, no digest of what is empty */
    size_t cut;   /* the next one that may begin a content */
    struct str text;
};

/* A content that is fetched by itself, and where its first byte stands. */
bool toc_has_content(const struct write_plan *p, size_t i);
/* '{"version":1,"entries":[' and the rows of entry i; what is behind them is the caller's. */
void toc_begin(struct toc *t);
void toc_put(struct toc *t, json_t *take_row);
void toc_put_entry(struct toc *t, size_t i);
json_t *toc_row(const struct toc *t, const char *name, const char *type, uint32_t mode,
                const struct entry *e);
void toc_set_digest(json_t *doc, const char *key, const struct digest *d);
/* Appended. */
void toc_base64(struct str *to, struct view v);
