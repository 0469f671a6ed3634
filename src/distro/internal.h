/* distro/internal.h - the stages of base_make(), each a file. */
#pragma once

#include "distro/apt.h"
#include "distro/base.h"
#include "distro/release.h"
#include "net/fetch.h"
#include "net/url.h"

struct suite {                 /* a source that answered */
    struct apt_source *source; /* borrowed */
    struct str text;           /* of the Release file, verified */
    struct release release;
};
struct work {
    struct image_tools *tools;
    const struct base_options *o;
    const char *architecture;
    struct apt_conf conf;
    struct apt_sources sources;
    VEC(struct suite)
    suites; /* as many as sources, in their order; without those that do not answer */
    struct plan plan;
    bool locked; /* the plan came out of the lock */
    struct progress_step *step;
    uint64_t step_total;
};

/* sources.c */
MUST_CHECK int work_sources(struct work *w, struct error *err);
/* The text of /etc/apt/sources.list; passwords are left out. */
void sources_print(const struct apt_sources *s, struct str *ret);

/* suites.c: InRelease files, fetched and verified. */
MUST_CHECK int work_suites(struct work *w, struct error *err);
/* choose.c: the plan, out of the indexes. */
MUST_CHECK int work_choose(struct work *w, struct error *err);
/* packages_fetch.c: every package of the plan becomes a blob of the store. */
MUST_CHECK int work_fetch(struct work *w, struct error *err);

/* Fetches what the store does not have into blobs of these digests. url, proxy and size_max are
 * set; fd is filled in. names: for messages, one each. */
struct wanted {
    char *url, *fallback; /* fallback: tried when url is absent, or NULL */
    char *name;           /* "package 'bash' 5.2.15-2" */
    struct digest digest;
    uint64_t size;
};
struct wanteds {
    struct wanted *at;
    size_t size, cap;
};
void wanteds_done(struct wanteds *w);
MUST_CHECK int work_get(struct work *w, const struct wanteds *wanted, const char *title,
                        struct error *err);
/* Fills proxy and ca_file in. */
void work_route(const struct work *w, struct fetch *f);
