#include "net/fetch.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/frame.h"
#include "base/proc.h"
#include "net/url.h"

#define ANSWER_MAX (64u << 10)

struct fetching {
    struct fetch *items;
    size_t count, left; /* left: without an answer */
    int fd;
    struct process child;
};

void fetch_done(struct fetch *f)
{
    free(f->complaint);
    free(f->etag);
    f->complaint = f->etag = NULL;
}

/* Frames: {"url":..,"max":..,"proxy":..,"ca":..,"etag":..,"since":..} with its descriptor each; then
 * the end of the stream. */
static int send_requests(int fd, const struct fetch *items, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        cleanup_doc json_t *doc = json_object();
        STR_AUTO(text);

        doc_set_text(doc, "url", items[i].url);
        doc_set_text(doc, "proxy", items[i].proxy);
        doc_set_text(doc, "ca", items[i].ca_file);
        doc_set_int(doc, "max", (int64_t)items[i].size_max);
        doc_set_text(doc, "etag", items[i].old_etag);
        doc_set_int(doc, "since", items[i].old_time_s);
        doc_print(doc, true, &text);
        const int r = frame_send(fd, str_view(&text), &items[i].fd, 1, err);
        if (r < 0)
            return r;
    }
    if (shutdown(fd, SHUT_WR) < 0)
        return error_sys(err, "end of the list for @net");
    return 0;
}

/* {"item":n,"code":errno,"complaint":..,"size":..,"unchanged":..,"etag":..,"time":..} */
static int take_item(const json_t *doc, struct fetch *item, struct error *err)
{
    const char *complaint = NULL, *etag = NULL;
    int64_t code = 0, size = 0;
    int r = doc_int(doc, "code", &code, err);

    if (r >= 0)
        r = doc_int(doc, "size", &size, err);
    if (r >= 0)
        r = doc_text(doc, "complaint", &complaint, err);
    if (r >= 0)
        r = doc_bool(doc, "unchanged", &item->unchanged, err);
    if (r >= 0)
        r = doc_text(doc, "etag", &etag, err);
    if (r >= 0)
        r = doc_int(doc, "time", &item->time_s, err);
    if (r < 0)
        return r;
    item->code = -(int)code;
    item->size = (uint64_t)size;
    item->complaint = complaint ? xstrdup(complaint) : NULL;
    item->etag = etag ? xstrdup(etag) : NULL;
    return 1;
}

/* {"fatal":..,"code":errno,"hint":..} */
static int take_end(const json_t *doc, struct error *err)
{
    const char *fatal = NULL, *hint = NULL;
    int64_t code = 0;
    int r = doc_text(doc, "fatal", &fatal, err);

    if (r < 0 || !fatal)
        return r;
    r = doc_int(doc, "code", &code, err);
    if (r >= 0)
        r = doc_text(doc, "hint", &hint, err);
    if (r < 0)
        return r;
    error_set(err, -(int)code, "%s", fatal);
    return hint ? error_hint(err, -(int)code, "%s", hint) : -(int)code;
}

/* An item's answer, or {"bytes":n}, or the end. */
static int take_answer(const json_t *doc, struct fetching *f, fetch_progress *progress, void *ctx,
                       struct error *err)
{
    int64_t item = -1, bytes = -1;
    int r = take_end(doc, err);

    if (r >= 0)
        r = doc_int(doc, "item", &item, err);
    if (r >= 0)
        r = doc_int(doc, "bytes", &bytes, err);
    if (r < 0)
        return r;
    if (bytes >= 0 && progress)
        progress(ctx, (uint64_t)bytes);
    if (item < 0 || (size_t)item >= f->count)
        return 0;
    return take_item(doc, &f->items[item], err);
}

int fetch_step(struct fetching *f, fetch_progress *progress, void *ctx, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    STR_AUTO(text);
    int r = frame_recv(f->fd, &text, NULL, NULL, err);

    if (r == 0)
        return error_set(err, -EPROTO, "@net ended before its work was done");
    if (r > 0)
        r = doc_parse(str_view(&text), ANSWER_MAX, "answer of @net", &doc, err);
    if (r >= 0)
        r = take_answer(doc, f, progress, ctx, err);
    if (r < 0)
        return r;
    f->left -= (size_t)r;
    return f->left == 0;
}

int fetch_begin(struct fetch *items, size_t count, struct fetching **ret, struct error *err)
{
    struct process child;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return error_sys(err, "socket for @net");
    cleanup_close int mine = ends[0];
    {
        cleanup_close int theirs = ends[1];
        struct proc_options o = PROC_OPTIONS_INIT;

        o.keep = &theirs;
        o.keep_count = 1;
        const int r = proc_spawn_role((const char *[]){"@net", NULL}, &o, &child, err);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < count; i++)
        items[i].code = -EIO;
    CLEANUP(fetch_endp) struct fetching *f = xcalloc(1, sizeof(*f));
    *f = (struct fetching){items, count, count, steal_fd(mine), child};
    const int r = send_requests(f->fd, items, count, err);
    if (r < 0)
        return r;
    *ret = steal(f);
    return 0;
}

int fetch_fd(const struct fetching *f)
{
    return f->fd;
}

void fetch_end(struct fetching *f)
{
    if (!f)
        return;
    if (f->left > 0)
        (void)kill(f->child.pid, SIGKILL);
    (void)close(f->fd); /* @net ends when nobody listens */
    /* afterwards nobody else holds the descriptors: what is checked now stays as it is */
    (void)proc_wait(&f->child);
    free(f);
}

int fetch_all(struct fetch *items, size_t count, fetch_progress *progress, void *ctx,
              struct error *err)
{
    CLEANUP(fetch_endp) struct fetching *f = NULL;
    int r = count > 0 ? fetch_begin(items, count, &f, err) : 1;

    while (r == 0)
        r = fetch_step(f, progress, ctx, err);
    return r < 0 ? r : 0;
}

int fetch_check(const struct fetch *items, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        cleanup_free char *url = url_public(items[i].url);

        if (items[i].code < 0)
            return error_set(err, items[i].code, "fetch %s: %s", url,
                             items[i].complaint ? items[i].complaint : strerror(-items[i].code));
    }
    return 0;
}
