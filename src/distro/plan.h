/* distro/plan.h - what a base image is made of: the answer of choosing, the request of making, the
 * lock. */
#pragma once

#include "base/doc.h"
#include "base/vec.h"
#include "oci/digest.h"

#define PLAN_PACKAGES_MAX 20000
#define PLAN_LOCK_MAX (16u << 20)

enum variant {
    VARIANT_MINBASE,    /* a Debian with apt; maintainer scripts run */
    VARIANT_STATIC,     /* for static programs: no script runs in this and the following */
    VARIANT_DISTROLESS, /* + libc6, OpenSSL */
    VARIANT_CC,         /* + libstdc++, libgcc, libgomp */
    VARIANT_PYTHON3,    /* + Python */
};
struct variant_row {
    const char *name, *help;
    enum variant variant;
    /* roots by name, blanks between; those in '?' may be absent from a release */
    const char *packages;
};
extern const struct variant_row variant_rows[];
extern const size_t variant_count;
const struct variant_row *variant_by_name(const char *name); /* NULL: unknown */

struct plan_package {
    char *name, *version, *architecture;
    char *path;     /* below the source's uri */
    char *suite;    /* of the source that it comes from */
    int64_t date_s; /* of that suite's Release */
    uint64_t size;
    struct digest sha256;
    bool essential;
    bool automatic;  /* not asked for by name */
    uint32_t source; /* number of the source; not in the lock */
};
struct plan {
    enum variant variant;
    char *suite, *architecture;
    char *sources;           /* text of /etc/apt/sources.list */
    char *version;           /* "12.15", or NULL */
    int64_t epoch_s;         /* Date of the suite's Release: files made by scripts get it */
    struct plan_package *at; /* in the order of unpacking and configuring */
    size_t size, cap;
};
void plan_done(struct plan *p);
#define PLAN_AUTO(name) CLEANUP(plan_done) struct plan name = {0}
const struct plan_package *plan_find(const struct plan *p, const char *name); /* NULL: absent */

/* The lock's text: JSON, one package a line; the same plan is the same text. */
void plan_print(const struct plan *p, struct str *ret);
/* -EINVAL naming the field for what is no plan. */
MUST_CHECK int plan_parse(struct view text, struct plan *ret, struct error *err);
MUST_CHECK int plan_from_doc(const json_t *doc, struct plan *ret, struct error *err);
json_t *plan_to_doc(const struct plan *p);
