/* What proves that a signature is what a requirement asks for: a key, or a certificate; that a log took it, and when it
 * was there. */
#include <errno.h>

#include "trust/policy_internal.h"
#include "trust/rekor.h"
#include "trust/timestamp.h"

/* ---- what is signed, and by what ---- */

/* What the hash in a log is of. */
static struct view signed_data(const struct evidence *e, const struct policy_facts *f)
{
    if (e->form == EVIDENCE_SIMPLE)
        return str_view(&e->bytes);
    return e->bundle.has_envelope ? str_view(&e->bundle.envelope.payload) : f->subject.manifest;
}

/* Of an envelope with several nobody could say which of them a log or a clock means. */
static int only_signature(const struct evidence *e, struct view *ret, struct error *err)
{
    const struct dsse *d = &e->bundle.envelope;

    if (e->form == EVIDENCE_SIMPLE)
        *ret = str_view(&e->signature);
    else if (!e->bundle.has_envelope)
        *ret = str_view(&e->bundle.signature);
    else if (d->signatures.size == 1)
        *ret = str_view(&d->signatures.at[0]);
    else
        return error_set(err, -EBADMSG, "its envelope has not one signature, but %zu",
                         d->signatures.size);
    return 0;
}

/* ---- logs ---- */

/* Of several that do not prove it the complaint of the first, or of one whose word it is, though not for that time. */
static void keep(struct error *why, struct error *other, bool is_its_word)
{
    if (why->text && !is_its_word)
        return;
    error_done(why);
    (void)error_move(why, other);
}

/* Nobody signs the time of an entry that has a proof alone: by then a clock saw what it is about, or it is now. */
static int by_any_log(const struct requirement *q, const struct rekor_entry *entry, int64_t else_s,
                      struct view signer, struct view data, struct view signature,
                      struct error *err)
{
    const int64_t at_s = entry->promise.size ? entry->time_s : else_s;
    ERROR_AUTO(why);

    vec_each (k, &q->logs) {
        ERROR_AUTO(one);
        const bool its = rekor_verify(entry, k->key, signer, data, signature, &one) == 0;

        if (its && window_holds(&k->valid, at_s))
            return 0;
        if (its)
            (void)error_set(&one, -EBADMSG, "the log is not believed at the time of its entry");
        keep(&why, &one, its);
    }
    return error_move(err, &why);
}

static size_t count_entries(const struct evidence *e)
{
    return e->form == EVIDENCE_BUNDLE ? json_array_size(e->bundle.entries) : e->log != NULL;
}

static int read_entry(const struct evidence *e, size_t i, struct rekor_entry *ret,
                      struct error *err)
{
    return e->form == EVIDENCE_BUNDLE
               ? rekor_read_entry(json_array_get(e->bundle.entries, i), ret, err)
               : rekor_read(view_of(e->log), ret, err);
}

/* One of the logs took this very signature of this signer; *ret_time_s: when, where it vouches for that. */
static int prove_logged(const struct requirement *q, const struct evidence *e,
                        const struct policy_facts *f, struct view signer, int64_t stamped_s,
                        int64_t *ret_time_s, struct error *err)
{
    const int64_t else_s = stamped_s ? stamped_s : f->now_s;
    struct view signature;
    ERROR_AUTO(why);
    int r = only_signature(e, &signature, err);

    if (r < 0)
        return r;
    (void)error_set(&why, -EBADMSG, "no log has promised it or proves that it has it");
    for (size_t i = 0; i < count_entries(e); i++) {
        REKOR_AUTO(entry);

        error_done(&why);
        r = read_entry(e, i, &entry, &why);
        if (r == 0)
            r = by_any_log(q, &entry, else_s, signer, signed_data(e, f), signature, &why);
        if (r < 0)
            continue;
        *ret_time_s = entry.promise.size ? entry.time_s : 0;
        return 0;
    }
    return error_move(err, &why);
}

/* ---- clocks ---- */

static int by_any_clock(const struct requirement *q, struct view answer, struct view signature,
                        int64_t *ret_time_s, struct error *err)
{
    int64_t time_s = 0;
    ERROR_AUTO(why);

    vec_each (a, &q->clocks->loaded) {
        ERROR_AUTO(one);
        const bool its = timestamp_verify(answer, a->authority, signature, &time_s, &one) == 0;

        if (its && window_holds(&a->valid, time_s)) {
            *ret_time_s = time_s;
            return 0;
        }
        if (its)
            (void)error_set(&one, -EBADMSG,
                            "its time stamp: the authority of time is not believed at that time");
        keep(&why, &one, its);
    }
    return error_move(err, &why);
}

/* One answer, in base64. */
static int by_text(const struct requirement *q, const char *text, struct view data,
                   int64_t *ret_time_s, struct error *err)
{
    STR_AUTO(answer);

    if (!text || strlen(text) > 2 * (size_t)TIMESTAMP_SIZE_MAX ||
        !str_add_unbase64(&answer, view_of(text)))
        return error_set(err, -EBADMSG, "its time stamp is not base64");
    return by_any_clock(q, str_view(&answer), data, ret_time_s, err);
}

/* cosign's annotation, {"SignedRFC3161Timestamp": B}: over the signature, or where that is in an envelope, over all of it. */
static int by_annotation(const struct requirement *q, const struct evidence *e, int64_t *ret_time_s,
                         struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    const struct str *data = e->form == EVIDENCE_DSSE ? &e->bytes : &e->signature;
    const int r = doc_parse(view_of(e->stamp), 2 * (size_t)TIMESTAMP_SIZE_MAX + KEY_SIGNATURE_MAX,
                            "time stamp", &doc, err);

    return r < 0 ? r
                 : by_text(q, json_string_value(json_object_get(doc, "SignedRFC3161Timestamp")),
                           str_view(data), ret_time_s, err);
}

static int prove_stamped(const struct requirement *q, const struct evidence *e, int64_t *ret_time_s,
                         struct error *err)
{
    struct view signature;
    const json_t *item;
    size_t i;
    ERROR_AUTO(why);
    int r = e->stamp ? 0 : only_signature(e, &signature, err);

    if (r < 0)
        return r;
    if (e->stamp)
        return by_annotation(q, e, ret_time_s, err);
    (void)error_set(&why, -EBADMSG, "it has no time stamp");
    json_array_foreach(e->bundle.stamps, i, item)
    {
        error_done(&why);
        if (by_text(q, json_string_value(json_object_get(item, "signedTimestamp")), signature,
                    ret_time_s, &why) == 0)
            return 0;
    }
    return error_move(err, &why);
}

/* ---- all of it ---- */

/* When it was signed, by the log and by the clock; 0 where that was not asked or is not said. */
struct times {
    int64_t logged_s, stamped_s;
};

static int prove_times(const struct requirement *q, const struct evidence *e,
                       const struct policy_facts *f, struct view signer, struct times *ret,
                       struct error *err)
{
    ERROR_AUTO(why);
    int r = q->clocks ? prove_stamped(q, e, &ret->stamped_s, &why) : 0;

    if (q->logs.size > 0 && (r == 0 || q->clocks_may)) {
        const int logged = prove_logged(q, e, f, signer, ret->stamped_s, &ret->logged_s, err);
        if (logged < 0 || q->clocks_may)
            return logged;
    }
    return r < 0 ? error_move(err, &why) : 0;
}

static int prove_by_key(const struct requirement *q, const struct trust_key *k,
                        const struct evidence *e, const struct policy_facts *f, struct times *ret,
                        struct error *err)
{
    STR_AUTO(spki);
    const int r = evidence_verify(e, &f->subject, k, err);

    if (r < 0)
        return r;
    trust_key_print_der(k, &spki);
    return prove_times(q, e, f, str_view(&spki), ret, err);
}

static int verify_certificate(const struct requirement *q, const struct certificate *x,
                              const struct evidence *e, int64_t at_s, struct trust_key **ret,
                              struct error *err)
{
    const struct requirement_authority *by = q->by;
    const struct certificate_identity who = {.issuer = by->issuer,
                                             .email = by->email,
                                             .hostname = by->hostname,
                                             .name = by->name,
                                             .issuer_like = by->issuer_like,
                                             .name_like = by->name_like};
    ERROR_AUTO(why);

    vec_each (a, &by->loaded) {
        ERROR_AUTO(one);

        if (!window_holds(&a->valid, at_s))
            continue;
        if (certificate_verify(x, a->authority, view_of(e->chain ? e->chain : ""), &who, at_s, ret,
                               &one) == 0)
            return 0;
        keep(&why, &one, false);
    }
    return why.text ? error_move(err, &why)
                    : error_set(err, -EBADMSG,
                                "its certificate: no authority is believed at the time of signing");
}

/* A certificate of minutes is held against the moments when the log took the signature and the clock saw it, others
 * against now. */
static int check_certificate(const struct requirement *q, const struct certificate *x,
                             const struct evidence *e, const struct times *t, int64_t now_s,
                             struct trust_key **ret, struct error *err)
{
    const int64_t moments[] = {t->logged_s, t->stamped_s,
                               q->logs.size == 0 && !q->clocks ? now_s : 0};
    int r = -EBADMSG;

    for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
        CLEANUP(trust_key_freep) struct trust_key *k = NULL;

        if (moments[i] == 0)
            continue;
        r = verify_certificate(q, x, e, moments[i], &k, err);
        if (r < 0)
            return r;
        trust_key_free(*ret);
        *ret = steal(k);
    }
    return r < 0 ? error_set(err, r,
                             "nothing says when its certificate was used: the log has a proof "
                             "and no promise, and there is no time stamp")
                 : 0;
}

static int prove_by_certificate(const struct requirement *q, const struct evidence *e,
                                const struct policy_facts *f, struct times *ret, struct error *err)
{
    CLEANUP(certificate_freep) struct certificate *x = NULL;
    CLEANUP(trust_key_freep) struct trust_key *k = NULL;
    int r = e->certificate ? certificate_read(authority_crypto(q->by->loaded.at[0].authority),
                                              view_of(e->certificate), &x, err)
                           : error_set(err, -EBADMSG, "no certificate came with it");

    if (r == 0)
        r = prove_times(q, e, f, certificate_der(x), ret, err);
    if (r == 0)
        r = check_certificate(q, x, e, ret, f->now_s, &k, err);
    return r < 0 ? r : evidence_verify(e, &f->subject, k, err);
}

static int prove(const struct requirement *q, const struct requirement_key *k,
                 const struct evidence *e, const struct policy_facts *f, int64_t *ret_time_s,
                 struct error *err)
{
    struct times t = {0};
    const int r =
        q->by ? prove_by_certificate(q, e, f, &t, err) : prove_by_key(q, k->key, e, f, &t, err);

    *ret_time_s = t.stamped_s ? t.stamped_s : t.logged_s;
    return r;
}

/* By one document of a trusted root alone: the log of one and the authority of another prove nothing together. */
int requirement_prove(const struct requirement *q, const struct requirement_key *k,
                      const struct evidence *e, const struct policy_facts *f, int64_t *ret_time_s,
                      struct error *err)
{
    int r = prove(q, k, e, f, ret_time_s, err);

    for (size_t i = 0; r < 0 && i < q->more_roots.size; i++) {
        const struct requirement_root *m = &q->more_roots.at[i];
        struct requirement other = *q;
        struct requirement_authority by = {0};

        if (q->by) {
            by = *q->by;
            by.loaded = m->authorities;
            other.by = &by;
        }
        other.logs = m->logs;
        other.clocks = m->clocks;
        other.clocks_may = m->clocks_may;
        r = prove(&other, k, e, f, ret_time_s, NULL);
        if (r == 0)
            error_done(err);
    }
    return r;
}
