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
                           struct error *err)
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
    return cache_put(t->cache, &key, str_view(&text), NULL, 0, err);
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

static int get_tree(struct image_tools *t, const struct digest *key, struct digest *ret,
                    struct str *ret_rest, struct error *err)
{
    STR_AUTO(value);
    const int r = cache_get(t->cache, key, &value, err);

    if (r <= 0 || value.size < sizeof(ret->sha256))
        return r < 0 ? r : 0;
    memcpy(ret->sha256, value.at, sizeof(ret->sha256));
    if (ret_rest)
        str_add(ret_rest,
                view_make(value.at + sizeof(ret->sha256), value.size - sizeof(ret->sha256)));
    return 1;
}

int remote_recall_tree(struct image_tools *t, struct remote *r, struct error *err)
{
    struct digest key;

    if (r->has_tree)
        return 1;
    tree_key(r, &key);
    const int found = get_tree(t, &key, &r->tree, NULL, err);
    r->has_tree = found > 0;
    return found;
}

int remote_remember_tree(struct image_tools *t, const struct remote *r, struct error *err)
{
    struct digest key;
    STR_AUTO(value);

    tree_key(r, &key);
    str_add(&value, view_make(r->tree.sha256, sizeof(r->tree.sha256)));
    int result = cache_put(t->cache, &key, str_view(&value), &r->tree, 1, err);
    if (result < 0 || r->kind != REMOTE_URL)
        return result;
    str_add_text(&value, r->name);
    key_of("body", view_make(r->body.sha256, sizeof(r->body.sha256)), (struct view){0}, &key);
    return cache_put(t->cache, &key, str_view(&value), &r->tree, 1, err);
}

int remote_open_body(struct image_tools *t, const struct digest *body, struct error *err)
{
    struct digest key, tree;
    STR_AUTO(name);

    key_of("body", view_make(body->sha256, sizeof(body->sha256)), (struct view){0}, &key);
    const int r = get_tree(t, &key, &tree, &name, err);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    cleanup_close int dir = store_tree_open(t->store, &tree, err);
    if (dir < 0)
        return dir;
    cleanup_close int fs = fd_open(dir, "fs", O_RDONLY | O_DIRECTORY, 0, err);
    return fs < 0 ? fs : fd_open_beneath(fs, name.at, O_RDONLY, 0, err);
}
