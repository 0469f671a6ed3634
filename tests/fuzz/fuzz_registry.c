/* A registry that says whatever the input says: each answer is a status byte, its lines, a blank line,
 * and a body up to the next 0 byte. No call may crash, run for ever, or show a credential elsewhere. */
#include <assert.h>

#include "registry/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ANSWERS_MAX 200

static void keep(struct registry_keeper *k, const struct registry_upload *u)
{
    (void)k;
    assert(u->have <= u->until && u->until <= 5 << 20);
}
static struct registry_keeper keeper = {.keep = keep};

static struct registry_call *call_of(struct registry_session *s, unsigned kind)
{
    struct registry_blob blob = {.size = 2, .fd = -1, .bytes = VIEW("{}"), .from = "other"};

    digest_of(VIEW("{}"), &blob.digest);
    if (kind & 128) /* in chunks, begun by another process */
        blob = (struct registry_blob){
            .digest = blob.digest, .size = 5 << 20, .fd = 1, .keeper = kind & 64 ? &keeper : NULL};
    switch (kind % 8) {
    case 0:
        return registry_manifest_get(s, "a", "1", NULL);
    case 1:
        return registry_manifest_head(s, "a", "1", NULL);
    case 2:
        return registry_manifest_put(s, "a", "1", "application/json", VIEW("{}"));
    case 3:
        return registry_blob_get(s, "a", &blob.digest, 100, 1, 10, true);
    case 4:
        return registry_blob_read(s, "a", &blob.digest, 2, 100);
    case 5:
        return registry_blob_put(s, "a", &blob);
    case 6:
        return registry_tags(s, "a");
    default:
        return registry_referrers(s, "a", &blob.digest);
    }
}

static struct registry_answer next_answer(struct view *rest)
{
    static const int statuses[] = {200, 201, 202, 204, 206, 302, 307, 400,
                                   401, 403, 404, 405, 416, 429, 500, 503};
    struct registry_answer a = {.body = STR_INIT};
    struct view text, line;

    (void)view_cut(rest, '\0', &text);
    const unsigned first = text.size ? (unsigned char)text.at[0] : 0;
    a.failure = first & 64 ? (enum registry_failure)(first % (REGISTRY_LOCAL + 1)) : 0;
    a.status = statuses[first % ARRAY_SIZE(statuses)];
    a.size = first;
    if (text.size)
        text = view_make(text.at + 1, text.size - 1);
    while (view_cut(&text, '\n', &line) && line.size)
        strings_take(&a.headers, view_dup(line));
    str_add(&a.body, text);
    return a;
}

static void check(const struct registry_session *s, const struct registry_request *q)
{
    cleanup_free char *base = session_base(s);

    vec_each (line, &q->headers) {
        assert(!strpbrk(*line, "\r\n"));
        if (strncmp(*line, "Authorization:", 14) == 0 && !location_same_origin(q->url, base))
            /* only the realm sees it, and that is as safe as the registry */
            assert(strstr(*line, "Basic") && location_is_tls(q->url) >= location_is_tls(base));
    }
    assert(!strpbrk(q->url, " \r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct registry_credential login = {.user = (char[]){"u"}, .password = (char[]){"p"}};
    CLEANUP(registry_session_freep)
    struct registry_session *s = registry_session_new(&(struct registry_options){
        .host = "h.example", .credential = &login, .insecure = size & 1, .seed = size});
    struct view rest = view_make(data + 1, size ? size - 1 : 0);
    int64_t now = 0;

    if (size == 0)
        return 0;
    CLEANUP(registry_call_freep) struct registry_call *c = call_of(s, data[0]);
    for (int i = 0; i < ANSWERS_MAX; i++) {
        struct registry_request q = {.body_fd = -1, .sink_fd = -1};
        enum registry_next next;
        int64_t wait = 0;

        if (registry_call_next(c, now, &next, &q, &wait, NULL) < 0 || next == REGISTRY_DONE)
            return 0;
        if (next == REGISTRY_WAIT) {
            assert(wait >= 0); /* nobody else is there to be waited for */
            now += wait;
            continue;
        }
        check(s, &q);
        registry_request_done(&q);
        struct registry_answer a = next_answer(&rest);
        if (registry_call_take(c, now, 1000, &a, NULL) < 0)
            return 0;
    }
    assert(c->rounds > 10); /* pages of lists may go on for long, nothing else */
    return 0;
}
