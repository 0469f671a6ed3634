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

static int by_any_log(const struct requirement *q, const struct rekor_entry *entry,
                      struct view signer, struct view data, struct view signature,
                      struct error *err)
{
    ERROR_AUTO(why);

    vec_each (k, &q->logs) {
        error_done(&why);
        if (rekor_verify(entry, k->key, signer, data, signature, &why) == 0)
            return 0;
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
                        const struct policy_facts *f, struct view signer, int64_t *ret_time_s,
                        struct error *err)
{
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
            r = by_any_log(q, &entry, signer, signed_data(e, f), signature, &why);
        if (r < 0)
            continue;
        *ret_time_s = entry.promise.size ? entry.time_s : 0;
        return 0;
    }
    return error_move(err, &why);
}

/* ---- clocks ---- */

static int prove_stamped(const struct requirement *q, const struct evidence *e, int64_t *ret_time_s,
                         struct error *err)
{
    struct view signature;
    const json_t *item;
    size_t i;
    ERROR_AUTO(why);
    int r = only_signature(e, &signature, err);

    if (r < 0)
        return r;
    (void)error_set(&why, -EBADMSG, "it has no time stamp");
    json_array_foreach(e->bundle.stamps, i, item)
    {
        const char *text = json_string_value(json_object_get(item, "signedTimestamp"));
        STR_AUTO(answer);

        error_done(&why);
        r = text && strlen(text) <= 2 * (size_t)TIMESTAMP_SIZE_MAX &&
                    str_add_unbase64(&answer, view_of(text))
                ? timestamp_verify(str_view(&answer), q->clocks->authority, signature, ret_time_s,
                                   &why)
                : error_set(&why, -EINVAL, "its time stamp is not base64");
        if (r == 0)
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
    int r = 0;

    if (q->logs.size > 0)
        r = prove_logged(q, e, f, signer, &ret->logged_s, err);
    return r == 0 && q->clocks ? prove_stamped(q, e, &ret->stamped_s, err) : r;
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

/* A certificate of minutes is held against the moments when the log took the signature and the clock saw it, others
 * against now. */
static int check_certificate(const struct requirement *q, const struct certificate *x,
                             const struct evidence *e, const struct times *t, int64_t now_s,
                             struct trust_key **ret, struct error *err)
{
    const struct requirement_authority *by = q->by;
    const struct certificate_identity who = {.issuer = by->issuer,
                                             .email = by->email,
                                             .hostname = by->hostname,
                                             .name = by->name,
                                             .issuer_like = by->issuer_like,
                                             .name_like = by->name_like};
    const int64_t moments[] = {t->logged_s, t->stamped_s,
                               q->logs.size == 0 && !q->clocks ? now_s : 0};
    int r = -EBADMSG;

    for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
        CLEANUP(trust_key_freep) struct trust_key *k = NULL;

        if (moments[i] == 0)
            continue;
        r = certificate_verify(x, by->authority, view_of(e->chain ? e->chain : ""), &who,
                               moments[i], &k, err);
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
    int r = e->certificate ? certificate_read(authority_crypto(q->by->authority),
                                              view_of(e->certificate), &x, err)
                           : error_set(err, -EBADMSG, "no certificate came with it");

    if (r == 0)
        r = prove_times(q, e, f, certificate_der(x), ret, err);
    if (r == 0)
        r = check_certificate(q, x, e, ret, f->now_s, &k, err);
    return r < 0 ? r : evidence_verify(e, &f->subject, k, err);
}

int requirement_prove(const struct requirement *q, const struct requirement_key *k,
                      const struct evidence *e, const struct policy_facts *f, int64_t *ret_time_s,
                      struct error *err)
{
    struct times t = {0};
    const int r =
        q->by ? prove_by_certificate(q, e, f, &t, err) : prove_by_key(q, k->key, e, f, &t, err);

    *ret_time_s = t.stamped_s ? t.stamped_s : t.logged_s;
    return r;
}
