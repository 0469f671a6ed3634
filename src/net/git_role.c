/* @git: descriptor 3 brings the request and takes the answer. Runs git, several commands one after
 * the other, each without the configuration of anybody. A group of processes of its own: when main
 * goes or says so, all of it goes. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fd.h"
#include "base/frame.h"
#include "base/proc.h"
#include "base/vec.h"
#include "net/git.h"
#include "net/git_tidy.h"
#include "net/url.h"

#define SOCKET_FD 3
#define REQUEST_MAX (64u << 10)
#define LISTING_MAX (16u << 20) /* of ls-remote with a name: a few lines, or all that end so */
#define SAID_MAX 4096           /* of what git says, from its end */

struct git {
    json_t *request;
    const char *remote, *ref, *subdir, *checksum, *commit, *header, *ssh;
    bool only_commit, keep_git_dir, submodules, checkout_time;
    int tree, work; /* -1: only the commit is wanted */
    int said;       /* what the last command wrote to stderr */
    char *tree_path, *git_dir, *checkout;
    struct strings env;
    char found[GIT_COMMIT_HEX + 1];
};

/* ---- what git sees ---- */

static void set_env(struct git *g, const char *name, const char *value)
{
    strings_take(&g->env, xasprintf("%s=%s", name, value));
}

static void keep_env(struct git *g, const char *name)
{
    const char *value = getenv(name);

    if (value)
        set_env(g, name, value);
}

/* Through the environment: command lines are seen by everybody. */
static void set_config(struct git *g, size_t *count, const char *key, const char *value)
{
    strings_take(&g->env, xasprintf("GIT_CONFIG_KEY_%zu=%s", *count, key));
    strings_take(&g->env, xasprintf("GIT_CONFIG_VALUE_%zu=%s", *count, value));
    ++*count;
}

/* "http.https://host/.extraHeader": a submodule's other host does not get it. */
static char *header_key(const char *remote)
{
    const char *host = strstr(remote, "://");
    const size_t n = host ? (size_t)(host + 3 - remote) + strcspn(host + 3, "/") : 0;
    cleanup_free char *base = xstrndup(remote, n);
    cleanup_free char *shown = url_public(base);

    return xasprintf("http.%s/.extraHeader", shown);
}

static void set_configs(struct git *g)
{
    static const char *const pairs[][2] = {
        {"core.hooksPath", "/dev/null"},  {"core.fsmonitor", "false"},
        {"core.autocrlf", "false"},       {"core.symlinks", "true"},
        {"core.fileMode", "true"},        {"gc.auto", "0"},
        {"maintenance.auto", "false"},    {"init.defaultBranch", "master"},
        {"advice.detachedHead", "false"}, {"submodule.recurse", "false"},
        {"http.lowSpeedLimit", "1"},      {"http.lowSpeedTime", "60"},
        {"protocol.version", "2"},
    };
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
        set_config(g, &count, pairs[i][0], pairs[i][1]);
    if (g->header) {
        cleanup_free char *key = header_key(g->remote);
        set_config(g, &count, key, g->header);
    }
    strings_take(&g->env, xasprintf("GIT_CONFIG_COUNT=%zu", count));
}

static void set_environment(struct git *g)
{
    static const char *const kept[] = {
        "PATH",        "HOME",          "USER",         "LOGNAME",
        "http_proxy",  "https_proxy",   "no_proxy",     "all_proxy",
        "HTTPS_PROXY", "NO_PROXY",      "ALL_PROXY",    "GIT_SSH",
        "GIT_ASKPASS", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"};

    for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
        keep_env(g, kept[i]);
    set_env(g, "LC_ALL", "C");
    set_env(g, "GIT_CONFIG_NOSYSTEM", "1");
    set_env(g, "GIT_CONFIG_GLOBAL", "/dev/null");
    set_env(g, "GIT_ATTR_NOSYSTEM", "1");
    set_env(g, "GIT_TERMINAL_PROMPT", "0");
    set_env(g, "GIT_ALLOW_PROTOCOL", "http:https:ssh:git");
    set_env(g, "GIT_LFS_SKIP_SMUDGE", "1");
    if (getenv("GIT_SSH_COMMAND"))
        keep_env(g, "GIT_SSH_COMMAND");
    else if (!getenv("GIT_SSH"))
        set_env(g, "GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
    if (g->ssh)
        set_env(g, "SSH_AUTH_SOCK", g->ssh);
    else
        keep_env(g, "SSH_AUTH_SOCK");
    set_configs(g);
    strings_add(&g->env, "XDG_CONFIG_HOME=/dev/null");
}

static void set_repository(struct git *g)
{
    strings_take(&g->env, xasprintf("GIT_DIR=%s", g->git_dir));
    strings_take(&g->env, xasprintf("GIT_WORK_TREE=%s", g->checkout));
}

/* ---- words ---- */

static int tell(json_t *take_doc)
{
    cleanup_doc json_t *doc = take_doc;
    STR_AUTO(text);

    doc_print(doc, true, &text);
    return frame_send(SOCKET_FD, str_view(&text), NULL, 0, NULL);
}

/* For people: no password, no control characters. */
static void clean_text(const struct git *g, struct view text, struct str *ret)
{
    cleanup_free char *shown = url_public(g->remote);
    const size_t size = strlen(g->remote);

    while (text.size > 0) {
        const bool secret = text.size >= size && memcmp(text.at, g->remote, size) == 0;
        const size_t n = secret ? size : 1;
        const unsigned char c = (unsigned char)*text.at;

        if (secret)
            str_add_text(ret, shown);
        else
            str_add_char(ret, (c < ' ' && c != '\n' && c != '\t') || c >= 0x7f ? '?' : *text.at);
        text = view_make(text.at + n, text.size - n);
    }
}

/* What the last command said, its end. */
static void said_text(const struct git *g, struct str *ret)
{
    char buf[SAID_MAX];
    struct stat st;

    if (fstat(g->said, &st) < 0)
        return;
    const off_t at = st.st_size > SAID_MAX ? st.st_size - SAID_MAX : 0;
    const ssize_t n = pread(g->said, buf, sizeof(buf), at);
    if (n > 0)
        clean_text(g, view_trim(view_make(buf, (size_t)n)), ret);
}

/* The line that says why: the first "fatal:" or "error:", else the last. */
static struct view said_why(struct view text)
{
    static const char *const marks[] = {"fatal: ", "error: ", "remote: "};
    struct view line, last = {0};

    while (view_cut(&text, '\n', &line)) {
        line = view_trim(line);
        for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
            if (view_starts(line, marks[i]) && line.size > strlen(marks[i]))
                return view_make(line.at + strlen(marks[i]), line.size - strlen(marks[i]));
        if (line.size > 0)
            last = line;
    }
    return last;
}

static int failed(const struct git *g, const char *what, struct error *err)
{
    STR_AUTO(said);

    said_text(g, &said);
    const struct view why = said_why(str_view(&said));
    return error_set(err, -EIO, "git %s: %.*s", what,
                     (int)MIN(why.size ? why.size : strlen("it failed"), 400u),
                     why.size ? why.at : "it failed");
}

/* ---- commands ---- */

/* Its exit status. out: what it prints, or NULL. */
static int git(struct git *g, struct str *out, struct error *err, const char *const argv[])
{
    struct proc_options o = PROC_OPTIONS_INIT;
    cleanup_free char **env = xcalloc(g->env.size + 1, sizeof(*env));

    for (size_t i = 0; i < g->env.size; i++)
        env[i] = g->env.at[i];
    if (ftruncate(g->said, 0) < 0 || lseek(g->said, 0, SEEK_SET) < 0)
        return error_sys(err, "empty the log of git");
    o.err = g->said;
    o.out = out ? -1 : g->said;
    o.environ_ = env;
    o.directory = g->checkout ? g->checkout : "/";
    return proc_run(argv, &o, LISTING_MAX, out, err);
}
#define GIT(g, out, err, ...) git(g, out, err, (const char *const[]){"git", __VA_ARGS__, NULL})

/* The same where failing ends all. */
static int must(struct git *g, int status, const char *what, struct error *err)
{
    return status > 0 ? failed(g, what, err) : status;
}

/* ---- which commit ---- */

static int check_commit(struct git *g, struct error *err)
{
    if (!g->checksum || strncmp(g->found, g->checksum, strlen(g->checksum)) == 0)
        return 0;
    return error_set(err, -EPROTO, "checksum mismatch: the commit is %s, not %s", g->found,
                     g->checksum);
}

static int find_commit(struct git *g, struct error *err)
{
    const char *ref = g->ref ? g->ref : "HEAD";
    cleanup_free char *peeled = xasprintf("%s^{}", ref);
    STR_AUTO(listing);
    const int status = GIT(g, &listing, err, "ls-remote", "--quiet", "--", g->remote, ref, peeled);

    if (status != 0)
        return must(g, status, "ls-remote", err);
    if (!git_pick(str_view(&listing), g->ref, g->found)) {
        error_set(err, -ENOENT, "the repository has no branch or tag '%s'", ref);
        return error_hint(err, -ENOENT,
                          "a commit is named by all of its 40 hex digits, in lower case");
    }
    return check_commit(g, err);
}

/* ---- the files ---- */

static int has_commit(struct git *g, struct error *err)
{
    cleanup_free char *name = xasprintf("%s^{commit}", g->found);
    const int status = GIT(g, NULL, err, "cat-file", "-e", name);

    return status < 0 ? status : status == 0;
}

/* The commit alone; servers that give no commit by its name are asked for the ref; those that cut
 * nothing off (plain files over http) give all. Each is tried only when the one before did not do. */
static int fetch(struct git *g, struct error *err)
{
    const char *ref = g->ref && !git_is_commit(g->ref) ? g->ref : "HEAD";
    int r = GIT(g, NULL, err, "fetch", "--quiet", "--depth=1", "--no-tags",
                "--no-recurse-submodules", "--", g->remote, g->found);

    if (r > 0)
        r = GIT(g, NULL, err, "fetch", "--quiet", "--depth=1", "--no-tags",
                "--no-recurse-submodules", "--", g->remote, ref);
    if (r >= 0)
        r = has_commit(g, err);
    if (r != 0)
        return r < 0 ? r : 0;
    r = GIT(g, NULL, err, "fetch", "--quiet", "--no-recurse-submodules", "--", g->remote,
            "+refs/heads/*:refs/cooper/heads/*", "+refs/tags/*:refs/cooper/tags/*");
    if (r != 0)
        return must(g, r, "fetch", err);
    r = has_commit(g, err);
    return r < 0 ? r
           : r   ? 0
                 : error_set(err, -ENOENT, "the repository has no commit %s on any branch or tag",
                             g->found);
}

/* The directory that is wanted, below what was checked out. */
static int open_subdir(const struct git *g, struct error *err)
{
    struct stat st;
    cleanup_close int top = fd_open(AT_FDCWD, g->checkout, O_RDONLY | O_DIRECTORY, 0, err);

    if (top < 0)
        return top;
    cleanup_close int fd = fd_open_beneath(top, g->subdir, O_RDONLY | O_NONBLOCK, 0, NULL);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
        return error_set(err, -ENOENT, "the repository has no directory '%.200s'", g->subdir);
    return steal_fd(fd);
}

static int move_entries(int from, int to, struct error *err)
{
    DIR *dir = fdopendir(from);
    struct dirent *e;
    int r = 0;

    if (!dir) {
        r = error_sys(err, "read a checkout");
        (void)close(from);
        return r;
    }
    while (r == 0 && (e = readdir(dir)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            renameat(from, e->d_name, to, e->d_name) < 0)
            r = error_sys(err, "move '%s' out of a checkout", e->d_name);
    (void)closedir(dir);
    return r;
}

static bool has_submodules(const struct git *g)
{
    cleanup_free char *list = xasprintf("%s/.gitmodules", g->checkout);
    struct stat st;

    return g->submodules && lstat(list, &st) == 0 && S_ISREG(st.st_mode);
}

static int update_submodules(struct git *g, struct error *err)
{
    int r;

    if (!has_submodules(g))
        return 0;
    r = GIT(g, NULL, err, "submodule", "--quiet", "update", "--init", "--recursive", "--depth=1");
    if (r > 0)
        r = GIT(g, NULL, err, "submodule", "--quiet", "update", "--init", "--recursive");
    return must(g, r, "submodule update", err);
}

/* ---- what was checked out becomes what is kept ---- */

/* Files bear the time of the commit, so that the same commit is the same everywhere. */
static int tidy(struct git *g, struct error *err)
{
    struct git_tidy t = {.keep = g->keep_git_dir ? ".git" : NULL};
    uint64_t seconds = 0;
    STR_AUTO(text);

    if (g->checkout_time) {
        t.times[0].tv_nsec = t.times[1].tv_nsec = UTIME_NOW;
    } else {
        const int r = GIT(g, &text, err, "show", "-s", "--format=%ct", g->found, "--");
        if (r != 0)
            return must(g, r, "show", err);
        if (!view_to_u64(view_trim(str_view(&text)), &seconds) || seconds > INT64_MAX)
            return error_set(err, -EPROTO, "commit %s has no time", g->found);
        t.times[0].tv_sec = t.times[1].tv_sec = (time_t)seconds;
    }
    const int fd = fd_open(g->tree, ".", O_RDONLY | O_DIRECTORY, 0, err);
    return fd < 0 ? fd : git_tidy(fd, &t, err);
}

/* Of a directory that is kept: nothing of ours, no password, no log of when. */
static int tidy_git_dir(struct git *g, struct error *err)
{
    cleanup_free char *shown = url_public(g->remote);
    cleanup_close int dir = fd_open(AT_FDCWD, g->git_dir, O_RDONLY | O_DIRECTORY, 0, err);
    int r = dir < 0 ? dir : git_remove_traces(dir, err);

    if (r == 0)
        r = must(g, GIT(g, NULL, err, "remote", "set-url", "origin", shown), "remote", err);
    if (r == 0 && has_submodules(g)) /* theirs are made of ours */
        r = must(g, GIT(g, NULL, err, "submodule", "--quiet", "sync", "--recursive"),
                 "submodule sync", err);
    return r;
}

/* ---- all of it ---- */

static int prepare(struct git *g, struct error *err)
{
    cleanup_free char *tree = fd_name(g->tree), *work = fd_name(g->work);

    g->git_dir = g->keep_git_dir ? xasprintf("%s/.git", tree) : xasprintf("%s/repository", work);
    g->checkout = g->subdir ? xasprintf("%s/checkout", work) : xstrdup(tree);
    if (g->subdir && mkdir(g->checkout, 0755) < 0)
        return error_sys(err, "make a directory for the checkout");
    set_repository(g);
    int r = must(g, GIT(g, NULL, err, "init", "--quiet", "--template="), "init", err);
    if (r == 0)
        r = must(g, GIT(g, NULL, err, "remote", "add", "origin", g->remote), "remote", err);
    return r;
}

static int check_out(struct git *g, struct error *err)
{
    int r = prepare(g, err);

    if (r == 0)
        r = fetch(g, err);
    if (r == 0)
        r = must(g, GIT(g, NULL, err, "checkout", "--quiet", "--force", "--detach", g->found, "--"),
                 "checkout", err);
    if (r == 0)
        r = update_submodules(g, err);
    if (r == 0 && g->subdir) {
        const int from = open_subdir(g, err);
        r = from < 0 ? from : move_entries(from, g->tree, err);
    }
    if (r == 0 && g->keep_git_dir)
        r = tidy_git_dir(g, err);
    return r < 0 ? r : tidy(g, err);
}

static int read_texts(struct git *g, struct error *err)
{
    const struct {
        const char *key, **ret;
    } texts[] = {{"ref", &g->ref},       {"subdir", &g->subdir}, {"checksum", &g->checksum},
                 {"commit", &g->commit}, {"header", &g->header}, {"ssh", &g->ssh}};
    int r = doc_need_text(g->request, "remote", &g->remote, err);

    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(texts); i++)
        r = doc_text(g->request, texts[i].key, texts[i].ret, err);
    return r;
}

static int read_request(struct git *g, struct error *err)
{
    STR_AUTO(text);
    int fds[FRAME_FDS_MAX];
    size_t count = 0;
    int r = frame_recv(SOCKET_FD, &text, fds, &count, err);

    if (r == 0)
        return error_set(err, -EPROTO, "there is no request");
    if (r > 0)
        r = doc_parse(str_view(&text), REQUEST_MAX, "request", &g->request, err);
    if (r >= 0)
        r = read_texts(g, err);
    if (r >= 0)
        r = doc_bool(g->request, "only_commit", &g->only_commit, err);
    if (r >= 0)
        r = doc_bool(g->request, "keep_git_dir", &g->keep_git_dir, err);
    if (r >= 0)
        r = doc_bool(g->request, "submodules", &g->submodules, err);
    if (r >= 0)
        r = doc_bool(g->request, "checkout_time", &g->checkout_time, err);
    if (r >= 0 && count != (g->only_commit ? 0 : 2))
        r = error_set(err, -EPROTO, "the request came without its directories");
    g->tree = count ? fds[0] : -1;
    g->work = count ? fds[1] : -1;
    g->keep_git_dir = g->keep_git_dir && !g->subdir;
    return r;
}

static int run(struct git *g, struct error *err)
{
    int r = read_request(g, err);

    if (r < 0)
        return r;
    g->said = memfd_create("git", MFD_CLOEXEC);
    if (g->said < 0)
        return error_sys(err, "make the log of git");
    set_environment(g);
    if (g->commit && git_is_commit(g->commit)) {
        memcpy(g->found, g->commit, sizeof(g->found));
        r = check_commit(g, err);
    } else {
        r = find_commit(g, err);
    }
    return r < 0 || g->only_commit ? r : check_out(g, err);
}

/* Itself included: git starts programs that start others. */
static void end_group(int signo)
{
    (void)kill(0, SIGKILL);
}

int git_role_main(int argc, char **argv)
{
    struct git g = {.tree = -1, .work = -1, .said = -1};
    ERROR_AUTO(err);

    (void)argc, (void)argv;
    (void)setpgid(0, 0);
    (void)signal(SIGTERM, end_group);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)umask(022); /* modes are 644 and 755, as git has them */
    const int r = run(&g, &err);
    json_t *doc = json_object();
    if (r < 0) {
        doc_set_text(doc, "error", err.text);
        doc_set_text(doc, "hint", err.hint);
        doc_set_int(doc, "code", err.code);
    } else {
        doc_set_text(doc, "commit", g.found);
    }
    return tell(doc) < 0 || r < 0;
}
