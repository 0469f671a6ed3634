#include "layer/chunked.h"

#include "layer/toc.h"

#define FRAME_HEAD 8 /* magic and size of a skippable frame */
#define TYPE_CRFS 1
#define TABLES 8

/* CRC-64 of ISO 3309 as Go has it, eight bytes at a time: of every content, for the tar-split. */
struct chunked {
    uint64_t table[TABLES][256];
    uint64_t *sums; /* by entry */
};

static void make_table(uint64_t table[TABLES][256])
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t crc = i;
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xd800000000000000u : crc >> 1;
        table[0][i] = crc;
    }
    for (unsigned i = 0; i < 256; i++)
        for (unsigned k = 1; k < TABLES; k++)
            table[k][i] = table[0][table[k - 1][i] & 255] ^ table[k - 1][i] >> 8;
}

static uint64_t crc_add(const struct chunked *c, uint64_t crc, struct view data)
{
    const uint8_t *at = (const uint8_t *)data.at, *end = at + data.size;

    crc = ~crc;
    for (; end - at >= TABLES; at += TABLES) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        crc ^= le64toh(word);
        crc = c->table[7][crc & 255] ^ c->table[6][crc >> 8 & 255] ^ c->table[5][crc >> 16 & 255] ^
              c->table[4][crc >> 24 & 255] ^ c->table[3][crc >> 32 & 255] ^
              c->table[2][crc >> 40 & 255] ^ c->table[1][crc >> 48 & 255] ^ c->table[0][crc >> 56];
    }
    for (; at < end; at++)
        crc = c->table[0][(crc ^ *at) & 255] ^ crc >> 8;
    return ~crc;
}

void chunked_cut(struct write_plan *p)
{
    write_cut_at(p, 0, 0);
    for (size_t i = 0; i < p->count; i++) {
        if (!toc_has_content(p, i))
            continue;
        write_cut_at(p, write_body(p, i), i);
        write_cut_at(p, write_body(p, i) + index_at(p->index, i)->size, i);
    }
    write_cut_at(p, p->end, p->count);
    p->cuts.size--; /* the end is no beginning */
    p->pieces = xcalloc(p->cuts.size, sizeof(*p->pieces));
    p->packed_at = xcalloc(p->cuts.size, sizeof(*p->packed_at));
    p->chunked = xcalloc(1, sizeof(*p->chunked));
    p->chunked->sums = xcalloc(p->count + 1, sizeof(*p->chunked->sums));
    make_table(p->chunked->table);
}

void chunked_free(struct chunked *c)
{
    if (!c)
        return;
    free(c->sums);
    free(c);
}

/* A piece is content of one entry, or of none. */
void chunked_seen(struct write_plan *p, uint64_t number, struct view plain)
{
    const struct write_cut *cut = &p->cuts.at[number];

    if (cut->entry >= p->count || !toc_has_content(p, cut->entry))
        return;
    const uint64_t body = write_body(p, cut->entry);
    uint64_t *sum = &p->chunked->sums[cut->entry];
    if (cut->start >= body && cut->start < body + index_at(p->index, cut->entry)->size)
        *sum = crc_add(p->chunked, *sum, plain);
}

static bool is_utf8(const char *text)
{
    json_t *doc = text ? json_string(text) : NULL;
    const bool good = !text || doc;

    doc_unref(doc);
    return good;
}

static bool has_table(const struct write_plan *p)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct entry *e = index_at(p->index, i);

        if (!is_utf8(e->path) || !is_utf8(e->link))
            return false;
        for (size_t n = 0; n < e->xattr_count; n++)
            if (!is_utf8(e->xattrs[n].name))
                return false;
    }
    return true;
}

/* ---- tar-split: the rows of vbatts/tar-split, tar/storage ---- */

struct split {
    struct str text;
    struct str head; /* padding of the last content, then the header of the next entry */
    int64_t position;
};

static void put_segment(struct split *s)
{
    str_add_text(&s->text, "{\"type\":2,\"payload\":\"");
    toc_base64(&s->text, str_view(&s->head));
    str_printf(&s->text, "\",\"position\":%lld}\n", (long long)s->position++);
    str_clear(&s->head);
}

static void put_file(struct split *s, const char *name, uint64_t size, uint64_t crc)
{
    cleanup_doc json_t *doc = json_object();
    const uint64_t word = htobe64(crc);
    STR_AUTO(payload);

    toc_base64(&payload, view_make((const char *)&word, sizeof(word)));
    doc_set_int(doc, "type", 1);
    doc_set_text(doc, "name", name);
    if (size > 0)
        doc_set_int(doc, "size", (int64_t)size);
    doc_set(doc, "payload", size > 0 ? doc_new_text(payload.at) : json_null());
    doc_set_int(doc, "position", s->position++);
    doc_print(doc, true, &s->text);
    str_add_char(&s->text, '\n');
}

/* The header of an opaque directory comes with that of its marker. */
static int split_marker(struct split *s, struct entry e, struct error *err)
{
    STR_AUTO(both);
    STR_AUTO(name);
    int r = tar_head(&e, &both, err);
    const size_t before = s->head.size;

    e.opaque = false;
    if (r == 0)
        r = tar_head(&e, &s->head, err);
    if (r < 0)
        return r;
    const size_t own = s->head.size - before;
    put_segment(s);
    str_printf(&name, "%s/", e.path[0] ? e.path : ".");
    put_file(s, name.at, 0, 0);
    str_add(&s->head, view_make(both.at + own, both.size - own));
    put_segment(s);
    str_clear(&name);
    str_printf(&name, "%s%s.wh..wh..opq", e.path, e.path[0] ? "/" : "");
    put_file(s, name.at, 0, 0);
    return 0;
}

static void name_in_archive(const struct entry *e, struct str *ret)
{
    const char *slash = strrchr(e->path, '/'), *last = slash ? slash + 1 : e->path;

    if (e->type == ENTRY_WHITEOUT)
        str_printf(ret, "%.*s.wh.%s", (int)(last - e->path), e->path, last);
    else if (e->type == ENTRY_DIR)
        str_printf(ret, "%s/", e->path[0] ? e->path : ".");
    else
        str_add_text(ret, e->path);
}

static int split_entry(struct split *s, const struct write_plan *p, size_t i, struct error *err)
{
    static const char zeros[TAR_BLOCK];
    const struct entry e = write_entry(p, i);
    const uint64_t size = e.type == ENTRY_FILE ? e.size : 0;
    STR_AUTO(name);

    if (e.type == ENTRY_DIR && e.opaque)
        return split_marker(s, e, err);
    const int r = tar_head(&e, &s->head, err);
    if (r < 0)
        return r;
    put_segment(s);
    name_in_archive(&e, &name);
    put_file(s, name.at, size, p->chunked->sums[i]);
    str_add(&s->head, view_make(zeros, -size & (TAR_BLOCK - 1)));
    return 0;
}

static int make_split(const struct write_plan *p, struct str *ret, struct error *err)
{
    struct split s = {.text = STR_INIT, .head = STR_INIT};
    static const char zeros[2 * TAR_BLOCK];
    int r = 0;

    for (size_t i = 0; r == 0 && i < p->count; i++)
        if (p->at[i] < p->at[i + 1])
            r = split_entry(&s, p, i, err);
    str_add(&s.head, view_make(zeros, sizeof(zeros)));
    put_segment(&s);
    str_done(&s.head);
    *ret = s.text;
    return r;
}

/* ---- table of contents ---- */

static void make_toc(const struct write_plan *p, const struct digest *split, struct str *ret)
{
    struct toc t = {.plan = p, .chunked = true, .text = STR_INIT};
    char text[DIGEST_TEXT_MAX];

    toc_begin(&t);
    for (size_t i = 0; i < p->count; i++)
        if (p->at[i] < p->at[i + 1])
            toc_put_entry(&t, i);
    str_printf(&t.text, "],\"tarSplitDigest\":\"%s\"}", digest_format(split, text));
    *ret = t.text;
}

/* ---- frames ---- */

static void put_le(struct str *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        str_add_char(to, (char)(value >> (8 * i)));
}

static int put_frame(struct codec_writer *w, struct view content, struct error *err)
{
    STR_AUTO(head);

    put_le(&head, 0x184d2a50, 4);
    put_le(&head, content.size, 4);
    const int r = codec_put_packed(w, str_view(&head), err);
    return r < 0 ? r : codec_put_packed(w, content, err);
}

static int put_footer(struct codec_writer *w, const struct write_toc *t, struct error *err)
{
    const uint64_t numbers[] = {t->at,       t->size,       t->plain_size,      TYPE_CRFS,
                                t->split_at, t->split_size, t->split_plain_size};
    STR_AUTO(footer);

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        put_le(&footer, numbers[i], 8);
    str_add_text(&footer, "GNUlInUx");
    return put_frame(w, str_view(&footer), err);
}

static int pack_split(struct write_plan *p, struct codec_writer *w, struct write_toc *t,
                      struct str *ret, struct error *err)
{
    STR_AUTO(plain);
    const int r = make_split(p, &plain, err);

    t->split_plain_size = plain.size;
    return r < 0 ? r : codec_pack_aside(w, str_view(&plain), ret, err);
}

static int pack_toc(struct write_plan *p, struct codec_writer *w, const struct digest *split,
                    struct write_toc *t, struct str *ret, struct error *err)
{
    STR_AUTO(plain);

    make_toc(p, split, &plain);
    t->plain_size = plain.size;
    return codec_pack_aside(w, str_view(&plain), ret, err);
}

int chunked_finish(struct write_plan *p, struct codec_writer *w, struct write_toc *ret,
                   struct error *err)
{
    struct write_toc t = {0};
    struct digest split_digest;
    STR_AUTO(split);
    STR_AUTO(toc);

    if (!has_table(p))
        return 0;
    int r = pack_split(p, w, &t, &split, err);
    if (r < 0)
        return r;
    digest_of(str_view(&split), &split_digest);
    r = pack_toc(p, w, &split_digest, &t, &toc, err);
    if (r < 0)
        return r;
    digest_of(str_view(&toc), &t.digest);
    t.size = toc.size;
    t.split_size = split.size;
    t.at = codec_packed_size(w) + FRAME_HEAD;
    t.split_at = t.at + t.size + FRAME_HEAD;
    r = put_frame(w, str_view(&toc), err);
    if (r == 0)
        r = put_frame(w, str_view(&split), err);
    if (r == 0)
        r = put_footer(w, &t, err);
    if (r == 0)
        *ret = t;
    return r;
}
