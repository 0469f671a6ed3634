/* Maintainer scripts: in the sandbox, over the unpacked tree, without a network. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "distro/make.h"
#include "sandbox/spawn.h"

#define LOG_MAX (16u << 20)
#define LOG_TAIL 4096 /* of a failure's output, in the error */

/* Names went through name_good() of packages.c or the lock's check: no word of the shell is in
 * them. */
static bool shell_safe(const char *s)
{
    return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._:") ==
           strlen(s);
}

static void add_preinst(const char *name, struct str *ret)
{
    str_printf(ret, "pre %.*s %s\n", (int)strcspn(name, ":"), name, name);
}

/* base-passwd makes /etc/passwd, which the others' scripts use. */
static int write_preinsts(const struct make *m, struct str *ret, struct error *err)
{
    for (int first = 1; first >= 0; first--)
        vec_each (name, &m->preinsts) {
            if (!shell_safe(*name))
                return error_set(err, -EINVAL, "package name '%s'", *name);
            if ((strcmp(*name, "base-passwd") == 0) == first)
                add_preinst(*name, ret);
        }
    return 0;
}

/* The plan begins with the essential packages and what they need: these are configured before all others, which
 * use them without a dependency. */
static size_t essential_end(const struct plan *p)
{
    size_t end = p->size;

    while (end > 0 && !p->at[end - 1].essential)
        end--;
    return end;
}

static int write_script(const struct make *m, struct str *ret, struct error *err)
{
    const size_t end = essential_end(m->plan);

    str_printf(ret,
               "set -e\n"
               "export DPKG_MAINTSCRIPT_ARCH=%s DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1\n"
               "export DPKG_ADMINDIR=/var/lib/dpkg DPKG_ROOT=\n"
               "cd /var/lib/dpkg && mkdir tmp.ci\n"
               /* where dpkg has it while it unpacks: debconf learns the package's name there */
               "pre() { for f in preinst templates config; do "
               "[ ! -e info/$2.$f ] || ln info/$2.$f tmp.ci/$f; done; "
               "echo Package: $1 >tmp.ci/control; DPKG_MAINTSCRIPT_PACKAGE=$1 "
               "DPKG_MAINTSCRIPT_NAME=preinst /var/lib/dpkg/tmp.ci/preinst install; "
               "rm tmp.ci/*; }\n",
               m->plan->architecture);
    const int r = write_preinsts(m, ret, err);
    if (r < 0)
        return r;
    str_add_text(ret, "rmdir tmp.ci && cd /\n");
    str_add_text(ret, end ? "dpkg --force-unsafe-io --configure" : ":");
    for (size_t i = 0; i < end; i++) {
        if (!shell_safe(m->plan->at[i].name))
            return error_set(err, -EINVAL, "package name '%s'", m->plan->at[i].name);
        str_printf(ret, " %s", m->plan->at[i].name);
    }
    str_add_text(ret, "\ndpkg --force-unsafe-io --configure -a\n");
    return 0;
}

static void fill_plan(struct spawn_plan *p, const struct make *m, const char *script, int log_fd)
{
    static const char *const environment[] = {
        "DEBIAN_FRONTEND=noninteractive",
        "DEBCONF_NONINTERACTIVE_SEEN=true",
        "DEBCONF_NOWARNINGS=yes",
        "LC_ALL=C.UTF-8",
        "TZ=UTC",
        /* the same order of hashes in every run: debconf writes its database out of them */
        "PERL_HASH_SEED=0",
        "PERL_PERTURB_KEYS=0",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    };

    spawn_plan_init(p);
    p->rootfs_fd = store_tree_fs_fd(m->tree);
    p->network = SPAWN_NETWORK_NONE;
    p->hostname = "debian";
    p->stdio_fds[1] = log_fd;
    p->stdio_fds[2] = log_fd;
    strings_add(&p->argv, "/bin/sh");
    strings_add(&p->argv, "-c");
    strings_add(&p->argv, script);
    for (size_t i = 0; i < ARRAY_SIZE(environment); i++)
        strings_add(&p->env, environment[i]);
    strings_take(&p->env, xasprintf("SOURCE_DATE_EPOCH=%lld", (long long)m->plan->epoch_s));
}

static void tell_log(const struct make *m, struct view text)
{
    json_t *doc = json_object();
    cleanup_free char *copy = view_dup(text);

    doc_set_text(doc, "log", copy);
    job_progress(m->ctx, doc);
}

static int judge(const struct make *m, const struct spawn_result *result, struct view log,
                 struct error *err)
{
    struct view tail = log;

    if (log.size)
        tell_log(m, log);
    if (result->status == 0)
        return 0;
    if (tail.size > LOG_TAIL)
        tail = view_make(tail.at + tail.size - LOG_TAIL, LOG_TAIL);
    error_set(err, -EIO, "the packages' scripts failed with status %d:\n%.*s", result->status,
              VIEW_ARG(tail));
    return -EIO;
}

int scripts_run(struct make *m, struct error *err)
{
    STR_AUTO(script);
    STR_AUTO(log);
    int r = write_script(m, &script, err);

    if (r < 0)
        return r;
    cleanup_close int log_fd = memfd_create("log", MFD_CLOEXEC);
    if (log_fd < 0)
        return error_sys(err, "memory for the scripts' output");
    struct spawn_plan plan;
    struct spawn_result result = {0};
    fill_plan(&plan, m, script.at, log_fd);
    r = spawn_run(m->ctx, &plan, &result, err);
    spawn_plan_done(&plan);
    if (r >= 0 && lseek(log_fd, 0, SEEK_SET) < 0)
        r = error_sys(err, "read the scripts' output");
    if (r >= 0)
        r = fd_read_all(log_fd, LOG_MAX, &log, err);
    if (r >= 0)
        r = judge(m, &result, str_view(&log), err);
    spawn_result_done(&result);
    return r;
}
