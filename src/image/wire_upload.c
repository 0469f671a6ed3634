/* The note: a line of JSON, and behind it what @net was told when we were gone already. */
#include "image/wire_upload.h"

#include <errno.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fd.h"
#include "base/hash.h"
#include "net/http.h"

#define NOTE_MAX (2 * HTTP_REQUEST_MAX)

struct wire_upload {
    struct registry_keeper keeper; /* its first member */
    struct store *store;
    struct digest id;
    uint64_t size;
    int fd;
};

/* What has to be the same the next time. */
static void identify(const struct registry_session *to, const char *repository,
                     const struct registry_blob *blob, struct digest *ret)
{
    struct hash h;

    hash_init(&h);
    hash_add_field(&h, VIEW("upload 1"));
    hash_add_field(&h, view_of(registry_session_host(to)));
    hash_add_field(&h, view_of(repository));
    hash_add(&h, blob->digest.sha256, sizeof(blob->digest.sha256));
    hash_done(&h, ret->sha256);
}

/* ---- reading ---- */

static int read_line(struct view line, uint64_t size, struct registry_upload *ret)
{
    cleanup_doc json_t *doc = NULL;
    const char *location = NULL;
    int64_t have = 0, until = 0, least = 0;
    int r = doc_parse(line, NOTE_MAX, "upload", &doc, NULL);

    if (r == 0)
        r = doc_need_text(doc, "location", &location, NULL);
    if (r == 0)
        r = doc_need_int(doc, "have", &have, NULL);
    if (r == 0)
        r = doc_need_int(doc, "until", &until, NULL);
    if (r == 0)
        r = doc_need_int(doc, "chunk_min", &least, NULL);
    if (r < 0)
        return r;
    if (have < 0 || until < have || (uint64_t)until > size || least < 0)
        return -EINVAL;
    *ret = (struct registry_upload){xstrdup(location), (uint64_t)have, (uint64_t)until,
                                    (uint64_t)least};
    return 0;
}

/* Whatever is odd about it, the blob is sent from its beginning. */
static void read_note(struct wire_upload *u)
{
    STR_AUTO(text);
    struct view rest, line;
    struct strings headers = {0};
    int status;

    if (fd_read_all(u->fd, NOTE_MAX, &text, NULL) < 0)
        return;
    rest = str_view(&text);
    if (!view_cut(&rest, '\n', &line) || read_line(line, u->size, &u->keeper.upload) < 0)
        return;
    if (rest.at && rest.size && http_last_read(rest, &status, &headers))
        registry_upload_take(&u->keeper.upload, status, &headers);
    strings_done(&headers);
}

/* ---- writing ---- */

/* What cannot be noted is sent again: no reason to fail. */
static void keep(struct registry_keeper *k, const struct registry_upload *state)
{
    struct wire_upload *u = (struct wire_upload *)k;
    cleanup_doc json_t *doc = json_object();
    STR_AUTO(text);

    if (!*state->location) {
        (void)!ftruncate(u->fd, 0);
        return;
    }
    doc_set_text(doc, "location", state->location);
    doc_set_int(doc, "have", (int64_t)state->have);
    doc_set_int(doc, "until", (int64_t)state->until);
    doc_set_int(doc, "chunk_min", (int64_t)MIN(state->chunk_min, (uint64_t)INT64_MAX));
    doc_print(doc, true, &text);
    str_add_char(&text, '\n');
    /* killed in between, we leave a line that is good, and behind it what is none */
    if (pwrite(u->fd, text.at, text.size, 0) == (ssize_t)text.size)
        (void)!ftruncate(u->fd, (off_t)text.size);
}

/* ---- */

struct wire_upload *wire_upload_open(struct store *s, const struct registry_session *to,
                                     const char *repository, const struct registry_blob *blob)
{
    struct digest id;

    identify(to, repository, blob, &id);
    const int fd = store_upload_open(s, &id, NULL);
    if (fd < 0)
        return NULL;
    struct wire_upload *u = xcalloc(1, sizeof(*u));
    *u = (struct wire_upload){
        .keeper = {.keep = keep}, .store = s, .id = id, .size = blob->size, .fd = fd};
    read_note(u);
    return u;
}

struct registry_keeper *wire_upload_keeper(struct wire_upload *u)
{
    return &u->keeper;
}

int wire_upload_fd(const struct wire_upload *u)
{
    return u->fd;
}

void wire_upload_free(struct wire_upload *u)
{
    if (!u)
        return;
    /* nothing is noted: it is over, or never began */
    if (lseek(u->fd, 0, SEEK_END) == 0)
        store_upload_remove(u->store, &u->id);
    registry_upload_done(&u->keeper.upload);
    (void)close(u->fd);
    free(u);
}
