/* tests/fuzz/fuzz_tar.c - any bytes as an archive; what could be read is written and read again, and must be the
 * same then. */
#include <assert.h>
#include <string.h>

#include "layer/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DATA_MAX (1u << 20) /* holes are free in the archive, not here */

static int add_sink(void *ctx, struct view data, struct error *err)
{
    (void)err;
    str_add(ctx, data);
    return 0;
}

static bool copy_data(struct tar_reader *r, struct tar_writer *w)
{
    char buf[4096];
    int n;

    while ((n = tar_read(r, buf, sizeof(buf), NULL)) > 0)
        if (tar_put_data(w, view_make(buf, (size_t)n), NULL) < 0)
            return false;
    return n == 0;
}

/* Writes again what can be written; returns how many entries that were. */
static size_t rewrite(struct view in, struct str *out)
{
    CLEANUP(codec_closep) struct codec_reader *c = codec_open_bytes(in, 0, NULL);
    CLEANUP(tar_reader_freep) struct tar_reader *r = tar_reader_new(c);
    struct tar_writer w = TAR_WRITER_INIT(add_sink, out);
    const struct entry *e;
    size_t count = 0;

    while (tar_next(r, &e, NULL) > 0) {
        if (e->type == ENTRY_FILE && (e->size > DATA_MAX || out->size > 8 * DATA_MAX))
            break;
        if (tar_put(&w, e, NULL) < 0)
            continue;
        if (e->type == ENTRY_FILE && !copy_data(r, &w))
            break;
        count++;
    }
    const bool whole = tar_finish(&w, NULL) == 0; /* false after a file that was cut */
    tar_writer_done(&w);
    return whole ? count : count + 1000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    STR_AUTO(once);
    STR_AUTO(twice);
    const size_t first = rewrite(view_make(data, size), &once);
    const size_t second = rewrite(str_view(&once), &twice);

    assert(first == second);
    assert(once.size >= twice.size && memcmp(once.at, twice.at, MIN(twice.size, once.size)) == 0);
    return 0;
}
