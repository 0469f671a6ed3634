/* Bringing a remote source into the store, step by step: see remote.h. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fd.h"
#include "build/remote_work.h"
#include "net/git.h"
#include "net/url.h"

static void end_fetch(struct remote_work *w)
{
    fetch_end(w->fetching);
    w->fetching = NULL;
    git_end(w->git);
    w->git = NULL;
    if (w->file >= 0)
        (void)close(steal_fd(w->file));
}

void remote_end(struct remote_work *w)
{
    if (!w)
        return;
    job_cancel(w->job);
    end_fetch(w);
    store_tree_abort(w->tree);
    fetch_done(&w->item);
    remote_answer_done(&w->old);
    free(w);
}

int remote_fd(const struct remote_work *w)
{
    return w->job        ? job_fd(w->job)
           : w->git      ? git_fd(w->git)
           : w->fetching ? fetch_fd(w->fetching)
                         : -1;
}

/* ---- adopt: the tree is hashed and named ---- */

static int begin_adopt(struct remote_work *w, struct error *err)
{
    cleanup_doc json_t *request = json_object();
    struct holder *holder = NULL;
    const int fds[] = {store_tree_fs_fd(w->tree), store_tree_dir_fd(w->tree)};

    end_fetch(w);
    w->phase = PHASE_ADOPT;
    if (w->remote->kind == REMOTE_URL)
        doc_set_text(request, "file", w->remote->name);
    const int r = image_holder(w->t, &holder, err);
    return r < 0 ? r : holder_submit(holder, "build-adopt", request, fds, 2, &w->job, err);
}

static int check_body(const struct remote *r, const struct digest *body, struct error *err)
{
    char want[DIGEST_TEXT_MAX], got[DIGEST_TEXT_MAX];

    if (!r->has_checksum || digest_eq(&r->checksum, body))
        return 0;
    error_set(err, -EPROTO, "checksum mismatch: %s is %s, not %s", r->shown,
              digest_format(body, got), digest_format(&r->checksum, want));
    return error_hint(err, -EPROTO,
                      "the file at that URL is another one now, or not what was meant");
}

static int read_adopted(struct remote_work *w, const json_t *answer, uint64_t *ret_size,
                        struct error *err)
{
    struct remote *r = w->remote;
    const char *tree = NULL, *body = NULL;
    int64_t size = 0;
    struct digest d;
    int code = doc_need_text(answer, "tree", &tree, err);

    if (code >= 0)
        code = digest_parse_hex(tree, &r->tree, err);
    if (code >= 0)
        code = doc_need_int(answer, "size", &size, err);
    *ret_size = (uint64_t)size;
    if (code < 0 || r->kind == REMOTE_GIT)
        return code;
    code = doc_need_text(answer, "body", &body, err);
    if (code >= 0)
        code = digest_parse_hex(body, &d, err);
    if (code >= 0)
        code = check_body(r, &d, err);
    if (code >= 0) {
        r->body = d;
        r->has_body = true;
    }
    return code;
}

static int remember(struct remote_work *w, struct error *err)
{
    int r = remote_remember_tree(w->t, w->remote, err);

    if (r < 0 || w->remote->kind == REMOTE_GIT || !w->item.url)
        return r;
    const struct remote_answer a = {w->item.etag, w->item.time_s, w->remote->body};
    return remote_remember_answer(w->t, w->remote->text, &a, &w->remote->tree, err);
}

static int end_adopt(struct remote_work *w, struct error *err)
{
    cleanup_doc json_t *answer = NULL;
    uint64_t size = 0;
    int r = job_finish(steal(w->job), &answer, err);

    if (r >= 0)
        r = read_adopted(w, answer, &size, err);
    if (r >= 0)
        r = store_tree_commit(w->t->store, steal(w->tree), &w->remote->tree, size, err);
    if (r < 0)
        return r;
    w->remote->has_tree = true;
    r = remember(w, err);
    return r < 0 ? r : 1;
}

/* ---- URLs ---- */

static int open_file(struct remote_work *w, struct error *err)
{
    int r = store_tree_begin(w->t->store, &w->tree, err);

    if (r < 0)
        return r;
    w->file =
        fd_open(store_tree_fs_fd(w->tree), w->remote->name, O_RDWR | O_CREAT | O_EXCL, 0600, err);
    if (w->file < 0)
        return w->file;
    return fchmod(w->file, 0600) < 0 ? error_sys(err, "set the mode of a file") : 0;
}

static int set_time(const struct remote_work *w, int64_t time_s, struct error *err)
{
    const struct timespec times[] = {{MAX(time_s, 0), 0}, {MAX(time_s, 0), 0}};

    w->remote->time_s = times[0].tv_sec;
    w->remote->has_time = true;
    return futimens(w->file, times) < 0 ? error_sys(err, "set the time of a file") : 0;
}

/* What the curl program looks at and its library does not. */
static const char *ca_file(void)
{
    const char *file = getenv("CURL_CA_BUNDLE");

    return file && *file ? file : getenv("SSL_CERT_FILE");
}

static int begin_download(struct remote_work *w, struct error *err)
{
    int r = open_file(w, err);

    if (r < 0)
        return r;
    w->phase = PHASE_FETCH;
    w->item = (struct fetch){.url = w->remote->text,
                             .ca_file = ca_file(),
                             .fd = w->file,
                             .size_max = REMOTE_FILE_MAX,
                             .old_etag = w->has_old ? w->old.etag : NULL,
                             .old_time_s = w->has_old && w->old.time_s > 0 ? w->old.time_s : 0,
                             .time_s = -1};
    return w->is_shared ? 0 : fetch_begin(&w->item, 1, &w->fetching, err);
}

static void show_bytes(void *ctx, uint64_t bytes)
{
    progress_update(ctx, bytes, 0, "MB");
}

static int use_old(struct remote_work *w)
{
    struct remote *r = w->remote;

    end_fetch(w);
    r->body = w->old.body;
    r->time_s = MAX(w->old.time_s, 0);
    r->has_body = r->has_tree = r->has_time = true;
    return 1;
}

int remote_work_fetched(struct remote_work *w, struct error *err)
{
    int r = fetch_check(&w->item, 1, err);
    if (r < 0)
        return r;
    if (w->item.unchanged)
        return use_old(w);
    r = set_time(w, w->item.time_s, err);
    return r < 0 ? r : begin_adopt(w, err);
}

static int step_download(struct remote_work *w, struct error *err)
{
    const int r = fetch_step(w->fetching, show_bytes, w->shown, err);

    return r <= 0 ? r : remote_work_fetched(w, err);
}

/* The store has the bytes, under another name. */
static int copy_body(struct remote_work *w, int from, int64_t time_s, struct error *err)
{
    ssize_t n = 1;
    int r = open_file(w, err);

    while (r == 0 && n > 0) {
        n = copy_file_range(from, NULL, w->file, NULL, 1 << 30, 0);
        if (n < 0)
            r = error_sys(err, "copy a file of the store");
    }
    if (r == 0)
        r = set_time(w, time_s, err);
    return r < 0 ? r : begin_adopt(w, err);
}

/* Whether the tree of an earlier answer is there. */
static int recall_old(struct remote_work *w, struct error *err)
{
    struct remote *r = w->remote;
    int found = remote_recall_answer(w->t, r->text, &w->old, err);

    if (found <= 0)
        return found;
    r->body = w->old.body;
    found = remote_recall_tree(w->t, r, err);
    r->has_tree = r->has_time = false; /* the server is asked first */
    w->has_old = found > 0;
    return found;
}

static int begin_url(struct remote_work *w, struct error *err)
{
    struct remote *r = w->remote;
    int64_t time_s = 0;
    int found;

    if (!r->has_checksum) {
        found = recall_old(w, err);
        return found < 0 ? found : begin_download(w, err);
    }
    if (!w->whole)
        return 1;
    found = remote_recall_tree(w->t, r, err);
    if (found != 0)
        return found;
    cleanup_close int from = remote_open_body(w->t, &r->body, &time_s, err);
    if (from < 0 && from != -ENOENT)
        return from;
    return from >= 0 ? copy_body(w, from, time_s, err) : begin_download(w, err);
}

/* ---- repositories ---- */

static int begin_git(struct remote_work *w, bool only_commit, struct error *err)
{
    const struct remote *r = w->remote;
    cleanup_free char *header = remote_git_header(r, w->secrets);
    const struct strings *agents = w->secrets ? secrets_ssh_ids(w->secrets) : NULL;
    struct git_request q = {.ref = &r->git,
                            .commit = *r->commit ? r->commit : NULL,
                            .only_commit = only_commit,
                            .keep_git_dir = r->keep_git_dir,
                            .tree_fd = -1,
                            .work_fd = -1,
                            .header = header};

    for (size_t i = 0; agents && i < agents->size; i++)
        if (strcmp(agents->at[i], "default") == 0)
            q.ssh_socket = secrets_socket(w->secrets, "default");
    if (!only_commit) {
        const int made = store_tree_begin(w->t->store, &w->tree, err);
        if (made < 0)
            return made;
        q.tree_fd = store_tree_fs_fd(w->tree);
        q.work_fd = store_tree_work_fd(w->tree);
    }
    w->phase = only_commit ? PHASE_ASK : PHASE_FETCH;
    return git_begin(&q, &w->git, err);
}

/* The commit is known. */
static int begin_checkout(struct remote_work *w, struct error *err)
{
    const int found = w->whole ? remote_recall_tree(w->t, w->remote, err) : 1;

    return found != 0 ? found : begin_git(w, false, err);
}

static int step_git(struct remote_work *w, struct error *err)
{
    int r = git_step(w->git, err);

    if (r <= 0)
        return r < 0 ? error_wrap(err, r, "%s", w->remote->shown) : 0;
    memcpy(w->remote->commit, git_commit(w->git), sizeof(w->remote->commit));
    git_end(steal(w->git));
    return w->phase == PHASE_ASK ? begin_checkout(w, err) : begin_adopt(w, err);
}

/* ---- all ---- */

static int begin(struct remote_work *w, struct error *err)
{
    if (w->remote->kind == REMOTE_URL)
        return begin_url(w, err);
    if (*w->remote->commit)
        return begin_checkout(w, err);
    return begin_git(w, true, err);
}

int remote_work_begin(struct image_tools *t, const struct secrets *secrets, struct remote *r,
                      bool whole, bool is_shared, struct progress_step *shown,
                      struct remote_work **ret, struct error *err)
{
    if (r->has_tree || (!whole && remote_is_known(r)))
        return 1;
    CLEANUP(remote_endp) struct remote_work *w = xcalloc(1, sizeof(*w));
    *w = (struct remote_work){.t = t,
                              .secrets = secrets,
                              .remote = r,
                              .shown = shown,
                              .whole = whole,
                              .is_shared = is_shared,
                              .item = {.fd = -1},
                              .file = -1};
    const int result = begin(w, err);
    if (result == 0)
        *ret = steal(w);
    return result;
}

int remote_begin(struct image_tools *t, const struct secrets *secrets, struct remote *r, bool whole,
                 struct progress_step *shown, struct remote_work **ret, struct error *err)
{
    return remote_work_begin(t, secrets, r, whole, false, shown, ret, err);
}

int remote_step(struct remote_work *w, struct error *err)
{
    if (w->job) {
        const int r = job_step(w->job, NULL, NULL, err);
        return r <= 0 ? r : end_adopt(w, err);
    }
    return w->git ? step_git(w, err) : step_download(w, err);
}
