#include <errno.h>

#include "distro/control.h"
#include "distro/internal.h"
#include "distro/verify.h"

void sources_print(const struct apt_sources *s, struct str *ret)
{
    vec_each (k, s) {
        cleanup_free char *url = url_public(k->uri);

        str_printf(ret, "deb %s%s %s", k->trusted == APT_YES ? "[trusted=yes] " : "", url,
                   k->suite);
        vec_each (c, &k->components)
            str_printf(ret, " %s", *c);
        str_add_char(ret, '\n');
    }
}

/* A URL alone is the suite itself, or its -security kin where the URL says so; all else is a line
 * as in sources.list. */
static int add_mirror(struct work *w, const char *text, struct error *err)
{
    const char *last = strrchr(text, '/');

    if (strncmp(text, "deb ", 4) == 0 || strncmp(text, "deb\t", 4) == 0)
        return apt_sources_parse_list(&w->sources, view_of(text), "--mirror", w->architecture, err);
    if (!strstr(text, "://") || strpbrk(text, " \t\n")) {
        error_set(err, -EINVAL, "mirror '%.100s' is no URL", text);
        return error_hint(err, -EINVAL,
                          "write http://HOST/debian, file:///DIR, or a line of sources.list");
    }
    const bool security = last && strstr(last, "security");
    cleanup_free char *suite = xasprintf("%s%s", w->o->suite, security ? "-security" : "");
    apt_sources_add(&w->sources, text, suite);
    return 0;
}

static bool scheme_known(const char *uri)
{
    return strncmp(uri, "http://", 7) == 0 || strncmp(uri, "https://", 8) == 0 ||
           strncmp(uri, "file:", 5) == 0;
}

/* file:/a and file:///a are the same; libcurl wants the latter. */
static void fix_file_uri(struct apt_source *s)
{
    if (strncmp(s->uri, "file:/", 6) != 0 || strncmp(s->uri, "file://", 7) == 0)
        return;
    char *full = xasprintf("file://%s", s->uri + 5);

    free(s->uri);
    s->uri = full;
}

static int check_source(struct work *w, struct apt_source *s, struct error *err)
{
    const size_t n = strlen(s->suite);

    fix_file_uri(s);
    if (!scheme_known(s->uri)) {
        cleanup_free char *url = url_public(s->uri);

        error_set(err, -ENOTSUP, "source '%s' is neither http, https nor file", url);
        return error_hint(err, -ENOTSUP, "name another with --mirror");
    }
    if (n == 0 || s->suite[n - 1] == '/')
        return error_set(err, -ENOTSUP, "source with suite '%s': flat archives are not read",
                         s->suite);
    if (s->components.size == 0)
        strings_add(&s->components, "main");
    if (w->o->keyring) {
        strings_done(&s->keyrings);
        s->keyrings = (struct strings){0};
        free(s->key);
        s->key = NULL;
        strings_add(&s->keyrings, w->o->keyring);
    } else if (s->keyrings.size == 0 && !s->key) {
        keys_of_machine(w->o->apt_root, &s->keyrings);
    }
    return 0;
}

int work_sources(struct work *w, struct error *err)
{
    APT_SOURCES_AUTO(machine);
    int r = apt_machine_read(w->o->apt_root, w->architecture, &w->conf, &machine, err);

    if (r < 0)
        return error_wrap(err, r, "apt's configuration");
    if (w->o->mirrors && w->o->mirrors->size > 0) {
        vec_each (m, w->o->mirrors) {
            r = add_mirror(w, *m, err);
            if (r < 0)
                return r;
        }
    } else {
        apt_sources_for(&machine, w->o->suite, &w->sources);
        if (w->sources.size == 0) {
            r = error_set(err, -ENOENT, "this machine's apt knows no source of Debian");
            return error_hint(err, r, "name one: --mirror URL");
        }
    }
    vec_each (s, &w->sources) {
        r = check_source(w, s, err);
        if (r < 0)
            return r;
    }
    return 0;
}
