#include "layer/tar.h"

#include <errno.h>
#include <stdio.h>

#define OCTAL_7 ((UINT64_C(1) << 21) - 1)  /* seven digits: uid, gid, mode, devices */
#define OCTAL_11 ((UINT64_C(1) << 33) - 1) /* eleven: size, mtime */

static const char zeros[2 * TAR_BLOCK];

void tar_writer_done(struct tar_writer *w)
{
    str_done(&w->head);
}

static bool is_ascii(struct view v)
{
    for (size_t i = 0; i < v.size; i++)
        if ((uint8_t)v.at[i] >= 0x80)
            return false;
    return true;
}

/* ---- one header ---- */

struct fields {
    struct view name, prefix, link;
    char type;
    uint32_t mode;
    uint64_t uid, gid, size, mtime;
    uint32_t major, minor;
};

/* size - 1 octal digits and a NUL, as Go and GNU write them. */
static void octal(char *at, size_t size, uint64_t n)
{
    at[size - 1] = '\0';
    for (size_t i = size - 1; i-- > 0; n >>= 3)
        at[i] = (char)('0' + (n & 7));
}

static void add_header(struct str *out, const struct fields *f)
{
    char h[TAR_BLOCK] = {0};
    uint32_t sum = 0;

    memcpy(h, f->name.at, MIN(f->name.size, 100u));
    octal(h + 100, 8, f->mode);
    octal(h + 108, 8, f->uid);
    octal(h + 116, 8, f->gid);
    octal(h + 124, 12, f->size);
    octal(h + 136, 12, f->mtime);
    memset(h + 148, ' ', 8);
    h[156] = f->type;
    if (f->link.size > 0)
        memcpy(h + 157, f->link.at, MIN(f->link.size, 100u));
    memcpy(h + 257,
           "ustar\0"
           "00",
           8);
    octal(h + 329, 8, f->major);
    octal(h + 337, 8, f->minor);
    if (f->prefix.size > 0)
        memcpy(h + 345, f->prefix.at, f->prefix.size);
    for (size_t i = 0; i < sizeof(h); i++)
        sum += (uint8_t)h[i];
    octal(h + 148, 7, sum);
    str_add(out, view_make(h, sizeof(h)));
}

/* ---- pax records ---- */

static void add_record(struct str *out, const char *key, const char *key_rest, struct view value)
{
    const size_t body = 1 + strlen(key) + strlen(key_rest) + 1 + value.size + 1;
    size_t length = body + 1;

    for (size_t digits = 1;; digits++) { /* the length counts its own digits */
        char text[24];
        length = body + digits;
        if ((size_t)snprintf(text, sizeof(text), "%zu", length) == digits)
            break;
    }
    str_printf(out, "%zu %s%s=", length, key, key_rest);
    str_add(out, value);
    str_add_char(out, '\n');
}

static void add_number(struct str *out, const char *key, int64_t n)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)n);
    add_record(out, key, "", view_of(text));
}

/* Into *ret_prefix and *ret_name when a ustar header can hold the name. */
static bool split_name(struct view path, struct view *ret_prefix, struct view *ret_name)
{
    *ret_prefix = view_make("", 0);
    *ret_name = path;
    if (!is_ascii(path))
        return false;
    if (path.size <= 100)
        return true;
    const size_t last = path.size - 1; /* a final '/' divides nothing */
    const char *slash = memrchr(path.at, '/', MIN(last, (size_t)156));
    if (!slash || slash == path.at || (size_t)(path.at + path.size - slash - 1) > 100)
        return false;
    *ret_prefix = view_make(path.at, (size_t)(slash - path.at));
    *ret_name = view_make(slash + 1, (size_t)(path.at + path.size - slash - 1));
    return true;
}

static int add_xattrs(struct str *out, const struct entry *e, struct error *err)
{
    for (size_t i = 0; i < e->xattr_count; i++) {
        if (strchr(e->xattrs[i].name, '='))
            return error_set(err, -EINVAL,
                             "'%.200s': a tar archive cannot hold an extended attribute with '=' "
                             "in its name: '%.100s'",
                             e->path, e->xattrs[i].name);
        add_record(out, "SCHILY.xattr.", e->xattrs[i].name, e->xattrs[i].value);
    }
    return 0;
}

/* A number that fits its field is returned; another gets a record and a zero in the field. */
static uint64_t fit(struct str *records, const char *key, int64_t n, uint64_t max)
{
    if (n >= 0 && (uint64_t)n <= max)
        return (uint64_t)n;
    add_number(records, key, n);
    return 0;
}

/* Records in the order of their keys, as Go sorts them; what fits goes to the header. */
static int plan(const struct entry *e, struct view path, struct fields *f, struct str *records,
                struct error *err)
{
    const int r = add_xattrs(records, e, err);

    if (r < 0)
        return r;
    f->gid = fit(records, "gid", e->gid, OCTAL_7);
    if (f->link.size > 100 || !is_ascii(f->link)) {
        add_record(records, "linkpath", "", f->link);
        f->link.size = is_ascii(f->link) ? f->link.size : 0;
    }
    f->mtime = fit(records, "mtime", e->mtime_s, OCTAL_11);
    if (!split_name(path, &f->prefix, &f->name)) {
        add_record(records, "path", "", path);
        f->name = is_ascii(path) ? path : view_make("", 0);
        f->prefix.size = 0;
    }
    f->size = fit(records, "size", (int64_t)f->size, OCTAL_11);
    f->uid = fit(records, "uid", e->uid, OCTAL_7);
    return 0;
}

static void add_pax_header(struct str *out, struct view path, struct view records)
{
    static const char prefix[] = "PaxHeaders.0/";
    char name[101] = "PaxHeaders.0/";
    size_t size = strlen(prefix);

    while (path.size > 0 && path.at[path.size - 1] == '/')
        path.size--;
    const char *slash = path.size ? memrchr(path.at, '/', path.size) : NULL;
    const char *at = slash ? slash + 1 : path.at;
    for (; at < path.at + path.size && size < 100; at++)
        if ((uint8_t)*at < 0x80)
            name[size++] = *at;
    const struct fields f = {.name = view_make(name, size), .type = 'x', .size = records.size};
    add_header(out, &f);
    str_add(out, records);
    /* not by the size of out: what stands before is the caller's */
    str_add(out, view_make(zeros, -records.size % TAR_BLOCK));
}

static int add_entry(struct str *out, const struct entry *e, struct view path, struct fields f,
                     struct error *err)
{
    STR_AUTO(records);
    const int r = plan(e, path, &f, &records, err);

    if (r < 0)
        return r;
    if (records.size > 0)
        add_pax_header(out, path, str_view(&records));
    add_header(out, &f);
    return 0;
}

/* ---- entries ---- */

static char type_flag(enum entry_type type)
{
    switch (type) {
    case ENTRY_DIR:
        return '5';
    case ENTRY_SYMLINK:
        return '2';
    case ENTRY_HARDLINK:
        return '1';
    case ENTRY_CHAR:
        return '3';
    case ENTRY_BLOCK:
        return '4';
    case ENTRY_FIFO:
        return '6';
    case ENTRY_FILE:
    case ENTRY_WHITEOUT:
        break;
    }
    return '0';
}

/* An empty file of root's beside e that says something about the layers below. */
static int add_marker(struct str *out, const struct entry *e, struct view path, struct error *err)
{
    const struct entry marker = {.path = e->path, .mtime_s = e->mtime_s};

    return add_entry(out, &marker, path, (struct fields){.type = '0', .mode = 0644}, err);
}

static int add_whiteout(struct str *out, const struct entry *e, struct error *err)
{
    const char *slash = strrchr(e->path, '/'), *name = slash ? slash + 1 : e->path;
    STR_AUTO(path);

    str_add(&path, view_make(e->path, (size_t)(name - e->path)));
    str_add_text(&path, ".wh.");
    str_add_text(&path, name);
    return add_marker(out, e, str_view(&path), err);
}

static int add_directory(struct str *out, const struct entry *e, struct error *err)
{
    STR_AUTO(path);

    str_printf(&path, "%s/", e->path[0] ? e->path : ".");
    int r = add_entry(out, e, str_view(&path), (struct fields){.type = '5', .mode = e->mode}, err);
    if (r < 0 || !e->opaque)
        return r;
    if (!e->path[0])
        str_clear(&path);
    str_add_text(&path, ".wh..wh..opq");
    return add_marker(out, e, str_view(&path), err);
}

static int add_other(struct str *out, const struct entry *e, struct error *err)
{
    struct fields f = {.type = type_flag(e->type), .mode = e->mode};

    if (e->type == ENTRY_FILE)
        f.size = e->size;
    if (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK) {
        f.major = e->major;
        f.minor = e->minor;
    }
    if (e->link)
        f.link = view_of(e->link);
    return add_entry(out, e, view_of(e->path), f, err);
}

int tar_head(const struct entry *e, struct str *ret, struct error *err)
{
    if (e->type == ENTRY_WHITEOUT)
        return add_whiteout(ret, e, err);
    return e->type == ENTRY_DIR ? add_directory(ret, e, err) : add_other(ret, e, err);
}

/* Everything fits into one header block, certainly: what most entries are. */
static bool is_simple(const struct entry *e)
{
    const struct view path = view_of(e->path), link = view_of(e->link ? e->link : "");

    return e->type != ENTRY_WHITEOUT && e->type != ENTRY_CHAR && e->type != ENTRY_BLOCK &&
           !e->opaque && e->xattr_count == 0 && path.size < 100 && link.size <= 100 &&
           is_ascii(path) && is_ascii(link) && e->uid <= OCTAL_7 && e->gid <= OCTAL_7 &&
           e->size <= OCTAL_11 && e->mtime_s >= 0 && (uint64_t)e->mtime_s <= OCTAL_11;
}

int64_t tar_head_size(const struct entry *e, struct error *err)
{
    STR_AUTO(head);

    if (is_simple(e))
        return TAR_BLOCK;
    const int r = tar_head(e, &head, err);
    return r < 0 ? r : (int64_t)head.size;
}

int tar_put(struct tar_writer *w, const struct entry *e, struct error *err)
{
    if (w->left > 0)
        return error_set(err, -EINVAL, "file before '%.200s' is %llu bytes short", e->path,
                         (unsigned long long)w->left);
    str_clear(&w->head);
    const int r = tar_head(e, &w->head, err);
    if (r < 0)
        return r;
    w->left = e->type == ENTRY_FILE ? e->size : 0;
    w->pad = (uint32_t)(-w->left % TAR_BLOCK);
    return w->sink(w->ctx, str_view(&w->head), err);
}

int tar_put_copied(struct tar_writer *w, uint64_t size, struct error *err)
{
    if (size > w->left)
        return error_set(err, -EINVAL, "file grew while it was written");
    w->left -= size;
    if (size > 0 && w->left == 0 && w->pad > 0)
        return w->sink(w->ctx, view_make(zeros, w->pad), err);
    return 0;
}

int tar_put_data(struct tar_writer *w, struct view data, struct error *err)
{
    if (data.size > w->left)
        return error_set(err, -EINVAL, "file grew while it was written");
    const int r = data.size ? w->sink(w->ctx, data, err) : 0;
    return r < 0 ? r : tar_put_copied(w, data.size, err);
}

int tar_finish(struct tar_writer *w, struct error *err)
{
    if (w->left > 0)
        return error_set(err, -EINVAL, "last file is %llu bytes short",
                         (unsigned long long)w->left);
    return w->sink(w->ctx, view_make(zeros, sizeof(zeros)), err);
}
