/* "base-select": what the archive says is read here, in a process that may crash. */
#include <errno.h>

#include "distro/jobs.h"
#include "distro/select.h"
#include "layer/codec.h"

#define INCLUDE_MAX 10000

struct texts { /* the indexes; packages point into them */
    struct str *at;
    size_t size, cap;
};

static void texts_done(struct texts *t)
{
    vec_each (s, t)
        str_done(s);
    vec_done(t);
}

static int read_text(int fd, struct str *ret, struct error *err)
{
    const struct codec_limits limits = {.plain_max = PACKAGES_TEXT_MAX, .grace = PACKAGES_TEXT_MAX};
    CLEANUP(codec_closep) struct codec_reader *in = codec_open_fd(fd, CODEC_AHEAD, &limits);
    struct view piece;
    int r;

    while ((r = codec_next(in, &piece, err)) > 0)
        str_add(ret, piece);
    return r;
}

/* {"source":n,"pin":n,"plain":bytes,"what":"name for messages"} */
static int add_index(struct packages *set, const json_t *doc, int fd, struct texts *texts,
                     struct error *err)
{
    int64_t source = 0, pin = 500, plain = 0;
    const char *what = "index";
    int r = doc_need_int(doc, "source", &source, err);

    if (r >= 0)
        r = doc_int(doc, "pin", &pin, err);
    if (r >= 0)
        r = doc_int(doc, "plain", &plain, err);
    if (r >= 0)
        r = doc_text(doc, "what", &what, err);
    if (r < 0)
        return r;
    vec_push(texts, STR_INIT);
    struct str *text = vec_last(texts);
    if (plain > 0 && plain < PACKAGES_TEXT_MAX)
        str_reserve(text, (size_t)plain); /* one allocation instead of doublings */
    r = read_text(fd, text, err);
    if (r >= 0)
        r = packages_add(set, str_view(text), (uint32_t)source, (int)pin, err);
    return r < 0 ? error_wrap(err, r, "%s", what) : 0;
}

static int add_indexes(struct packages *set, const json_t *request, const int *fds, size_t fd_count,
                       struct texts *texts, struct error *err)
{
    json_t *list = NULL, *item;
    size_t i;
    int r = doc_need_array(request, "indexes", &list, err);

    if (r >= 0 && json_array_size(list) != fd_count)
        r = error_set(err, -EPROTO, "%zu indexes with %zu descriptors", json_array_size(list),
                      fd_count);
    if (r < 0)
        return r;
    json_array_foreach(list, i, item)
    {
        r = add_index(set, item, fds[i], texts, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_include(const json_t *request, struct strings *ret, struct error *err)
{
    json_t *list = NULL, *item;
    size_t i;
    const int r = doc_array(request, "include", &list, err);

    if (r < 0 || !list)
        return r;
    if (json_array_size(list) > INCLUDE_MAX)
        return error_set(err, -EDQUOT, "more than %d packages to include", INCLUDE_MAX);
    json_array_foreach(list, i, item) strings_add(ret, json_string_value(item));
    return 0;
}

static void fill_texts(struct plan *p, enum variant variant, const char *architecture)
{
    p->variant = variant;
    p->architecture = xstrdup(architecture);
    p->suite = xstrdup("");
    p->sources = xstrdup("");
    vec_each (k, p)
        k->suite = xstrdup("");
}

int select_job(const struct job_context *ctx, const json_t *request, const int *fds,
               size_t fd_count, json_t **ret, struct error *err)
{
    const char *architecture = NULL, *name = NULL;
    CLEANUP(strings_done) struct strings include = {0};
    CLEANUP(texts_done) struct texts texts = {0};
    PLAN_AUTO(plan);
    int r = doc_need_text(request, "architecture", &architecture, err);

    (void)ctx;
    if (r >= 0)
        r = doc_need_text(request, "variant", &name, err);
    if (r >= 0)
        r = read_include(request, &include, err);
    if (r < 0)
        return r;
    const struct variant_row *row = variant_by_name(name);
    if (!row)
        return error_set(err, -EINVAL, "variant '%s'", name);
    CLEANUP(packages_freep) struct packages *set = packages_new(architecture);
    const struct selection selection = {row->variant, &include};
    r = add_indexes(set, request, fds, fd_count, &texts, err);
    if (r >= 0)
        r = select_packages(set, &selection, &plan, err);
    if (r < 0)
        return r;
    fill_texts(&plan, row->variant, architecture);
    *ret = plan_to_doc(&plan);
    return 0;
}
