/* Images on their way to registries: blobs beside each other, those that are packed only now as soon
 * as they are; then manifests, and the names last. */
#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/attest.h"
#include "image/export_internal.h"
#include "image/guard.h"
#include "oci/manifest.h"

struct target {
    struct reference ref;
    struct registry_session *session;
};

#define FILES_MAX                                                                                  \
    16 /* open at a time: more than a wire works on, and descriptors for any number of layers */

/* A blob of the store on its way. */
struct file {
    size_t *open;
    int fd; /* -1: sent */
};

struct pushing {
    struct export_set *set;
    struct wire *wire;
    const struct target *to, *all; /* all: of every name of the set */
    struct map begun;              /* blobs, by digest */
    VEC(struct file *) files;
    size_t open; /* of them */
};

static void pushing_done(struct pushing *p)
{
    map_done(&p->begun);
    vec_each (at, &p->files) {
        fd_closep(&(*at)->fd);
        free(*at);
    }
    vec_done(&p->files);
}

/* ---- blobs ---- */

/* An image that was pulled from another repository of this registry need not be sent. */
static char *other_repository(const struct pushing *p, const struct exporting *x)
{
    const char *name = x->image->record.name;
    REFERENCE_AUTO(ref);

    if (!name)
        return NULL;
    cleanup_free char *plain = xstrndup(name, strcspn(name, " "));
    if (reference_parse(plain, &ref, NULL) < 0 || strcmp(ref.host, p->to->ref.host) != 0)
        return NULL;
    return xstrdup(ref.repository);
}

/* True when it was begun before. */
static bool is_begun(struct pushing *p, const struct digest *d)
{
    char hex[DIGEST_HEX_MAX];
    const struct view key = view_of(digest_hex(d, hex));

    if (map_has(&p->begun, key))
        return true;
    map_set(&p->begun, key, p);
    return false;
}

static void put_blob(struct pushing *p, const char *what, const struct registry_blob *blob,
                     wire_done *done, void *ctx)
{
    char text[DIGEST_TEXT_MAX];
    cleanup_free char *title = xasprintf("push %s %.19s", what, digest_format(&blob->digest, text));

    wire_put_blob(p->wire, p->to->session, p->to->ref.repository, blob, title, done, ctx);
}

static void send_blob(struct pushing *p, const char *what, const struct registry_blob *blob)
{
    if (!is_begun(p, &blob->digest))
        put_blob(p, what, blob, NULL, NULL);
}

static int close_file(void *ctx, struct registry_call *c, struct error *err)
{
    struct file *f = ctx;

    (void)c, (void)err;
    fd_closep(&f->fd);
    --*f->open;
    return 0;
}

static int open_file(struct pushing *p, const struct exporting *x, const struct digest *d,
                     struct file **ret, struct error *err)
{
    int r = 1;

    while (r > 0 && p->open >= FILES_MAX)
        r = wire_step(p->wire, -1, err);
    const int fd = r < 0 ? r : store_blob_open(x->tools->store, d, NULL, err);
    if (fd < 0)
        return fd;
    struct file *f = xcalloc(1, sizeof(*f));
    *f = (struct file){&p->open, fd};
    vec_push(&p->files, f);
    p->open++;
    *ret = f;
    return 0;
}

static int send_layer(struct pushing *p, const struct exporting *x, size_t i, struct error *err)
{
    const struct export_layer *l = &x->layers[i];
    cleanup_free char *from = l->fresh ? NULL : other_repository(p, x);
    struct file *f = NULL;

    if (is_begun(p, &l->digest))
        return 0;
    const int r = open_file(p, x, &l->digest, &f, err);
    if (r < 0)
        return r;
    put_blob(
        p, "layer",
        &(struct registry_blob){.digest = l->digest, .size = l->size, .fd = f->fd, .from = from},
        close_file, f);
    return 0;
}

static int send_layers(struct pushing *p, struct exporting *x, struct error *err)
{
    const size_t count = x->image->record.layers.size;
    const struct queue_idle idle = queue_idle_wire(p->wire);
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        if (x->layers[i].codec && !export_is_foreign(x, i))
            r = send_layer(p, x, i, err);
    if (r == 0)
        r = export_pack_blobs(x, &idle, err);
    for (size_t i = 0; r == 0 && i < count; i++)
        if (x->layers[i].fresh)
            r = send_layer(p, x, i, err);
    return r;
}

static int send_image(struct pushing *p, struct exporting *x, struct error *err)
{
    int r = send_layers(p, x, err);

    if (r == 0 && x->manifest.size == 0)
        r = export_make_documents(x, err);
    if (r == 0)
        send_blob(
            p, "configuration",
            &(struct registry_blob){
                .digest = x->id, .size = x->config.size, .fd = -1, .bytes = str_view(&x->config)});
    return r;
}

/* ---- manifests ---- */

/* 1: the registry noted the subject itself. */
static int put_manifest(struct pushing *p, const char *tag, const char *type, struct view bytes,
                        struct error *err)
{
    CLEANUP(registry_call_freep)
    struct registry_call *c =
        registry_manifest_put(p->to->session, p->to->ref.repository, tag, type, bytes);
    const int r = wire_call(p->wire, c, err);

    return r < 0 ? r : registry_call_result(c)->has_subject;
}

/* The referrers' tag, for registries without the API: read, added to, written. */
static int note_referrer(struct pushing *p, const struct attestation *a, struct error *err)
{
    CLEANUP(registry_call_freep)
    struct registry_call *c =
        registry_referrers(p->to->session, p->to->ref.repository, &a->subject);
    CLEANUP(image_index_freep) struct image_index *index = NULL;
    char tag[REGISTRY_REFERRERS_TAG_MAX];
    json_t *all = json_array();
    STR_AUTO(text);
    int r = wire_call(p->wire, c, err);

    if (r == 0 && !registry_call_result(c)->absent)
        r = image_index_parse(str_view(&registry_call_result(c)->body), &index, err);
    for (size_t i = 0; r == 0 && index && i < index->manifest_count; i++)
        if (!digest_eq(&index->manifests[i].digest, &a->digest))
            json_array_append(all, index->manifests[i].doc);
    doc_push(all, attestation_descriptor(a));
    image_index_print(false, all, NULL, &text);
    return r < 0 ? r
                 : put_manifest(p, registry_referrers_tag(&a->subject, tag), MEDIA_OCI_INDEX,
                                str_view(&text), err);
}

static int put_attestation(void *ctx, const struct attestation *a, struct error *err)
{
    struct pushing *p = ctx;

    for (size_t i = 0; i < ARRAY_SIZE(a->blobs); i++) {
        struct registry_blob blob = {.size = a->blobs[i].size, .fd = -1, .bytes = a->blobs[i]};
        digest_of(a->blobs[i], &blob.digest);
        send_blob(p, "attestation", &blob);
    }
    int r = wire_run(p->wire, err);
    if (r == 0)
        r = put_manifest(p, NULL, MEDIA_OCI_MANIFEST, a->manifest, err);
    return r == 0 ? note_referrer(p, a, err) : MIN(r, 0);
}

static int put_manifests(struct pushing *p, struct error *err)
{
    struct export_set *set = p->set;
    int r = 0;

    for (size_t i = 0; r >= 0 && export_has_index(set) && i < set->count; i++)
        r = put_manifest(p, NULL, export_manifest_type(&set->at[i]), str_view(&set->at[i].manifest),
                         err);
    return MIN(r, 0);
}

/* --immutable: what a tag has already it may be given again, nothing else. Before the first name is put. */
static int check_tag(struct pushing *p, const struct target *to, struct error *err)
{
    const struct export_set *set = p->set;
    const struct digest *ours =
        export_has_index(set) ? &set->index_digest : &set->at[0].manifest_digest;
    CLEANUP(registry_call_freep)
    struct registry_call *c =
        registry_manifest_head(to->session, to->ref.repository, to->ref.tag, NULL);
    const struct registry_result *there = registry_call_result(c);
    char text[DIGEST_TEXT_MAX];
    int r = wire_call(p->wire, c, err);

    if (r < 0 || there->absent || digest_eq(&there->digest, ours))
        return r;
    cleanup_free char *name = reference_familiar(&to->ref);
    r = error_set(err, -EEXIST, "'%s' names another image: %s", name,
                  digest_format(&there->digest, text));
    return error_hint(err, r, "--immutable moves no name; 'cooper rmi docker://%s' gives it up",
                      name);
}

static int check_tags(struct pushing *p, struct error *err)
{
    const struct output *o = p->set->output;
    int r = 0;

    for (size_t i = 0; r == 0 && o->immutable && !o->by_digest && i < p->set->names.size; i++)
        r = check_tag(p, &p->all[i], err);
    return r;
}

static int put_name(struct pushing *p, const char *tag, struct error *err)
{
    const struct export_set *set = p->set;
    const struct exporting *x = &set->at[0];
    const int r = export_has_index(set)
                      ? put_manifest(p, tag, export_index_type(set), str_view(&set->index), err)
                      : put_manifest(p, tag, export_manifest_type(x), str_view(&x->manifest), err);

    return MIN(r, 0);
}

/* ---- all of it, to one repository after the other ---- */

static int push_to(struct export_set *set, const struct target *all, const struct target *to,
                   struct error *err)
{
    CLEANUP(pushing_done)
    struct pushing p = {.set = set, .wire = image_wire(set->at[0].tools), .to = to, .all = all};
    int r = 0;

    for (size_t i = 0; r == 0 && i < set->count; i++)
        r = send_image(&p, &set->at[i], err);
    if (r == 0)
        r = wire_run(p.wire, err);
    if (r == 0 && export_has_index(set) && !set->index.size)
        export_make_index(set);
    if (r == 0)
        r = check_tags(&p, err);
    if (r == 0)
        r = put_manifests(&p, err);
    if (r == 0)
        r = put_name(&p, set->output->by_digest ? NULL : to->ref.tag, err);
    if (r == 0)
        r = export_attestations(set, put_attestation, &p, err);
    if (r < 0)
        wire_cancel(p.wire);
    return r;
}

/* A further tag of a repository that has it all. */
static int add_tag(struct export_set *set, const struct target *to, struct error *err)
{
    CLEANUP(pushing_done)
    struct pushing p = {.set = set, .wire = image_wire(set->at[0].tools), .to = to};

    return put_name(&p, to->ref.tag, err);
}

static bool same_repository(const struct target *a, const struct target *b)
{
    return strcmp(a->ref.host, b->ref.host) == 0 &&
           strcmp(a->ref.repository, b->ref.repository) == 0;
}

static int open_targets(struct export_set *set, struct target *targets, struct error *err)
{
    struct wire *w = image_wire(set->at[0].tools);
    int r = 0;

    for (size_t i = 0; r == 0 && i < set->names.size; i++) {
        CLEANUP(registry_endpoints_done) struct registry_endpoints places = {0};

        r = reference_parse(set->names.at[i], &targets[i].ref, err);
        if (r == 0)
            r = wire_places(w, &targets[i].ref, true, &places, err);
        if (r == 0)
            r = wire_session(w, &places.at[0], &targets[i].session, err);
    }
    return r;
}

int export_registry(struct export_set *set, struct error *err)
{
    cleanup_free struct target *targets = xcalloc(set->names.size + 1, sizeof(*targets));
    int r = open_targets(set, targets, err);

    if (r == 0 && set->names.size == 0)
        r = error_hint(err, error_set(err, -EINVAL, "it has no name to be pushed under"),
                       "give it one with -t");
    if (r == 0)
        guard_leaving(wire_env(image_wire(set->at[0].tools)), set->names.at[0]);
    for (size_t i = 0; r == 0 && i < set->count; i++)
        r = export_find_blobs(&set->at[i], err);
    for (size_t i = 0; r == 0 && i < set->names.size; i++) {
        bool there = false;

        for (size_t k = 0; k < i; k++)
            there = there || same_repository(&targets[k], &targets[i]);
        if (!there)
            r = push_to(set, targets, &targets[i], err);
        else if (!set->output->by_digest)
            r = add_tag(set, &targets[i], err);
        if (r < 0)
            r = error_wrap(err, r, "push %s", set->names.at[i]);
    }
    for (size_t i = 0; i < set->names.size; i++)
        reference_done(&targets[i].ref);
    return r;
}
