/* tests/unit/unpack_fixture.h - archives made in memory, unpacked as layers, and what is seen of them. */
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "layer/merge.h"
#include "layer/tar.h"
#include "layer/unpack.h"
#include "unit.h"

/* One entry: 'f' file, 'd' directory, 'l' symlink, 'h' hard link, 'p' fifo, 'c' character device,
 * 'r' a raw header with type flag arg[0] and the rest of arg as its data. */
struct item {
    char type;
    const char *path, *arg;
    uint32_t mode, uid;
    int64_t mtime;
};
#define ITEMS 6

static inline int add_sink(void *ctx, struct view data, struct error *err)
{
    (void)err;
    str_add(ctx, data);
    return 0;
}

static inline void raw_header(struct str *tar, const struct item *i)
{
    char h[512] = {0};
    unsigned sum = 0;
    const size_t size = strlen(i->arg + 1);

    snprintf(h, 100, "%s", i->path);
    memcpy(h + 100, "0000644", 7);
    memcpy(h + 108, "0000000", 7);
    memcpy(h + 116, "0000000", 7);
    snprintf(h + 124, 12, "%011o", (unsigned)size);
    memcpy(h + 136, "00000000000", 11);
    memset(h + 148, ' ', 8);
    h[156] = i->arg[0];
    memcpy(h + 257,
           "ustar\0"
           "00",
           8);
    for (size_t k = 0; k < sizeof(h); k++)
        sum += (uint8_t)h[k];
    snprintf(h + 148, 8, "%06o", sum);
    str_add(tar, view_make(h, sizeof(h)));
    str_add_text(tar, i->arg + 1);
    str_add(tar, view_make((const char[512]){0}, -size % 512));
}

static inline void add_item(struct tar_writer *w, struct str *tar, const struct item *i)
{
    static const struct {
        char letter;
        enum entry_type type;
    } types[] = {{'f', ENTRY_FILE},     {'d', ENTRY_DIR},  {'l', ENTRY_SYMLINK},
                 {'h', ENTRY_HARDLINK}, {'p', ENTRY_FIFO}, {'c', ENTRY_CHAR}};
    struct entry e = {
        .path = i->path, .mode = i->mode ? i->mode : 0644, .uid = i->uid, .mtime_s = i->mtime};

    if (i->type == 'r') {
        raw_header(tar, i);
        return;
    }
    for (size_t k = 0; k < ARRAY_SIZE(types); k++)
        if (types[k].letter == i->type)
            e.type = types[k].type;
    if (e.type == ENTRY_FILE)
        e.size = i->arg ? strlen(i->arg) : 0;
    else
        e.link = i->arg;
    if (e.type == ENTRY_DIR && !i->mode)
        e.mode = 0755;
    if (e.type == ENTRY_CHAR) {
        e.link = NULL;
        e.major = (uint32_t)atoi(i->arg);
    }
    assert_int_equal(tar_put(w, &e, NULL), 0);
    if (e.type == ENTRY_FILE && i->arg)
        assert_int_equal(tar_put_data(w, view_of(i->arg), NULL), 0);
}

static inline void make_tar(const struct item *items, struct str *ret)
{
    struct tar_writer w = TAR_WRITER_INIT(add_sink, ret);

    for (size_t i = 0; i < ITEMS && items[i].type; i++)
        add_item(&w, ret, &items[i]);
    assert_int_equal(tar_finish(&w, NULL), 0);
    tar_writer_done(&w);
}

struct layer {
    int fd; /* of the directory */
    char path[64];
    struct unpack_result result;
    struct codec_sums sums;
};

static inline enum owner_mode owner(void)
{
    return geteuid() == 0 ? OWNER_REAL : OWNER_RECORDED;
}

static inline void layer_open(struct layer *l)
{
    *l = (struct layer){0};
    strcpy(l->path, "/var/tmp/cooper-unpack-XXXXXX");
    assert_non_null(mkdtemp(l->path));
    l->fd = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(l->fd >= 0);
}

static inline void layer_close(struct layer *l)
{
    const int r = fd_remove_tree(AT_FDCWD, l->path, NULL);

    assert_int_equal(r, 0);
    close(l->fd);
    index_free(l->result.index);
}

static inline int unpack_bytes(struct layer *l, struct view tar,
                               const struct unpack_options *options, struct error *err)
{
    struct unpack_options o = *options;
    const int fd = fd_of_bytes("tar", tar, NULL);

    assert_true(fd >= 0);
    o.root_fd = l->fd;
    o.owner = owner();
    const int r = unpack_layer(fd, &o, NULL, NULL, &l->result, &l->sums, err);
    close(fd);
    return r;
}

static inline int unpack_items(struct layer *l, const struct item *items,
                               const struct unpack_options *o, struct error *err)
{
    STR_AUTO(tar);

    make_tar(items, &tar);
    return unpack_bytes(l, str_view(&tar), o, err);
}

/* "d/ d/x=text l->target p| c%", in order; hard links show the content. */
static inline void describe(const struct merge *m, const int *fs, struct str *ret)
{
    struct merge_walk *w = NULL;
    struct merge_file f;
    const char *path;

    assert_int_equal(merge_walk_begin(m, VIEW(""), &w), 0);
    while (merge_walk_next(w, &path, &f) > 0) {
        STR_AUTO(content);
        if (path[0] == '\0')
            continue;
        str_printf(ret, "%s%s", ret->size ? " " : "", path);
        if (f.entry->type == ENTRY_DIR) {
            str_add_char(ret, '/');
        } else if (f.entry->type == ENTRY_SYMLINK) {
            str_printf(ret, "->%s", f.entry->link);
        } else if (f.entry->type == ENTRY_FILE) {
            assert_int_equal(fd_read_file(fs[f.layer], path, 1 << 20, &content, NULL), 0);
            struct digest d;
            hash_of(str_view(&content), d.sha256);
            assert_memory_equal(&d, &f.entry->content, sizeof(d));
            str_printf(ret, "=%s", content.at);
        } else {
            str_add_char(ret, f.entry->type == ENTRY_FIFO ? '|' : '%');
        }
    }
    merge_walk_free(w);
}
