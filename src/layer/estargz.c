#include "layer/estargz.h"

#include <inttypes.h>
#include <stdio.h>

#include "layer/toc.h"

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

void estargz_cut(struct write_plan *p)
{
    write_cut_at(p, 0, 0);
    write_cut_at(p, TAR_BLOCK, 0); /* the landmark's content */
    for (size_t i = 0; i < p->count; i++) {
        if (!toc_has_content(p, i))
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

static void put_landmark(struct toc *t)
{
    static const struct entry e = {.path = LANDMARK_NAME};
    static const char content[] = {LANDMARK_CONTENT};
    json_t *doc = toc_row(t, LANDMARK_NAME, "reg", 0644, &e);
    struct digest digest;

    digest_of(view_make(content, sizeof(content)), &digest);
    doc_set_int(doc, "size", sizeof(content));
    doc_set_int(doc, "offset", (int64_t)t->plan->packed_at[1]);
    toc_set_digest(doc, "digest", &digest);
    toc_set_digest(doc, "chunkDigest", &digest);
    toc_put(t, doc);
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
    struct toc t = {.plan = p, .text = STR_INIT};
    const uint64_t toc_at = codec_packed_size(w);
    char footer[FOOTER_SIZE + 1];
    STR_AUTO(member);

    toc_begin(&t);
    put_landmark(&t);
    for (size_t i = 0; i < p->count; i++)
        if (p->at[i] < p->at[i + 1])
            toc_put_entry(&t, i);
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
