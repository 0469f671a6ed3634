#include "distro/synth.h"

#include <assert.h>

static int append(void *ctx, struct view data, struct error *err)
{
    (void)err;
    str_add(ctx, data);
    return 0;
}

void synth_init(struct synth *s, int64_t mtime_s)
{
    *s = (struct synth){.bytes = STR_INIT, .mtime_s = mtime_s};
    s->writer = TAR_WRITER_INIT(append, &s->bytes);
}

void synth_done(struct synth *s)
{
    tar_writer_done(&s->writer);
    str_done(&s->bytes);
}

static void put(struct synth *s, const struct entry *e, struct view data)
{
    /* names and sizes are ours and the sink only grows a string */
    int r = tar_put(&s->writer, e, NULL);

    if (r >= 0 && data.size)
        r = tar_put_data(&s->writer, data, NULL);
    assert(r >= 0);
    (void)r;
}

void synth_dir_owned(struct synth *s, const char *path, uint32_t mode, uint32_t uid, uint32_t gid)
{
    put(s,
        &(struct entry){.path = path,
                        .type = ENTRY_DIR,
                        .mode = mode,
                        .uid = uid,
                        .gid = gid,
                        .mtime_s = s->mtime_s},
        VIEW(""));
}

void synth_dir(struct synth *s, const char *path, uint32_t mode)
{
    synth_dir_owned(s, path, mode, 0, 0);
}

void synth_file(struct synth *s, const char *path, uint32_t mode, struct view data)
{
    put(s,
        &(struct entry){.path = path,
                        .type = ENTRY_FILE,
                        .mode = mode,
                        .size = data.size,
                        .mtime_s = s->mtime_s},
        data);
}

void synth_link(struct synth *s, const char *path, const char *target)
{
    put(s,
        &(struct entry){.path = path,
                        .type = ENTRY_SYMLINK,
                        .mode = 0777,
                        .link = target,
                        .mtime_s = s->mtime_s},
        VIEW(""));
}

int synth_unpack(struct synth *s, struct unpack *u, struct error *err)
{
    int r = tar_finish(&s->writer, err);

    if (r < 0)
        return r;
    CLEANUP(codec_closep)
    struct codec_reader *in = codec_open_bytes(str_view(&s->bytes), 0, NULL);
    r = unpack_tar(u, in, err);
    return r < 0 ? error_wrap(err, r, "files made by cooper") : 0;
}
