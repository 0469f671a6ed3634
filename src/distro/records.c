/* The database that dpkg would have written when it unpacked: so that `dpkg --configure -a` can go
 * on from here and nothing is unpacked twice. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/md5.h>
#include <unistd.h>

#include "base/fd.h"
#include "distro/control.h"
#include "distro/make.h"

#define INFO "var/lib/dpkg/info/"
#define CONFFILE_MAX (64u << 20)

/* The plain function: EVP would load a provider. Deprecated since OpenSSL 3.0, there until 4. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* "libc6:amd64" for what several architectures may have at once, else "bash": as dpkg names files
 * in info/. */
static char *record_name(const struct plan_package *p, const struct deb *d)
{
    const bool same = view_eq_text(control_get(str_view(&d->control), "Multi-Arch"), "same");

    return same ? xasprintf("%s:%s", p->name, p->architecture) : xstrdup(p->name);
}

/* ---- conffiles ---- */

static int md5_file(const struct make *m, const char *path, char hex[static 33], struct error *err)
{
    STR_AUTO(data);
    unsigned char sum[MD5_DIGEST_LENGTH];
    cleanup_close int fd = fd_open_in_root(store_tree_fs_fd(m->tree), path, O_RDONLY, 0, err);
    int r = fd < 0 ? fd : fd_read_all(fd, CONFFILE_MAX, &data, err);

    if (r < 0)
        return error_wrap(err, r, "conffile '%s'", path);
    (void)MD5((const unsigned char *)data.at, data.size, sum);
    for (size_t i = 0; i < sizeof(sum); i++)
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    return 0;
}

/* The digest as shipped says "unchanged by the administrator" ever after. */
static int add_conffiles(struct make *m, const struct deb *d, struct error *err)
{
    const struct deb_file *f = deb_find(d, "conffiles");
    struct view rest = f ? str_view(&f->data) : (struct view){NULL, 0}, line;
    bool any = false;

    while (f && view_cut(&rest, '\n', &line)) {
        char hex[33];

        line = view_trim(line);
        if (line.size == 0 || line.at[0] != '/')
            continue; /* "remove-on-upgrade /x": of no matter where nothing was before */
        cleanup_free char *path = view_dup(line);
        const int r = md5_file(m, path, hex, err);
        if (r < 0)
            return r;
        str_printf(&m->status, "%s %s %s\n", any ? "" : "Conffiles:\n", path, hex);
        any = true;
    }
    return 0;
}

/* ---- triggers ---- */

static void add_interest(struct make *m, struct view name, const char *who, bool noawait)
{
    if (name.at[0] == '/') {
        str_printf(&m->triggers, "%.*s %s%s\n", VIEW_ARG(name), who, noawait ? "/noawait" : "");
        return;
    }
    struct str *waiting = map_get(&m->interests, name);
    if (!waiting) {
        waiting = xcalloc(1, sizeof(*waiting));
        *waiting = STR_INIT;
        map_set(&m->interests, name, waiting);
    }
    str_printf(waiting, "%s%s\n", who, noawait ? "/noawait" : "");
}

static bool trigger_name_good(struct view v)
{
    const bool path = v.size > 0 && v.at[0] == '/';

    if (v.size == 0 || v.size > 1024)
        return false;
    for (size_t i = 0; i < v.size; i++)
        if ((unsigned char)v.at[i] <= ' ' || (unsigned char)v.at[i] >= 127 ||
            (v.at[i] == '/' && !path))
            return false;
    return path || v.at[0] != '.';
}

static void add_triggers(struct make *m, const struct deb *d, const char *who)
{
    const struct deb_file *f = deb_find(d, "triggers");
    struct view rest = f ? str_view(&f->data) : (struct view){NULL, 0}, line;

    while (f && view_cut(&rest, '\n', &line)) {
        struct view verb, name;

        if (!control_word(&line, &verb) || !control_word(&line, &name) ||
            !view_starts(verb, "interest") || !trigger_name_good(name))
            continue;
        add_interest(m, name, who, view_eq_text(verb, "interest-noawait"));
    }
}

/* ---- one package ---- */

static void add_files(struct make *m, const struct deb *d, const char *name)
{
    cleanup_free char *list = xasprintf(INFO "%s.list", name);

    synth_file(&m->synth, list, 0644, str_view(&m->list));
    vec_each (f, &d->files) {
        cleanup_free char *path = xasprintf(INFO "%s.%s", name, f->name);

        synth_file(&m->synth, path, f->executable ? 0755 : 0644, str_view(&f->data));
        if (strcmp(f->name, "preinst") == 0)
            strings_add(&m->preinsts, name);
    }
}

static int add_status(struct make *m, const struct deb *d, struct error *err)
{
    struct view rest = str_view(&d->control), paragraph;

    if (!control_paragraph(&rest, &paragraph))
        return error_set(err, -EINVAL, "its control file is empty");
    const struct view text = view_trim(paragraph);

    str_add_text(&m->status, "Status: install ok unpacked\n");
    str_add(&m->status, text);
    str_add_char(&m->status, '\n');
    const int r = add_conffiles(m, d, err);
    str_add_char(&m->status, '\n');
    return r;
}

/* What the archive's index said is what was asked for; the package must be that. */
static int check_identity(const struct plan_package *p, const struct deb *d, struct error *err)
{
    const struct view c = str_view(&d->control);

    if (view_eq_text(control_get(c, "Package"), p->name) &&
        view_eq_text(control_get(c, "Version"), p->version) &&
        view_eq_text(control_get(c, "Architecture"), p->architecture))
        return 0;
    return error_set(err, -EINVAL, "its control file is of another package");
}

int records_add(struct make *m, const struct plan_package *p, const struct deb *d,
                struct error *err)
{
    cleanup_free char *name = record_name(p, d);
    int r = check_identity(p, d, err);

    if (r >= 0)
        r = add_status(m, d, err);
    if (r < 0)
        return r;
    add_files(m, d, name);
    add_triggers(m, d, name);
    if (p->automatic)
        str_printf(&m->automatic, "Package: %s\nArchitecture: %s\nAuto-Installed: 1\n\n", p->name,
                   m->plan->architecture);
    return 0;
}

void records_finish(struct make *m)
{
    struct synth *s = &m->synth;
    cleanup_free char *arch = xasprintf("%s\n", m->plan->architecture);

    synth_file(s, INFO "format", 0644, VIEW("1\n"));
    synth_file(s, "var/lib/dpkg/status", 0644, str_view(&m->status));
    synth_file(s, "var/lib/dpkg/arch", 0644, view_of(arch));
    synth_dir(s, "var/lib/dpkg/updates", 0755);
    synth_dir(s, "var/lib/dpkg/triggers", 0755);
    synth_file(s, "var/lib/dpkg/triggers/File", 0644, str_view(&m->triggers));
    map_each (item, &m->interests) {
        cleanup_free char *path = xasprintf("var/lib/dpkg/triggers/%.*s", VIEW_ARG(item->key));

        synth_file(s, path, 0644, str_view(item->value));
    }
    synth_file(s, "var/lib/apt/extended_states", 0644, str_view(&m->automatic));
    synth_file(s, "etc/apt/sources.list", 0644, view_of(m->plan->sources));
    /* services are not started while their packages are configured */
    synth_file(s, "usr/sbin/policy-rc.d", 0755, VIEW("#!/bin/sh\nexit 101\n"));
}

void records_done(struct make *m)
{
    map_each (item, &m->interests) {
        str_done(item->value);
        free(item->value);
    }
    map_done(&m->interests);
    str_done(&m->status);
    str_done(&m->automatic);
    str_done(&m->triggers);
    strings_done(&m->preinsts);
}
