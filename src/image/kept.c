#include "image/kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/map.h"
#include "image/origin.h"
#include "image/place.h"

#define DIRECTORY "signed"
#define IMAGE_TAG "image" /* no tag of what lies beside one begins so */
#define YOUNG_S 86400

static char *path_of(const struct env *env, const struct digest *d)
{
    char hex[DIGEST_HEX_MAX];

    return xasprintf("%s/" DIRECTORY "/%s", env->store_root, digest_hex(d, hex));
}

/* take_path: the layout. */
static int open_at(char *take_path, struct site **ret, struct error *err)
{
    struct place place = {.kind = PLACE_OCI, .path = take_path, .tag = xstrdup(IMAGE_TAG)};
    const int r = site_open_layout(&place, ret, err);

    if (r == 0)
        (*ret)->name = xasprintf("signatures in %s", place.path);
    place_done(&place);
    return r;
}

int kept_open(const struct env *env, const struct digest *d, struct site **ret, struct error *err)
{
    return open_at(path_of(env, d), ret, err);
}

static int put_all(struct site *to, const struct testimony *t, struct error *err)
{
    int r = to->kind->lock(to, err);

    for (size_t i = 0; r == 0 && i < t->blobs.size; i++)
        r = to->kind->put_blob(to, str_view(&t->blobs.at[i]), err);
    for (size_t i = 0; r == 0 && i < t->manifests.size; i++)
        r = to->kind->put_manifest(to, t->manifests.at[i].tag, str_view(&t->manifests.at[i].bytes),
                                   err);
    /* last: without it the layout says nothing */
    return r < 0 ? r : to->kind->put_manifest(to, IMAGE_TAG, str_view(&t->manifest), err);
}

int kept_write(const struct env *env, const struct testimony *t, struct error *err)
{
    cleanup_free char *path = path_of(env, &t->digest);
    CLEANUP(site_closep) struct site *to = NULL;
    int r = layout_make(path, 0700, err);

    if (r == 0)
        r = open_at(xstrdup(path), &to, err);
    if (r == 0)
        r = put_all(to, t, err);
    return r < 0 ? error_wrap(err, r, "keep what was signed") : 0;
}

/* ---- what nobody needs ---- */

static int list_needed(struct image_tools *t, struct map *ret, struct error *err)
{
    struct store_images all = {0};
    char hex[DIGEST_HEX_MAX];
    const int r = store_image_list(t->store, NULL, NULL, &all, err);

    vec_each (record, &all) {
        CLEANUP(image_origins_done) struct image_origins l = {0};

        image_origins_read(record, &l);
        vec_each (o, &l) {
            map_set(ret, view_of(digest_hex(&o->digest, hex)), t);
            map_set(ret, view_of(digest_hex(&o->image, hex)), t);
        }
    }
    store_images_done(&all);
    return r;
}

static bool is_young(int dir, const char *name, int64_t now_s)
{
    struct stat st;

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_mtime > now_s - YOUNG_S;
}

int kept_sweep(struct image_tools *t, struct error *err)
{
    struct map needed = {0};
    const int fd = openat(store_fd(t->store), DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    int r = dir ? list_needed(t, &needed, err) : 0;

    for (const struct dirent *e; dir && r == 0 && (e = readdir(dir));)
        if (*e->d_name != '.' && !map_get(&needed, view_of(e->d_name)) &&
            !is_young(dirfd(dir), e->d_name, t->env->now_s))
            r = fd_remove_tree(dirfd(dir), e->d_name, err);
    map_done(&needed);
    if (dir)
        (void)closedir(dir);
    return r;
}
