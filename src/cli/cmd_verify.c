/* cooper verify - whether what speaks for an image was said by whom it must be said. */
#include <errno.h>

#include "cli/access.h"
#include "cli/commands.h"
#include "cli/images.h"
#include "cli/prover.h"
#include "image/guard.h"
#include "oci/config.h"

struct options {
    struct prover_options by;
    struct access_words access;
    const char *policy, *type, *format;
};

static bool is_wanted(const struct evidence *e, const char *type)
{
    if (!type)
        return evidence_is_signature(e);
    return e->has_statement && strcmp(e->statement.predicate_type, type) == 0;
}

/* proven_s: when it was there by what a log or clock said; 0: nobody did, and it says itself. */
static json_t *describe(const struct evidence *e, int64_t proven_s)
{
    json_t *doc = json_object();
    char text[CONFIG_TIME_MAX];
    int64_t time = proven_s;

    doc_set_text(doc, "form", evidence_form_name(e->form));
    doc_set_text(doc, "reference", evidence_reference(e));
    if (proven_s || evidence_time(e, &time))
        doc_set_text(doc, "time", config_time_format(time, text));
    if (e->form == EVIDENCE_SIMPLE)
        doc_set(doc, "payload", json_incref(e->simple.doc));
    if (!e->has_statement)
        return doc;
    doc_set_text(doc, "predicateType", e->statement.predicate_type);
    if (e->statement.predicate)
        doc_set(doc, "predicate", json_incref(json_object_get(e->statement.doc, "predicate")));
    return doc;
}

/* Goes through all of them: one that holds is enough, the others are told of. */
static size_t judge(const struct testimony *t, const struct requirement *q, int64_t now_s,
                    const char *type, json_t *holding, struct strings *complaints)
{
    const struct policy_facts facts = {.subject = testimony_subject(t), .now_s = now_s};
    const struct requirement_key *k = q->keys.size ? q->keys.at : NULL;

    vec_each (e, &t->evidence) {
        int64_t time = 0;
        ERROR_AUTO(why);

        if (!is_wanted(e, type))
            continue;
        if (requirement_prove(q, k, e, &facts, &time, &why) == 0)
            doc_push(holding, describe(e, time));
        else
            strings_take(complaints,
                         xasprintf("a %s of the form %s: %s", type ? "statement" : "signature",
                                   evidence_form_name(e->form), why.text));
    }
    for (size_t i = 0; i < t->complaints.size; i++)
        strings_add(complaints, t->complaints.at[i]);
    return json_array_size(holding);
}

static void print_json(const struct env *env, const struct site *p, const struct testimony *t,
                       const struct requirement *q, bool good, const json_t *holding,
                       const struct strings *complaints)
{
    cleanup_doc json_t *doc = json_object();
    json_t *refused = json_array();
    char text[DIGEST_TEXT_MAX];

    for (size_t i = 0; i < complaints->size; i++)
        doc_push(refused, doc_new_text(complaints->at[i]));
    doc_set_text(doc, "image", p->name);
    doc_set_text(doc, "digest", digest_format(&t->digest, text));
    if (q->keys.size)
        doc_set_text(doc, "key", digest_format(trust_key_id(q->keys.at[0].key), text));
    doc_set_bool(doc, "verified", good);
    doc_set(doc, "evidence", json_deep_copy(holding));
    doc_set(doc, "refused", refused);
    image_print_doc(env, doc);
}

static void print_text(const struct env *env, const struct testimony *t, const json_t *holding)
{
    char text[DIGEST_TEXT_MAX];
    const json_t *item;
    size_t i;

    fprintf(env->out, "Verified %s\n", digest_format(&t->digest, text));
    json_array_foreach(holding, i, item)
    {
        const char *type = json_string_value(json_object_get(item, "predicateType"));
        const char *name = json_string_value(json_object_get(item, "reference"));
        const char *time = json_string_value(json_object_get(item, "time"));

        fprintf(env->out, "  %s %s%s%s\n", json_string_value(json_object_get(item, "form")),
                type   ? type
                : name ? name
                       : "",
                time ? ", " : "", time ? time : "");
    }
}

static int refuse(const struct options *o, const struct strings *complaints, struct error *err)
{
    const int r = o->type ? error_set(err, -EBADMSG, "no statement of type '%s' holds", o->type)
                          : error_set(err, -EBADMSG, "no signature of it holds");

    if (complaints->size == 0)
        return error_hint(err, r, "there is none beside the image");
    return error_hint(err, r, "%s%s", complaints->at[0], complaints->size > 1 ? "; and more" : "");
}

static int verify(const struct env *env, const struct options *o, struct wire *w,
                  const char *reference, struct error *err)
{
    CLEANUP(crypto_closep) struct crypto *c = NULL;
    CLEANUP(requirement_done) struct requirement q = {0};
    CLEANUP(site_closep) struct site *p = NULL;
    CLEANUP(strings_done) struct strings complaints = {0};
    cleanup_doc json_t *holding = json_array();
    TESTIMONY_AUTO(t);
    int r = crypto_open(&c, err);

    if (r == 0)
        r = prover_make(c, &o->by, &q, err);
    if (r == 0)
        r = site_open(w, reference, false, &p, err);
    if (r == 0)
        r = testimony_collect(p, &t, err);
    if (r < 0)
        return r;
    const char *type = o->type ? statement_type_of(o->type) : NULL;
    const bool good = judge(&t, &q, env->now_s, type, holding, &complaints) > 0;
    if (o->format && strcmp(o->format, "json") == 0)
        print_json(env, p, &t, &q, good, holding, &complaints);
    else if (good && !env->quiet)
        print_text(env, &t, holding);
    return good ? 0 : error_wrap(err, refuse(o, &complaints, err), "'%s'", reference);
}

/* ---- by a policy ---- */

static void print_decision(const struct env *env, const struct options *o, const char *reference,
                           const struct testimony *t, bool looked, int r, const struct error *why)
{
    char text[DIGEST_TEXT_MAX];

    if (o->format && strcmp(o->format, "json") == 0) {
        cleanup_doc json_t *doc = json_object();
        json_t *refused = json_array();

        if (r < 0)
            doc_push(refused, doc_new_text(why->text));
        doc_set_text(doc, "image", reference);
        if (looked)
            doc_set_text(doc, "digest", digest_format(&t->digest, text));
        doc_set_text(doc, "policy", o->policy);
        doc_set_bool(doc, "verified", r == 0);
        doc_set(doc, "refused", refused);
        image_print_doc(env, doc);
    } else if (r == 0 && !env->quiet) {
        fprintf(env->out, "Allowed %s%s\n", looked ? digest_format(&t->digest, text) : reference,
                looked ? "" : ", whatever its signatures");
    }
}

static int decide(const struct env *env, const struct options *o, struct wire *w,
                  const char *reference, struct error *err)
{
    CLEANUP(site_closep) struct site *site = NULL;
    cleanup_free char *path = NULL;
    bool looked = false;
    PLACE_AUTO(place);
    GUARD_AUTO(g);
    TESTIMONY_AUTO(t);
    int r = place_parse(reference, &place, err);

    if (r == 0)
        r = guard_open(env, o->policy, &g, err);
    if (r == 0)
        r = site_open(w, reference, false, &site, err);
    if (r < 0)
        return r;
    const struct platform host = platform_host();
    const bool remote = place.kind == PLACE_REGISTRY;
    g.platform = &host;
    path = remote ? NULL : realpath(place.path, NULL);
    const struct policy_image image = {.transport = place_transport(&place),
                                       .path = path ? path : "/",
                                       .tag = place.tag,
                                       .reference = remote ? &place.reference : NULL};
    r = guard_decide(env, &g, &image, site, &t, &looked, err);
    if (r == 0 || r == -EPERM)
        print_decision(env, o, reference, &t, looked, r, err);
    return r;
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    const struct options *o = options;
    CLEANUP(wire_access_done) struct wire_access access = {0};
    int r = access_read(&o->access, &access, err);

    if (r < 0)
        return image_exit(r);
    if (o->policy && prover_is_named(&o->by))
        r = error_set(err, -EINVAL, "--policy says itself who must have signed");
    else if (!o->policy)
        r = prover_check(&o->by, err);
    if (r < 0)
        return image_exit(r);
    if (o->policy && o->type)
        r = error_set(err, -EINVAL, "--type goes with --key; a policy has its own");
    else if (o->type && !statement_type_of(o->type))
        r = error_set(err, -EINVAL, "--type '%s' is no URI and no known word", o->type);
    else if (o->format && strcmp(o->format, "json") != 0 && strcmp(o->format, "table") != 0)
        r = error_set(err, -EINVAL, "--format is table or json, not '%s'", o->format);
    if (r < 0)
        return image_exit(r);
    CLEANUP(wire_freep) struct wire *w = wire_new(env, &access, &access);
    return image_exit(o->policy ? decide(env, o, w, arguments[0], err)
                                : verify(env, o, w, arguments[0], err));
}

static const struct option_row rows[] = {
    OPT_PROVER(struct options, by),
    OPT_TEXT(0, "policy", struct options, policy, "FILE",
             "what must be signed by whom: policy.json of containers, or cooper's own"),
    OPT_TEXT(0, "type", struct options, type, "TYPE",
             "a statement of this type must be signed, not the image itself"),
    OPT_TEXT(0, "format", struct options, format, "table|json",
             "how it is printed (default table)"),
    OPT_REGISTRY(struct options, access),
    OPT_END,
};

const struct command_row cmd_verify = {
    .name = "verify",
    .group = "ship and trust them",
    .arguments = "REF|oci:DIR[:TAG]",
    .help = "check the signatures of an image",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
    .example = "cooper verify --key cosign.pub registry.example/app:1.0",
};
