#include "layer/toc.h"

#include "oci/config.h"

bool toc_has_content(const struct write_plan *p, size_t i)
{
    const struct entry *e = index_at(p->index, i);

    return e->type == ENTRY_FILE && e->size > 0 && p->at[i] < p->at[i + 1];
}

void toc_set_digest(json_t *doc, const char *key, const struct digest *d)
{
    char text[DIGEST_TEXT_MAX];

    doc_set_text(doc, key, digest_format(d, text));
}

void toc_begin(struct toc *t)
{
    str_add_text(&t->text, "{\"version\":1,\"entries\":[");
}

/* "," before all but the first. */
void toc_put(struct toc *t, json_t *take_row)
{
    if (t->text.at[t->text.size - 1] != '[')
        str_add_text(&t->text, ",\n");
    doc_print(take_row, true, &t->text);
    doc_unref(take_row);
}

json_t *toc_row(const struct toc *t, const char *name, const char *type, uint32_t mode,
                const struct entry *e)
{
    char time[CONFIG_TIME_MAX];
    json_t *doc = json_object();

    doc_set_text(doc, "name", name);
    doc_set_text(doc, "type", type);
    if (e->mtime_s != 0 || t->chunked)
        doc_set_text(doc, "modtime", config_time_format(e->mtime_s, time));
    doc_set_int(doc, "mode", mode);
    return doc;
}

void toc_base64(struct str *to, struct view v)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *at = (const uint8_t *)v.at;

    str_reserve(to, (v.size + 2) / 3 * 4);
    for (size_t i = 0; i < v.size; i += 3) {
        const size_t left = v.size - i;
        const uint32_t bits = (uint32_t)at[i] << 16 | (left > 1 ? (uint32_t)at[i + 1] << 8 : 0) |
                              (left > 2 ? at[i + 2] : 0);

        str_add_char(to, digits[bits >> 18]);
        str_add_char(to, digits[bits >> 12 & 63]);
        str_add_char(to, left > 1 ? digits[bits >> 6 & 63] : '=');
        str_add_char(to, left > 2 ? digits[bits & 63] : '=');
    }
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

/* Of the chunk that begins at `at` in the content. containers/storage says nothing of the chunk where there is only one. */
static void set_chunk(const struct toc *t, const struct entry *e, uint64_t at, json_t *doc)
{
    const struct write_plan *p = t->plan;
    const bool single = e->size <= CODEC_CHUNK;

    doc_set_int(doc, "offset", (int64_t)p->packed_at[t->cut]);
    if (t->chunked && single)
        return;
    if (at > 0)
        doc_set_int(doc, "chunkOffset", (int64_t)at);
    if (t->chunked || e->size - at > CODEC_CHUNK)
        doc_set_int(doc, "chunkSize", (int64_t)MIN(e->size - at, (uint64_t)CODEC_CHUNK));
    toc_set_digest(doc, "chunkDigest", single ? &e->content : &p->pieces[t->cut]);
}

/* The chunks of a content; the first one is in the row of its file. */
static void put_chunks(struct toc *t, size_t i, const struct entry *e, const char *name,
                       json_t *take_first)
{
    const struct write_plan *p = t->plan;
    const uint64_t body = write_body(p, i);
    const size_t count = (size_t)((e->size + CODEC_CHUNK - 1) / CODEC_CHUNK);
    json_t *doc = take_first;

    while (p->cuts.at[t->cut].start < body)
        t->cut++;
    if (t->chunked)
        doc_set_int(doc, "endOffset", (int64_t)p->packed_at[t->cut + count]);
    for (uint64_t at = 0; at < e->size; at += CODEC_CHUNK, t->cut++) {
        if (!doc) {
            doc = json_object();
            doc_set_text(doc, "name", name);
            doc_set_text(doc, "type", "chunk");
        }
        set_chunk(t, e, at, doc);
        toc_put(t, doc);
        doc = NULL;
    }
}

static void set_xattrs(json_t *doc, const struct entry *e)
{
    json_t *xattrs = e->xattr_count ? json_object() : NULL;

    for (size_t i = 0; i < e->xattr_count; i++) {
        STR_AUTO(value);

        toc_base64(&value, e->xattrs[i].value);
        doc_set_text(xattrs, e->xattrs[i].name, value.at ? value.at : "");
    }
    if (xattrs)
        doc_set(doc, "xattrs", xattrs);
}

static void put_whole(struct toc *t, size_t i, const struct entry *e, const char *name)
{
    json_t *doc = toc_row(t, name, type_name(e->type), e->mode, e);

    doc_set_int(doc, "uid", e->uid);
    doc_set_int(doc, "gid", e->gid);
    doc_set_text(doc, "linkName", e->link);
    if (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK) {
        doc_set_int(doc, "devMajor", e->major);
        doc_set_int(doc, "devMinor", e->minor);
    }
    set_xattrs(doc, e);
    if (e->type == ENTRY_FILE && (e->size > 0 || !t->chunked))
        toc_set_digest(doc, "digest", &e->content);
    if (!toc_has_content(t->plan, i)) {
        toc_put(t, doc);
        return;
    }
    doc_set_int(doc, "size", (int64_t)e->size);
    put_chunks(t, i, e, name, doc);
}

/* The names that the archive has (layer/tar.h): whiteouts and markers are files there. */
void toc_put_entry(struct toc *t, size_t i)
{
    const struct entry e = write_entry(t->plan, i);
    const char *slash = strrchr(e.path, '/');
    STR_AUTO(name);

    if (e.type == ENTRY_WHITEOUT) {
        const char *last = slash ? slash + 1 : e.path;
        str_printf(&name, "%.*s.wh.%s", (int)(last - e.path), e.path, last);
        toc_put(t, toc_row(t, name.at, "reg", 0644, &e));
        return;
    }
    str_add_text(&name, e.type == ENTRY_DIR && !e.path[0] ? "." : e.path);
    if (e.type == ENTRY_DIR)
        str_add_char(&name, '/');
    put_whole(t, i, &e, name.at);
    if (e.type != ENTRY_DIR || !e.opaque)
        return;
    if (!e.path[0])
        str_clear(&name);
    str_add_text(&name, ".wh..wh..opq");
    toc_put(t, toc_row(t, name.at, "reg", 0644, &e));
}
