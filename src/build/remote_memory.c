/* Relations in cache.db; whatever is forgotten is fetched again. */
#include "build/remote_memory.h"

#include <errno.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fd.h"
#include "base/hash.h"

#define ANSWER_MAX 8192

void remote_answer_done(struct remote_answer *a)
{
    free(a->etag);
}

static void key_of(const char *what, struct view a, struct view b, struct digest *ret)
{
    struct hash h;

    hash_init(&h);
    hash_add_field(&h, view_of(what));
    hash_add_field(&h, a);
    hash_add_field(&h, b);
    hash_done(&h, ret->sha256);
}

/* ---- answers ---- */

static int parse_answer(struct view text, struct remote_answer *ret, struct error *err)
{
    const char *etag = NULL, *body = NULL;
    cleanup_doc json_t *doc = NULL;
    int r = doc_parse(text, ANSWER_MAX, "answer for a URL", &doc, err);

    if (r >= 0)
        r = doc_text(doc, "etag", &etag, err);
    if (r >= 0)
        r = doc_need_int(doc, "time", &ret->time_s, err);
    if (r >= 0)
        r = doc_need_text(doc, "body", &body, err);
    if (r >= 0)
        r = digest_parse_hex(body, &ret->body, err);
    if (r < 0)
        return r;
    ret->etag = etag ? xstrdup(etag) : NULL;
    return 1;
}

int remote_recall_answer(struct image_tools *t, const char *url, struct remote_answer *ret,
                         struct error *err)
{
    struct digest key;
    STR_AUTO(text);

    key_of("answer for URL", view_of(url), (struct view){0}, &key);
    const int r = cache_get(t->cache, &key, &text, err);
    return r <= 0 ? r : parse_answer(str_view(&text), ret, err);
}

int remote_remember_answer(struct image_tools *t, const char *url, const struct remote_answer *a,
                           const struct digest *tree, struct error *err)
{
    cleanup_doc json_t *doc = json_object();
    char hex[DIGEST_HEX_MAX];
    struct digest key;
    STR_AUTO(text);

    doc_set_text(doc, "etag", a->etag);
    doc_set_int(doc, "time", a->time_s);
    doc_set_text(doc, "body", digest_hex(&a->body, hex));
    doc_print(doc, true, &text);
    key_of("answer for URL", view_of(url), (struct view){0}, &key);
    return cache_put(t->cache, &key, str_view(&text), tree, 1, err);
}

/* ---- trees ---- */

static void tree_key(const struct remote *r, struct digest *ret)
{
    const struct git_ref *g = &r->git;
    STR_AUTO(what);

    if (r->kind == REMOTE_URL) {
        key_of("tree of body", view_make(r->body.sha256, sizeof(r->body.sha256)), view_of(r->name),
               ret);
        return;
    }
    /* submodules are looked for beside the repository */
    str_printf(&what, "%d %d %d %s", r->keep_git_dir, g->submodules == GIT_NO, g->checkout_time,
               g->submodules == GIT_NO && !r->keep_git_dir ? "" : g->remote);
    str_add_char(&what, '\0');
    str_add_text(&what, g->subdir ? g->subdir : "");
    key_of("tree of commit", view_of(r->commit), str_view(&what), ret);
}

/* What is remembered of a tree: its id, the time of a URL's file (8 bytes, little endian), the
 * file's name. */
#define TIME_SIZE 8

struct known_tree {
    struct digest tree;
    int64_t time_s;
};

static void print_tree(const struct remote *r, struct str *ret)
{
    str_add(ret, view_make(r->tree.sha256, sizeof(r->tree.sha256)));
    for (size_t i = 0; i < TIME_SIZE; i++)
        str_add_char(ret, (char)((uint64_t)r->time_s >> (8 * i)));
}

static int get_tree(struct image_tools *t, const struct digest *key, struct known_tree *ret,
                    struct str *ret_name, struct error *err)
{
    const size_t id = sizeof(ret->tree.sha256);
    uint64_t time = 0;
    STR_AUTO(value);
    const int r = cache_get(t->cache, key, &value, err);

    if (r <= 0 || value.size < id + TIME_SIZE)
        return r < 0 ? r : 0;
    memcpy(ret->tree.sha256, value.at, id);
    for (size_t i = TIME_SIZE; i-- > 0;)
        time = time << 8 | (unsigned char)value.at[id + i];
    ret->time_s = (int64_t)time;
    if (ret_name)
        str_add(ret_name, view_make(value.at + id + TIME_SIZE, value.size - id - TIME_SIZE));
    return 1;
}

int remote_recall_tree(struct image_tools *t, struct remote *r, struct error *err)
{
    struct known_tree known;
    struct digest key;

    if (r->has_tree)
        return 1;
    tree_key(r, &key);
    const int found = get_tree(t, &key, &known, NULL, err);
    if (found <= 0)
        return found;
    r->tree = known.tree;
    r->has_tree = true;
    if (!r->has_time)
        r->time_s = known.time_s;
    r->has_time = true;
    return 1;
}

int remote_time(struct image_tools *t, struct remote *r, int64_t *ret, struct error *err)
{
    struct known_tree known = {.time_s = 0};
    struct digest key;
    int found = 1;

    if (!r->has_time) {
        tree_key(r, &key);
        found = get_tree(t, &key, &known, NULL, err);
        r->time_s = known.time_s;
        r->has_time = found > 0;
    }
    *ret = r->time_s;
    return found < 0 ? found : 0;
}

int remote_remember_tree(struct image_tools *t, const struct remote *r, struct error *err)
{
    struct digest key;
    STR_AUTO(value);

    tree_key(r, &key);
    print_tree(r, &value);
    const int result = cache_put(t->cache, &key, str_view(&value), &r->tree, 1, err);
    if (result < 0 || r->kind != REMOTE_URL)
        return result;
    str_add_text(&value, r->name);
    key_of("body", view_make(r->body.sha256, sizeof(r->body.sha256)), (struct view){0}, &key);
    return cache_put(t->cache, &key, str_view(&value), &r->tree, 1, err);
}

int remote_open_body(struct image_tools *t, const struct digest *body, int64_t *ret_time_s,
                     struct error *err)
{
    struct known_tree known;
    struct digest key;
    STR_AUTO(name);

    key_of("body", view_make(body->sha256, sizeof(body->sha256)), (struct view){0}, &key);
    const int r = get_tree(t, &key, &known, &name, err);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    cleanup_close int dir = store_tree_open(t->store, &known.tree, err);
    if (dir < 0)
        return dir;
    cleanup_close int fs = fd_open(dir, "fs", O_RDONLY | O_DIRECTORY, 0, err);
    if (fs < 0)
        return fs;
    *ret_time_s = known.time_s;
    return fd_open_beneath(fs, name.at, O_RDONLY, 0, err);
}
