/* tests/unit/store_fixture.h - a store in a scratch directory, and small things to put into it. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "base/fd.h"
#include "store/gc.h"
#include "unit.h"

struct fixture {
    char dir[64], root[80];
    FILE *words; /* what env_warn() says */
    char *said;
    size_t said_size;
    struct env env;
};

static inline void check(int r, const struct error *err)
{
    if (r < 0)
        fail_msg("%s", err->text ? err->text : strerror(-r));
}

static inline void fixture_init(struct fixture *f, const char *below)
{
    *f = (struct fixture){0};
    const int n = snprintf(f->dir, sizeof(f->dir), "%s/cooper-store-XXXXXX", below);
    assert_in_range(n, 1, sizeof(f->dir) - 1);
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->root, sizeof(f->root), "%s/s", f->dir);
    f->words = open_memstream(&f->said, &f->said_size);
    f->env =
        (struct env){.store_root = f->root, .out = stdout, .err = f->words, .now_s = 1700000000};
}

static inline void fixture_done(struct fixture *f)
{
    ERROR_AUTO(err);

    check(fd_remove_tree(AT_FDCWD, f->dir, &err), &err);
    fclose(f->words);
    free(f->said);
}

static inline struct store *fixture_open(struct fixture *f)
{
    struct store *s = NULL;
    ERROR_AUTO(err);

    check(store_open(&f->env, &s, &err), &err);
    return s;
}

static inline struct digest digest_of_text(const char *text)
{
    struct digest d;

    digest_of(view_of(text), &d);
    return d;
}

/* A tree with one file that holds text; its id is the digest of text. */
static inline int try_tree(struct store *s, const char *text, struct digest *ret, struct error *err)
{
    struct store_tree *t;
    int r = store_tree_begin(s, &t, err);

    if (r < 0)
        return r;
    *ret = digest_of_text(text);
    r = fd_replace_file(store_tree_fs_fd(t), "file", view_of(text), 0644, err);
    if (r == 0)
        r = fd_replace_file(store_tree_dir_fd(t), "index", view_of(text), 0600, err);
    if (r < 0) {
        store_tree_abort(t);
        return r;
    }
    return store_tree_commit(s, t, ret, strlen(text), err);
}

static inline struct digest make_tree(struct store *s, const char *text)
{
    struct digest d = {0};
    ERROR_AUTO(err);

    check(try_tree(s, text, &d, &err), &err);
    return d;
}

static inline struct digest make_blob(struct store *s, const char *text)
{
    struct digest d = {0};
    ERROR_AUTO(err);

    check(store_blob_put(s, view_of(text), &d, &err), &err);
    return d;
}

/* An image of one layer: a tree and (blob not NULL) a blob of it. */
static inline int try_image(struct store *s, const char *name, const char *config,
                            const struct digest *tree, const struct digest *blob, struct error *err)
{
    char media_type[] = "application/vnd.oci.image.layer.v1.tar";
    struct store_image image = {.config = STR_INIT, .created_s = 1700000000};
    struct store_layer layer = {.tree = *tree};

    cleanup_free char *owned = name ? xstrdup(name) : NULL;
    image.name = owned;
    str_add_text(&image.config, config);
    image.id = digest_of_text(config);
    if (blob)
        vec_push(&layer.blobs, (struct store_blob){*blob, 4, media_type});
    vec_push(&image.layers, layer);
    const int r = store_image_put(s, &image, err);
    vec_done(&image.layers.at[0].blobs);
    vec_done(&image.layers);
    str_done(&image.config);
    return r;
}

static inline void make_image(struct store *s, const char *name, const char *config,
                              const struct digest *tree, const struct digest *blob)
{
    ERROR_AUTO(err);

    check(try_image(s, name, config, tree, blob, &err), &err);
}

static inline size_t count_names(struct fixture *f, const char *below)
{
    size_t n = 0;
    cleanup_free char *path = xasprintf("%s/%s", f->root, below);
    DIR *dir = opendir(path);

    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir));)
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

/* For struct verify.found. */
static inline void print_finding(void *ctx, const char *item, const struct error *what)
{
    (void)ctx;
    print_message("# %s: %s\n", item, what->text);
}
