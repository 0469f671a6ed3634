/* distro/synth.h - files of our own making as an archive in memory, which the unpacker adds to a
 * tree: so there is one way only by which files get into a tree. */
#pragma once

#include "layer/tar.h"
#include "layer/unpack.h"

struct synth {
    struct str bytes;
    struct tar_writer writer;
    int64_t mtime_s; /* of all */
};
void synth_init(struct synth *s, int64_t mtime_s);
void synth_done(struct synth *s);

/* Memory is all that could fail: none of these does. Owned by 0:0. */
void synth_dir(struct synth *s, const char *path, uint32_t mode);
void synth_dir_owned(struct synth *s, const char *path, uint32_t mode, uint32_t uid, uint32_t gid);
void synth_file(struct synth *s, const char *path, uint32_t mode, struct view data);
void synth_link(struct synth *s, const char *path, const char *target);

/* Ends the archive and adds it to u. */
MUST_CHECK int synth_unpack(struct synth *s, struct unpack *u, struct error *err);
