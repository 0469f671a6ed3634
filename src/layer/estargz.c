#include "layer/estargz.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/doc.h"
#include "oci/config.h"

#define TOC_NAME "stargz.index.json"
#define LANDMARK_NAME ".no.prefetch.landmark"
#define PREFETCH_NAME ".prefetch.landmark"
#define LANDMARK_CONTENT '\x0f'
#define FOOTER_SIZE 51

int estargz_landmark(struct str *ret, struct error *err)
{
    static const char zeros[TAR_BLOCK - 1];
    static const struct entry e = {.path = LANDMARK_NAME, .mode = 0644, .size = 1};
    const int r = tar_head(&e, ret, err);

    str_add_char(ret, LANDMARK_CONTENT);
    str_add(ret, view_make(zeros, sizeof(zeros)));
    return r;
}

bool estargz_skips(const struct entry *e)
{
    return strcmp(e->path, TOC_NAME) == 0 || strcmp(e->path, LANDMARK_NAME) == 0 ||
           strcmp(e->path, PREFETCH_NAME) == 0;
}

static bool has_content(const struct write_plan *p, size_t i)
{
    const struct entry *e = index_at(p->index, i);

    return e->type == ENTRY_FILE && e->size > 0 && p->at[i] < p->at[i + 1];
}

void estargz_cut(struct write_plan *p)
{
    write_cut_at(p, 0, 0);
    write_cut_at(p, TAR_BLOCK, 0); /* the landmark's content */
    for (size_t i = 0; i < p->count; i++) {
        if (!has_content(p, i))
            continue;
        const uint64_t body = write_body(p, i), end = body + index_at(p->index, i)->size;
        for (uint64_t at = body; at < end; at += CODEC_CHUNK)
            write_cut_at(p, at, i);
    }
    write_cut_at(p, p->end, p->count);
    if (vec_last(&p->cuts)->start == p->end)
        p->cuts.size--;
    p->pieces = xcalloc(p->cuts.size, sizeof(*p->pieces));
    p->packed_at = xcalloc(p->cuts.size, sizeof(*p->packed_at));
}

/* ---- table of contents ---- */

struct table {
    const struct write_plan *plan;
    size_t cut; /* the next one that may begin a content */
    struct str text;
};

static void set_digest(json_t *doc, const char *key, const struct digest *d)
{
    char text[DIGEST_TEXT_MAX];

    doc_set_text(doc, key, digest_format(d, text));
}

/* "," before all but the first. */
static void put(struct table *t, json_t *take_doc)
{
    if (t->text.at[t->text.size - 1] != '[')
        str_add_text(&t->text, ",\n");
    doc_print(take_doc, true, &t->text);
    doc_unref(take_doc);
}

static json_t *row(const char *name, const char *type, uint32_t mode, const struct entry *e)
{
    char time[CONFIG_TIME_MAX];
    json_t *doc = json_object();

    doc_set_text(doc, "name", name);
    doc_set_text(doc, "type", type);
    if (e->mtime_s != 0)
        doc_set_text(doc, "modtime", config_time_format(e->mtime_s, time));
    doc_set_int(doc, "mode", mode);
    return doc;
}

static void set_base64(json_t *doc, const char *key, struct view v)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *at = (const uint8_t *)v.at;
    STR_AUTO(text);

    for (size_t i = 0; i < v.size; i += 3) {
        const size_t left = v.size - i;
        const uint32_t bits = (uint32_t)at[i] << 16 | (left > 1 ? (uint32_t)at[i + 1] << 8 : 0) |
                              (left > 2 ? at[i + 2] : 0);

        str_add_char(&text, digits[bits >> 18]);
        str_add_char(&text, digits[bits >> 12 & 63]);
        str_add_char(&text, left > 1 ? digits[bits >> 6 & 63] : '=');
        str_add_char(&text, left > 2 ? digits[bits & 63] : '=');
    }
    doc_set_text(doc, key, text.at);
}

static const char *type_name(enum entry_type type)
{
    switch (type) {
    case ENTRY_DIR:
        return "dir";
    case ENTRY_SYMLINK:
        return "symlink";
    case ENTRY_HARDLINK:
        return "hardlink";
    case ENTRY_CHAR:
        return "char";
    case ENTRY_BLOCK:
        return "block";
    case ENTRY_FIFO:
        return "fifo";
    case ENTRY_FILE:
    case ENTRY_WHITEOUT:
        break;
    }
    return "reg";
}

/* The chunks of a content; the first one is in the row of its file. */
static void put_chunks(struct table *t, size_t i, const struct entry *e, json_t *take_first)
{
    const struct write_plan *p = t->plan;
    const uint64_t body = write_body(p, i);
    json_t *doc = take_first;

    while (p->cuts.at[t->cut].start < body)
        t->cut++;
    for (uint64_t at = 0; at < e->size; at += CODEC_CHUNK, t->cut++) {
        if (!doc) {
            doc = json_object();
            doc_set_text(doc, "name", e->path);
            doc_set_text(doc, "type", "chunk");
        }
        doc_set_int(doc, "offset", (int64_t)p->packed_at[t->cut]);
        if (at > 0)
            doc_set_int(doc, "chunkOffset", (int64_t)at);
        if (e->size - at > CODEC_CHUNK)
            doc_set_int(doc, "chunkSize", CODEC_CHUNK);
        set_digest(doc, "chunkDigest", e->size > CODEC_CHUNK ? &p->pieces[t->cut] : &e->content);
        put(t, doc);
        doc = NULL;
    }
}

static void set_xattrs(json_t *doc, const struct entry *e)
{
    json_t *xattrs = e->xattr_count ? json_object() : NULL;

    for (size_t i = 0; i < e->xattr_count; i++)
        set_base64(xattrs, e->xattrs[i].name, e->xattrs[i].value);
    if (xattrs)
        doc_set(doc, "xattrs", xattrs);
}

static void put_entry(struct table *t, size_t i, const struct entry *e, const char *name)
{
    json_t *doc = row(name, type_name(e->type), e->mode, e);

    doc_set_int(doc, "uid", e->uid);
    doc_set_int(doc, "gid", e->gid);
    doc_set_text(doc, "linkName", e->link);
    if (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK) {
        doc_set_int(doc, "devMajor", e->major);
        doc_set_int(doc, "devMinor", e->minor);
    }
    set_xattrs(doc, e);
    if (e->type == ENTRY_FILE)
        set_digest(doc, "digest", &e->content);
    if (!has_content(t->plan, i)) {
        put(t, doc);
        return;
    }
    doc_set_int(doc, "size", (int64_t)e->size);
    put_chunks(t, i, e, doc);
}

/* The names that the archive has (layer/tar.h): whiteouts and markers are files there. */
static void put_named(struct table *t, size_t i)
{
    const struct entry e = write_entry(t->plan, i);
    const char *slash = strrchr(e.path, '/');
    STR_AUTO(name);

    if (e.type == ENTRY_WHITEOUT) {
        const char *last = slash ? slash + 1 : e.path;
        str_printf(&name, "%.*s.wh.%s", (int)(last - e.path), e.path, last);
        put(t, row(name.at, "reg", 0644, &e));
        return;
    }
    str_add_text(&name, e.type == ENTRY_DIR && !e.path[0] ? "." : e.path);
    if (e.type == ENTRY_DIR)
        str_add_char(&name, '/');
    put_entry(t, i, &e, name.at);
    if (e.type != ENTRY_DIR || !e.opaque)
        return;
    if (!e.path[0])
        str_clear(&name);
    str_add_text(&name, ".wh..wh..opq");
    put(t, row(name.at, "reg", 0644, &e));
}

static void put_landmark(struct table *t)
{
    static const struct entry e = {.path = LANDMARK_NAME};
    static const char content[] = {LANDMARK_CONTENT};
    json_t *doc = row(LANDMARK_NAME, "reg", 0644, &e);
    struct digest digest;

    digest_of(view_make(content, sizeof(content)), &digest);
    doc_set_int(doc, "size", sizeof(content));
    doc_set_int(doc, "offset", (int64_t)t->plan->packed_at[1]);
    set_digest(doc, "digest", &digest);
    set_digest(doc, "chunkDigest", &digest);
    put(t, doc);
}

/* An empty gzip member whose extra field says where the table is. */
static void make_footer(uint64_t toc_at, char ret[static FOOTER_SIZE + 1])
{
    static const char head[] = "\x1f\x8b\x08\x04\0\0\0\0\0\xff\x1a\0SG\x16\0";
    static const char tail[] = "\x01\0\0\xff\xff\0\0\0\0\0\0\0";

    memcpy(ret, head, 16);
    snprintf(ret + 16, 23, "%016" PRIx64 "STARGZ", toc_at);
    memcpy(ret + 38, tail, 13);
}

int estargz_finish(struct write_plan *p, struct codec_writer *w, struct digest *ret_toc,
                   struct error *err)
{
    struct table t = {.plan = p, .text = STR_INIT};
    const uint64_t toc_at = codec_packed_size(w);
    char footer[FOOTER_SIZE + 1];
    STR_AUTO(member);

    str_add_text(&t.text, "{\"version\":1,\"entries\":[");
    put_landmark(&t);
    for (size_t i = 0; i < p->count; i++)
        if (p->at[i] < p->at[i + 1])
            put_named(&t, i);
    str_add_text(&t.text, "]}");
    digest_of(str_view(&t.text), ret_toc);
    const struct entry e = {.path = TOC_NAME, .mode = 0444, .size = t.text.size};
    int r = tar_head(&e, &member, err);
    if (r == 0) {
        static const char zeros[3 * TAR_BLOCK];
        str_add(&member, str_view(&t.text));
        str_add(&member, view_make(zeros, (-t.text.size & (TAR_BLOCK - 1)) + 2 * TAR_BLOCK));
        r = codec_put_member(w, str_view(&member), err);
    }
    str_done(&t.text);
    make_footer(toc_at, footer);
    return r < 0 ? r : codec_put_packed(w, view_make(footer, FOOTER_SIZE), err);
}
