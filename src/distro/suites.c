#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "distro/internal.h"
#include "distro/verify.h"

void work_route(const struct work *w, struct fetch *f)
{
    f->proxy = apt_conf_proxy(&w->conf, f->url);
    f->ca_file = apt_conf_get(&w->conf, "Acquire::https::CaInfo");
}

static bool wants_check(enum apt_answer own, bool machine)
{
    return own == APT_UNSET ? machine : own == APT_YES;
}

static int check_release(const struct work *w, const struct suite *s, struct error *err)
{
    const int64_t now = w->tools->env->now_s;
    int r = release_check_suite(&s->release, s->source->suite, err);

    if (r >= 0 &&
        wants_check(s->source->check_date, apt_conf_bool(&w->conf, "Acquire::Check-Date", true)))
        r = release_check_date(&s->release, now, err);
    if (r >= 0 && wants_check(s->source->check_valid_until,
                              apt_conf_bool(&w->conf, "Acquire::Check-Valid-Until", true)))
        r = release_check_valid_until(&s->release, now, err);
    return r;
}

static int verify(const struct suite *s, struct view file, const char *what, struct str *ret,
                  struct error *err)
{
    const struct keys keys = {s->source->keyrings, s->source->key};

    if (s->source->trusted == APT_YES)
        return inrelease_text(file, true, ret, err);
    if (keys.paths.size == 0 && !keys.block) {
        error_set(err, -ENOENT, "%s: this machine has no keyring of the distribution", what);
        return error_hint(err, -ENOENT,
                          "apt-get install debian-archive-keyring, or name one with --keyring");
    }
    return verify_inrelease(file, &keys, what, ret, err);
}

static int take_suite(struct work *w, struct apt_source *source, const struct fetch *f,
                      struct error *err)
{
    cleanup_free char *what = url_public(f->url);
    STR_AUTO(file);

    if (lseek(f->fd, 0, SEEK_SET) < 0)
        return error_sys(err, "read %s", what);
    int r = fd_read_all(f->fd, RELEASE_SIZE_MAX, &file, err);
    if (r < 0)
        return r;
    vec_push(&w->suites, (struct suite){.source = source, .text = STR_INIT});
    struct suite *s = vec_last(&w->suites);
    r = verify(s, str_view(&file), what, &s->text, err);
    if (r < 0)
        return r;
    r = release_parse(str_view(&s->text), &s->release, err);
    if (r >= 0)
        r = check_release(w, s, err);
    return r < 0 ? error_wrap(err, r, "%s", what) : 0;
}

/* A release that the machine does not have itself may lack the kin that was guessed for it. */
static bool may_be_absent(const struct work *w, const struct apt_source *s)
{
    return s->guessed && strcmp(s->suite, w->o->suite) != 0;
}

static int take_suites(struct work *w, const struct fetch *fetches, struct error *err)
{
    for (size_t i = 0; i < w->sources.size; i++) {
        struct apt_source *source = &w->sources.at[i];
        const struct fetch *f = &fetches[i];
        int r;

        if (f->code == -ENOENT && may_be_absent(w, source)) {
            env_warn(w->tools->env, "the mirror has no suite '%s': left out", source->suite);
            continue;
        }
        r = fetch_check(f, 1, err);
        if (r >= 0)
            r = take_suite(w, source, f, err);
        if (r < 0)
            return r;
    }
    return w->suites.size > 0 ? 0 : error_set(err, -ENOENT, "no source answered");
}

int work_suites(struct work *w, struct error *err)
{
    struct fetch *fetches = xcalloc(w->sources.size, sizeof(*fetches));
    char **urls = xcalloc(w->sources.size, sizeof(*urls));
    int r = 0;

    for (size_t i = 0; i < w->sources.size; i++) {
        const struct apt_source *s = &w->sources.at[i];

        urls[i] = xasprintf("%s/dists/%s/InRelease", s->uri, s->suite);
        fetches[i] = (struct fetch){.url = urls[i], .size_max = RELEASE_SIZE_MAX};
        work_route(w, &fetches[i]);
        fetches[i].fd = memfd_create("InRelease", MFD_CLOEXEC);
        if (fetches[i].fd < 0 && r >= 0)
            r = error_sys(err, "memory for InRelease");
    }
    if (r >= 0)
        r = fetch_all(fetches, w->sources.size, NULL, NULL, err);
    if (r >= 0)
        r = take_suites(w, fetches, err);
    for (size_t i = 0; i < w->sources.size; i++) {
        if (fetches[i].fd >= 0)
            (void)close(fetches[i].fd);
        fetch_done(&fetches[i]);
        free(urls[i]);
    }
    free(urls);
    free(fetches);
    return r;
}
