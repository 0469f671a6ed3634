/* layer/estargz.h - private to layer: eStargz (containerd's stargz-snapshotter, docs/estargz.md), a
 * .tar.gz whose files can be fetched one by one.
 *
 * Every content begins with a gzip member of its own, and every CODEC_CHUNK within it; the last entry
 * of the archive, stargz.index.json, says where, and the last 51 bytes of the blob where that is. We
 * have no list of files to fetch first, so there is the landmark that says so. */
#pragma once

#include "layer/write_internal.h"

/* Appends the entry .no.prefetch.landmark: two blocks. */
MUST_CHECK int estargz_landmark(struct str *ret, struct error *err);
/* Table and landmarks of an image that was eStargz before. */
bool estargz_skips(const struct entry *e);
void estargz_cut(struct write_plan *p);
/* Behind the files: table of contents, end of the archive, footer. */
MUST_CHECK int estargz_finish(struct write_plan *p, struct codec_writer *w, struct digest *ret_toc,
                              struct error *err);
