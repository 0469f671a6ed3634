/* layer/chunked.h - private to layer: zstd:chunked (containers/storage, pkg/chunked), a .tar.zst whose files can be fetched
 * one by one, and whose archive is the plain one.
 *
 * Every CODEC_CHUNK of a content is a frame of its own, and so is what stands between contents. Behind the archive three
 * skippable frames: the table of contents, the tar-split (the archive without its contents, so that it can be put together
 * again), and a footer of 64 bytes; the first two are packed. Readers go by annotations (write.h, struct write_toc). */
#pragma once

#include "layer/write_internal.h"

void chunked_cut(struct write_plan *p);
void chunked_seen(struct write_plan *p, uint64_t number, struct view plain);
/* Behind the archive. A name that is no UTF-8 cannot be in the table: then there is none, and the layer is a plain .tar.zst. */
MUST_CHECK int chunked_finish(struct write_plan *p, struct codec_writer *w, struct write_toc *ret,
                              struct error *err);
