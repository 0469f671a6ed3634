#include "net/git.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/frame.h"
#include "base/proc.h"

#define ANSWER_MAX (64u << 10)

struct git_work {
    int fd;
    bool done;
    struct process child;
    char commit[GIT_COMMIT_HEX + 1];
};

static int send_request(int fd, const struct git_request *q, struct error *err)
{
    cleanup_doc json_t *doc = json_object();
    const int fds[] = {q->tree_fd, q->work_fd};
    STR_AUTO(text);

    doc_set_text(doc, "remote", q->ref->remote);
    doc_set_text(doc, "ref", q->ref->ref);
    doc_set_text(doc, "subdir", q->ref->subdir);
    doc_set_text(doc, "checksum", q->ref->checksum);
    doc_set_text(doc, "commit", q->commit);
    doc_set_text(doc, "header", q->header);
    doc_set_text(doc, "ssh", q->ssh_socket);
    doc_set_bool(doc, "only_commit", q->only_commit);
    doc_set_bool(doc, "keep_git_dir", q->keep_git_dir);
    doc_set_bool(doc, "submodules", q->ref->submodules != GIT_NO);
    doc_set_bool(doc, "checkout_time", q->ref->checkout_time);
    doc_print(doc, true, &text);
    return frame_send(fd, str_view(&text), fds, q->only_commit ? 0 : 2, err);
}

int git_begin(const struct git_request *q, struct git_work **ret, struct error *err)
{
    struct process child;
    int ends[2];

    if (!proc_have("git")) {
        error_set(err, -ENOENT, "the program 'git' is not installed");
        return error_hint(err, -ENOENT, "git repositories are fetched with it: install git");
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return error_sys(err, "socket for @git");
    cleanup_close int mine = ends[0], theirs = ends[1];
    struct proc_options o = PROC_OPTIONS_INIT;
    o.keep = &theirs;
    o.keep_count = 1;
    int r = proc_spawn_role((const char *[]){"@git", NULL}, &o, &child, err);
    if (r < 0)
        return r;
    CLEANUP(git_endp) struct git_work *g = xcalloc(1, sizeof(*g));
    *g = (struct git_work){.fd = steal_fd(mine), .child = child};
    r = send_request(g->fd, q, err);
    if (r >= 0)
        *ret = steal(g);
    return r;
}

int git_fd(const struct git_work *g)
{
    return g->fd;
}

const char *git_commit(const struct git_work *g)
{
    return g->commit;
}

/* {"error":..,"code":..,"hint":..} or {"commit":..} */
static int take_answer(struct git_work *g, const json_t *doc, struct error *err)
{
    const char *why = NULL, *hint = NULL, *commit = NULL;
    int64_t code = 0;
    int r = doc_text(doc, "error", &why, err);

    if (r >= 0)
        r = doc_text(doc, "hint", &hint, err);
    if (r >= 0)
        r = doc_text(doc, "commit", &commit, err);
    if (r >= 0)
        r = doc_int(doc, "code", &code, err);
    if (r < 0)
        return r;
    if (why) {
        r = error_set(err, code < 0 ? (int)code : -EIO, "%s", why);
        return hint ? error_hint(err, r, "%s", hint) : r;
    }
    if (!commit || !git_is_commit(commit))
        return error_set(err, -EPROTO, "@git answered with no commit");
    memcpy(g->commit, commit, sizeof(g->commit));
    g->done = true;
    return 1;
}

int git_step(struct git_work *g, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    STR_AUTO(text);
    int r = frame_recv(g->fd, &text, NULL, NULL, err);

    if (r == 0)
        return error_set(err, -EPROTO, "@git ended before its work was done");
    if (r > 0)
        r = doc_parse(str_view(&text), ANSWER_MAX, "answer of @git", &doc, err);
    return r < 0 ? r : take_answer(g, doc, err);
}

void git_end(struct git_work *g)
{
    if (!g)
        return;
    (void)close(g->fd);
    if (!g->done)
        (void)kill(g->child.pid, SIGTERM); /* it takes its programs along */
    (void)proc_wait(&g->child);
    free(g);
}

/* ---- git ls-remote ---- */

/* How well a name of the listing answers to ref: branches before tags, as git checkout has it; of a
 * tag what it points to rather than the tag itself. */
static int rank_of(struct view name, const char *ref)
{
    static const struct {
        const char *prefix, *suffix;
    } forms[] = {{"", "^{}"},         {"", ""},
                 {"refs/", "^{}"},    {"refs/", ""},
                 {"refs/heads/", ""}, {"refs/tags/", "^{}"},
                 {"refs/tags/", ""}};

    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        cleanup_free char *text = xasprintf("%s%s%s", forms[i].prefix, ref, forms[i].suffix);
        if (view_eq_text(name, text))
            return (int)(ARRAY_SIZE(forms) - i);
    }
    return 0;
}

bool git_pick(struct view listing, const char *ref, char ret[static GIT_COMMIT_HEX + 1])
{
    struct view line;
    int best = 0;

    while (view_cut(&listing, '\n', &line)) {
        struct view commit;

        if (!view_cut(&line, '\t', &commit) || !line.at || commit.size != GIT_COMMIT_HEX)
            continue;
        const int rank = rank_of(line, ref ? ref : "HEAD");
        if (rank <= best)
            continue;
        memcpy(ret, commit.at, commit.size);
        ret[commit.size] = '\0';
        if (git_is_commit(ret))
            best = rank;
    }
    return best > 0;
}
