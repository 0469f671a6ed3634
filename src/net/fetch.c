#include "net/fetch.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/frame.h"
#include "base/proc.h"
#include "net/url.h"

#define ANSWER_MAX (64u << 10)

void fetch_done(struct fetch *f)
{
    free(f->complaint);
    f->complaint = NULL;
}

/* Frames: {"url":..,"max":..,"proxy":..,"ca":..} with its descriptor each; then the end of the
 * stream. */
static int send_requests(int fd, const struct fetch *items, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        cleanup_doc json_t *doc = json_object();
        STR_AUTO(text);

        doc_set_text(doc, "url", items[i].url);
        doc_set_text(doc, "proxy", items[i].proxy);
        doc_set_text(doc, "ca", items[i].ca_file);
        doc_set_int(doc, "max", (int64_t)items[i].size_max);
        doc_print(doc, true, &text);
        const int r = frame_send(fd, str_view(&text), &items[i].fd, 1, err);
        if (r < 0)
            return r;
    }
    if (shutdown(fd, SHUT_WR) < 0)
        return error_sys(err, "end of the list for @net");
    return 0;
}

/* {"item":n,"code":errno,"complaint":..,"size":..} or {"bytes":n} or
 * {"fatal":..,"code":errno,"hint":..} */
static int take_answer(const json_t *doc, struct fetch *items, size_t count,
                       fetch_progress *progress, void *ctx, struct error *err)
{
    int64_t item = -1, code = 0, size = 0, bytes = -1;
    const char *complaint = NULL, *fatal = NULL, *hint = NULL;
    int r = doc_int(doc, "item", &item, err);

    if (r >= 0)
        r = doc_int(doc, "code", &code, err);
    if (r >= 0)
        r = doc_int(doc, "size", &size, err);
    if (r >= 0)
        r = doc_int(doc, "bytes", &bytes, err);
    if (r >= 0)
        r = doc_text(doc, "complaint", &complaint, err);
    if (r >= 0)
        r = doc_text(doc, "fatal", &fatal, err);
    if (r >= 0)
        r = doc_text(doc, "hint", &hint, err);
    if (r < 0)
        return r;
    if (fatal) {
        error_set(err, -(int)code, "%s", fatal);
        return hint ? error_hint(err, -(int)code, "%s", hint) : -(int)code;
    }
    if (bytes >= 0 && progress)
        progress(ctx, (uint64_t)bytes);
    if (item < 0 || (size_t)item >= count)
        return 0;
    items[item].code = -(int)code;
    items[item].size = (uint64_t)size;
    items[item].complaint = complaint ? xstrdup(complaint) : NULL;
    return 1;
}

static int take_answers(int fd, struct fetch *items, size_t count, fetch_progress *progress,
                        void *ctx, struct error *err)
{
    for (size_t left = count; left > 0;) {
        cleanup_doc json_t *doc = NULL;
        STR_AUTO(text);
        int r = frame_recv(fd, &text, NULL, NULL, err);

        if (r == 0)
            return error_set(err, -EPROTO, "@net ended before its work was done");
        if (r > 0)
            r = doc_parse(str_view(&text), ANSWER_MAX, "answer of @net", &doc, err);
        if (r >= 0)
            r = take_answer(doc, items, count, progress, ctx, err);
        if (r < 0)
            return r;
        left -= (size_t)r;
    }
    return 0;
}

int fetch_all(struct fetch *items, size_t count, fetch_progress *progress, void *ctx,
              struct error *err)
{
    struct process child;
    int ends[2];

    if (count == 0)
        return 0;
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
    int r = send_requests(mine, items, count, err);
    if (r >= 0)
        r = take_answers(mine, items, count, progress, ctx, err);
    (void)close(steal_fd(mine)); /* @net ends when nobody listens */
    /* afterwards nobody else holds the descriptors: what is checked now stays as it is */
    (void)proc_wait(&child);
    return r;
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
