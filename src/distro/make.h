/* distro/make.h - inside the job "base-make": packages become a tree.
 *
 *     make_job: unpack every package --records_add()--> records (dpkg's database, or status.d)
 *               minbase:  the database, scripts_run(), tidy(), scan
 *               the rest: scriptless_finish() */
#pragma once

#include "base/map.h"
#include "distro/deb.h"
#include "distro/plan.h"
#include "distro/synth.h"
#include "sandbox/holder.h"
#include "store/store.h"

struct make {
    const struct job_context *ctx;
    const struct plan *plan;
    struct store *store;
    struct store_tree *tree;
    struct unpack *unpack;
    struct synth synth;      /* records, added behind all packages */
    struct str status;       /* /var/lib/dpkg/status */
    struct str automatic;    /* apt's extended_states */
    struct str triggers;     /* /var/lib/dpkg/triggers/File */
    struct map interests;    /* trigger name -> struct str *: who waits for it */
    struct str list;         /* the current package's files, as dpkg lists them */
    struct strings preinsts; /* names in info/ of packages with a preinst: "libc6:amd64" */
    bool scriptless;
};

/* records.c: dpkg's view of a package that was just unpacked. */
MUST_CHECK int records_add(struct make *m, const struct plan_package *p, const struct deb *d,
                           struct error *err);
/* Puts the database into m->synth. */
void records_finish(struct make *m);
void records_done(struct make *m);

/* scripts.c: preinst and postinst in the sandbox, over the unpacked tree. */
MUST_CHECK int scripts_run(struct make *m, struct error *err);
/* tidy.c: takes away what only this machine or this moment made; times after epoch_s become it. */
MUST_CHECK int tidy(int fs_fd, int64_t epoch_s, struct error *err);

/* scriptless.c: which entries of packages are taken; the files that scripts would have made. */
bool scriptless_wants(const struct entry *e);
void scriptless_record(struct make *m, const struct plan_package *p, const struct deb *d);
MUST_CHECK int scriptless_finish(struct make *m, struct error *err);
