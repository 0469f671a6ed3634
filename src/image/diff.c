#include "image/diff.h"

#include <errno.h>
#include <inttypes.h>

struct side {
    struct image_view view;
    struct merge_walk *walk;
    const char *path;
    struct merge_file file;
    bool more;
};

struct diff {
    struct side a, b;
    bool times;
    void (*call)(void *ctx, const struct difference_row *row);
    void *ctx;
    size_t count;
    struct str what, text_a, text_b;
};

static int side_next(struct side *s, struct error *err)
{
    do {
        const int r = merge_walk_next(s->walk, &s->path, &s->file);

        if (r < 0)
            return error_set(err, r, "walk the image's files");
        s->more = r > 0;
    } while (s->more && *s->path == '\0'); /* the root is nobody's file */
    return 0;
}

static int side_open(struct image_tools *t, const struct image *i, struct side *s,
                     struct error *err)
{
    struct digests trees = {0};
    int r;

    vec_each (layer, &i->record.layers) {
        vec_push(&trees, layer->tree);
    }
    r = image_view_open(t->store, trees.at, trees.size, false, &s->view, err);
    vec_done(&trees);
    if (r < 0)
        return r;
    r = merge_walk_begin(s->view.merge, view_of(""), &s->walk);
    return r < 0 ? error_set(err, r, "walk the image's files") : side_next(s, err);
}

static const char *type_name(enum entry_type type)
{
    static const char *const names[] = {"file",        "directory",    "symlink", "hard link",
                                        "char device", "block device", "fifo",    "whiteout"};

    return names[type];
}

/* One field that differs: its name to `what`, both values to the texts. */
static void PRINTF_LIKE(3, 4) note(struct diff *d, const char *name, const char *fmt, ...)
{
    va_list ap;

    str_printf(&d->what, "%s%s", d->what.size ? "," : "", name);
    va_start(ap, fmt);
    cleanup_free char *pair = NULL;
    if (vasprintf(&pair, fmt, ap) < 0)
        abort();
    va_end(ap);
    char *b = strchr(pair, '\1');
    *b++ = '\0';
    str_printf(&d->text_a, "%s%s %s", d->text_a.size ? ", " : "", name, pair);
    str_printf(&d->text_b, "%s%s %s", d->text_b.size ? ", " : "", name, b);
}

static bool same_xattrs(const struct entry *a, const struct entry *b)
{
    if (a->xattr_count != b->xattr_count)
        return false;
    for (size_t i = 0; i < a->xattr_count; i++)
        if (strcmp(a->xattrs[i].name, b->xattrs[i].name) != 0 ||
            !view_eq(a->xattrs[i].value, b->xattrs[i].value))
            return false;
    return true;
}

static void compare_kind(struct diff *d, const struct entry *a, const struct entry *b)
{
    char x[DIGEST_HEX_MAX], y[DIGEST_HEX_MAX];

    if (a->type == ENTRY_FILE) {
        if (a->size != b->size)
            note(d, "size", "%" PRIu64 "\1%" PRIu64, a->size, b->size);
        if (!digest_eq(&a->content, &b->content))
            note(d, "content", "%.12s\1%.12s", digest_hex(&a->content, x),
                 digest_hex(&b->content, y));
    } else if (a->type == ENTRY_SYMLINK) {
        if (strcmp(a->link, b->link) != 0)
            note(d, "target", "%s\1%s", a->link, b->link);
    } else if (a->type == ENTRY_CHAR || a->type == ENTRY_BLOCK) {
        if (a->major != b->major || a->minor != b->minor)
            note(d, "device", "%u:%u\1%u:%u", a->major, a->minor, b->major, b->minor);
    }
}

static void compare_entries(struct diff *d, const struct entry *a, const struct entry *b)
{
    if (a->type != b->type) {
        note(d, "type", "%s\1%s", type_name(a->type), type_name(b->type));
        return;
    }
    if (a->mode != b->mode && a->type != ENTRY_SYMLINK)
        note(d, "mode", "%04o\1%04o", a->mode, b->mode);
    if (a->uid != b->uid || a->gid != b->gid)
        note(d, "owner", "%u:%u\1%u:%u", a->uid, a->gid, b->uid, b->gid);
    compare_kind(d, a, b);
    if (!same_xattrs(a, b))
        note(d, "xattrs", "%zu of them\1%zu of them", a->xattr_count, b->xattr_count);
    if (d->times && a->mtime_s != b->mtime_s)
        note(d, "mtime", "%" PRId64 "\1%" PRId64, a->mtime_s, b->mtime_s);
}

static void tell(struct diff *d, enum difference kind, const char *path, const char *what,
                 const char *a, const char *b)
{
    const struct difference_row row = {kind, path, what, a, b};

    d->count++;
    d->call(d->ctx, &row);
}

static void tell_file(struct diff *d, enum difference kind, const struct side *s)
{
    cleanup_free char *path = xasprintf("/%s", s->path);
    const char *type = type_name(s->file.entry->type);

    tell(d, kind, path, type, kind == DIFFERENCE_ONLY_A ? type : NULL,
         kind == DIFFERENCE_ONLY_B ? type : NULL);
}

static int step(struct diff *d, struct error *err)
{
    const int order = !d->a.more ? 1 : !d->b.more ? -1 : entry_path_cmp(d->a.path, d->b.path);

    if (order < 0) {
        tell_file(d, DIFFERENCE_ONLY_A, &d->a);
        return side_next(&d->a, err);
    }
    if (order > 0) {
        tell_file(d, DIFFERENCE_ONLY_B, &d->b);
        return side_next(&d->b, err);
    }
    str_clear(&d->what);
    str_clear(&d->text_a);
    str_clear(&d->text_b);
    compare_entries(d, d->a.file.entry, d->b.file.entry);
    if (d->what.size) {
        cleanup_free char *path = xasprintf("/%s", d->a.path);
        tell(d, DIFFERENCE_FILE, path, d->what.at, d->text_a.at, d->text_b.at);
    }
    const int r = side_next(&d->a, err);
    return r < 0 ? r : side_next(&d->b, err);
}

/* The order of Env means nothing to a program that reads it. */
static int compare_texts(const void *a, const void *b)
{
    return strcmp(json_string_value(*(json_t *const *)a), json_string_value(*(json_t *const *)b));
}

static json_t *sorted_array(const json_t *array)
{
    const size_t count = json_array_size(array);
    cleanup_free json_t **items = xcalloc(count + 1, sizeof(json_t *));
    json_t *sorted = json_array();

    for (size_t i = 0; i < count; i++)
        items[i] = json_array_get(array, i);
    qsort(items, count, sizeof(json_t *), compare_texts);
    for (size_t i = 0; i < count; i++)
        json_array_append(sorted, items[i]);
    return sorted;
}

static json_t *config_value(const json_t *doc, const char *key)
{
    json_t *value = json_object_get(doc, key);

    if (value && strcmp(key, "Env") == 0)
        return sorted_array(value);
    if (value && strcmp(key, "WorkingDir") == 0 && strcmp(json_string_value(value), "/") == 0)
        return NULL;
    return json_incref(value);
}

static void compare_field(struct diff *d, const json_t *a, const json_t *b, const char *key)
{
    cleanup_doc json_t *x = config_value(a, key), *y = config_value(b, key);
    STR_AUTO(text_a);
    STR_AUTO(text_b);

    if (x)
        doc_print_sorted(x, &text_a);
    if (y)
        doc_print_sorted(y, &text_b);
    if (strcmp(text_a.at, text_b.at) != 0)
        tell(d, DIFFERENCE_CONFIG, key, "config", x ? text_a.at : NULL, y ? text_b.at : NULL);
}

static void compare_configs(struct diff *d, const struct image_config *a,
                            const struct image_config *b)
{
    static const char *const keys[] = {"User",       "Env",          "Entrypoint", "Cmd",
                                       "WorkingDir", "ExposedPorts", "Volumes",    "Labels",
                                       "StopSignal", "Healthcheck",  "OnBuild",    "Shell"};
    cleanup_doc json_t *x = config_runtime_doc(a), *y = config_runtime_doc(b);
    char p[PLATFORM_TEXT_MAX], q[PLATFORM_TEXT_MAX];

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        compare_field(d, x, y, keys[i]);
    if (!platform_eq(&a->platform, &b->platform))
        tell(d, DIFFERENCE_CONFIG, "platform", "config", platform_format(&a->platform, p),
             platform_format(&b->platform, q));
}

int image_diff(struct image_tools *t, const struct image *a, const struct image *b, bool times,
               void (*call)(void *ctx, const struct difference_row *row), void *ctx,
               size_t *ret_count, struct error *err)
{
    struct diff d = {.times = times, .call = call, .ctx = ctx};
    int r;

    d.what = d.text_a = d.text_b = STR_INIT;
    r = side_open(t, a, &d.a, err);
    if (r == 0)
        r = side_open(t, b, &d.b, err);
    while (r == 0 && (d.a.more || d.b.more))
        r = step(&d, err);
    if (r == 0)
        compare_configs(&d, &a->config, &b->config);
    merge_walk_free(d.a.walk);
    merge_walk_free(d.b.walk);
    image_view_done(&d.a.view);
    image_view_done(&d.b.view);
    str_done(&d.what);
    str_done(&d.text_a);
    str_done(&d.text_b);
    if (r == 0)
        *ret_count = d.count;
    return r;
}
