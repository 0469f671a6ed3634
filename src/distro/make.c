#include "distro/make.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "distro/jobs.h"
#include "layer/index.h"
#include "layer/scan.h"

/* Merged /usr, as every Debian since buster is installed; before any package, whose entries then go
 * where the links point. */
static int lay_out(struct make *m, struct error *err)
{
    static const char *const everywhere[] = {"bin", "lib", "sbin"};
    static const char *const with_lib64[] = {"amd64", "ppc64el", "mips64el", "loong64"};
    struct synth s;
    bool lib64 = false;

    synth_init(&s, m->plan->epoch_s);
    for (size_t i = 0; i < ARRAY_SIZE(with_lib64); i++)
        lib64 |= strcmp(m->plan->architecture, with_lib64[i]) == 0;
    synth_dir(&s, "usr", 0755);
    for (size_t i = 0; i < ARRAY_SIZE(everywhere); i++) {
        cleanup_free char *target = xasprintf("usr/%s", everywhere[i]);

        synth_dir(&s, target, 0755);
        synth_link(&s, everywhere[i], target);
    }
    if (lib64) {
        synth_dir(&s, "usr/lib64", 0755);
        synth_link(&s, "lib64", "usr/lib64");
    }
    const int r = synth_unpack(&s, m->unpack, err);
    synth_done(&s);
    return r;
}

/* Notes the name for dpkg's list and decides. */
static int on_entry(void *ctx, const struct entry *e, struct error *err)
{
    struct make *m = ctx;

    (void)err;
    str_printf(&m->list, "/%s\n", e->path[0] ? e->path : ".");
    if (e->path[0] == '\0')
        return 0; /* the root belongs to whoever mounts it */
    return m->scriptless ? scriptless_wants(e) : 1;
}

static int unpack_package(struct make *m, const struct plan_package *p, struct error *err)
{
    struct deb d = {.control = STR_INIT};

    str_clear(&m->list);
    cleanup_close int fd = store_blob_open(m->store, &p->sha256, NULL, err);
    int r = fd;
    if (r >= 0)
        r = deb_read(fd, &p->sha256, m->unpack, &d, err);
    if (r >= 0 && m->scriptless)
        scriptless_record(m, p, &d);
    else if (r >= 0)
        r = records_add(m, p, &d, err);
    deb_done(&d);
    return r < 0 ? error_wrap(err, r, "package '%s' %s", p->name, p->version) : 0;
}

static void tell(const struct make *m, const char *stage, size_t done)
{
    json_t *doc = json_object();

    doc_set_text(doc, "stage", stage);
    doc_set_int(doc, "done", (int64_t)done);
    doc_set_int(doc, "total", (int64_t)m->plan->size);
    job_progress(m->ctx, doc);
}

static int unpack_packages(struct make *m, struct error *err)
{
    int r = lay_out(m, err);

    for (size_t i = 0; r >= 0 && i < m->plan->size; i++) {
        tell(m, "unpack", i);
        r = unpack_package(m, &m->plan->at[i], err);
    }
    tell(m, "unpack", m->plan->size);
    return r;
}

static enum owner_mode owner_of(const struct make *m)
{
    return m->ctx->ids.kind == IDENTITY_SINGLE ? OWNER_RECORDED : OWNER_REAL;
}

static int begin(struct make *m, struct error *err)
{
    int r = store_attach(m->ctx->store_fd, &m->store, err);

    if (r >= 0)
        r = store_tree_begin(m->store, &m->tree, err);
    if (r < 0)
        return r;
    const struct unpack_options o = {
        .root_fd = store_tree_fs_fd(m->tree),
        .owner = owner_of(m),
        .plain = true,
        .keep_links = true,
        .below = UNPACK_BELOW_NOTHING,
        .filter = on_entry,
        .ctx = m,
    };
    return unpack_new(&o, &m->unpack, err);
}

static int finish_minbase(struct make *m, struct index **ret, struct error *err)
{
    const int fs = store_tree_fs_fd(m->tree);
    struct unpack_result unpacked = {0};
    struct scan_options o = SCAN_OPTIONS_INIT;

    records_finish(m);
    int r = synth_unpack(&m->synth, m->unpack, err);
    if (r >= 0)
        r = unpack_finish(m->unpack, &unpacked, err);
    if (r < 0)
        return r;
    index_free(unpacked.index); /* the scripts are about to make it untrue */
    tell(m, "configure", 0);
    r = scripts_run(m, err);
    if (r >= 0)
        r = tidy(fs, m->plan->epoch_s, err);
    o.owner = owner_of(m);
    return r < 0 ? r : scan_tree(fs, &o, ret, err);
}

static int finish_scriptless(struct make *m, struct index **ret, struct error *err)
{
    struct unpack_result unpacked = {0};
    int r = scriptless_finish(m, err);

    if (r >= 0)
        r = synth_unpack(&m->synth, m->unpack, err);
    if (r >= 0)
        r = unpack_finish(m->unpack, &unpacked, err);
    if (r >= 0)
        *ret = unpacked.index;
    return r;
}

static int commit(struct make *m, const struct index *ix, struct digest *ret, struct error *err)
{
    cleanup_close int fd =
        fd_open(store_tree_dir_fd(m->tree), "index", O_WRONLY | O_CREAT | O_EXCL, 0644, err);
    int r = fd < 0 ? fd : index_save(ix, fd, err);

    if (r < 0)
        return r;
    index_tree_id(ix, ret);
    return store_tree_commit(m->store, steal(m->tree), ret, index_size(ix), err);
}

static int make(struct make *m, struct digest *ret, struct error *err)
{
    CLEANUP(index_freep) struct index *ix = NULL;
    int r = begin(m, err);

    if (r >= 0)
        r = unpack_packages(m, err);
    if (r >= 0)
        r = m->scriptless ? finish_scriptless(m, &ix, err) : finish_minbase(m, &ix, err);
    return r >= 0 ? commit(m, ix, ret, err) : r;
}

static void make_done(struct make *m)
{
    records_done(m);
    synth_done(&m->synth);
    str_done(&m->list);
    unpack_free(m->unpack);
    store_tree_abort(m->tree);
    store_close(m->store);
}

int make_job(const struct job_context *ctx, const json_t *request, const int *fds, size_t fd_count,
             json_t **ret, struct error *err)
{
    char text[DIGEST_TEXT_MAX];
    PLAN_AUTO(plan);
    struct digest tree;

    (void)fds, (void)fd_count;
    int r = plan_from_doc(request, &plan, err);
    if (r < 0)
        return r;
    struct make m = {.ctx = ctx,
                     .plan = &plan,
                     .status = STR_INIT,
                     .automatic = STR_INIT,
                     .triggers = STR_INIT,
                     .list = STR_INIT,
                     .scriptless = plan.variant != VARIANT_MINBASE};
    synth_init(&m.synth, plan.epoch_s);
    r = make(&m, &tree, err);
    make_done(&m);
    if (r < 0)
        return r;
    *ret = json_object();
    doc_set_text(*ret, "tree", digest_format(&tree, text));
    return 0;
}
