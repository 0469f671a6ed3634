/* What proves that a signature is what a requirement asks for: a key, or a certificate, and what a log promised. */
#include <errno.h>

#include "trust/certificate.h"
#include "trust/policy_internal.h"
#include "trust/rekor.h"

/* One of the logs took this very signature of this signer; *ret_time_s: when. */
static int prove_logged(const struct requirement *q, const struct evidence *e, struct view signer,
                        int64_t *ret_time_s, struct error *err)
{
    REKOR_AUTO(entry);
    ERROR_AUTO(why);
    int r = e->log ? rekor_read(view_of(e->log), &entry, err)
                   : error_set(err, -EBADMSG, "no log has promised it");

    if (r < 0)
        return r;
    vec_each (k, &q->logs) {
        error_done(&why);
        r = rekor_verify(&entry, k->key, signer, str_view(&e->bytes), str_view(&e->signature),
                         &why);
        if (r == 0) {
            *ret_time_s = entry.time_s;
            return 0;
        }
    }
    return error_move(err, &why);
}

static int prove_by_key(const struct requirement *q, const struct trust_key *k,
                        const struct evidence *e, const struct policy_facts *f, struct error *err)
{
    int64_t ignored;
    STR_AUTO(spki);
    const int r = evidence_verify(e, &f->subject, k, err);

    if (r < 0 || q->logs.size == 0)
        return r;
    trust_key_print_der(k, &spki);
    return prove_logged(q, e, str_view(&spki), &ignored, err);
}

/* A certificate of minutes is held against the moment when the log took the signature, others against now. */
static int prove_by_certificate(const struct requirement *q, const struct evidence *e,
                                const struct policy_facts *f, struct error *err)
{
    const struct requirement_authority *by = q->by;
    const struct certificate_identity who = {by->issuer, by->email, by->hostname};
    CLEANUP(certificate_freep) struct certificate *x = NULL;
    CLEANUP(trust_key_freep) struct trust_key *k = NULL;
    int64_t time_s = f->now_s;
    int r = e->certificate ? certificate_read(authority_crypto(by->authority),
                                              view_of(e->certificate), &x, err)
                           : error_set(err, -EBADMSG, "no certificate came with it");

    if (r == 0 && q->logs.size > 0)
        r = prove_logged(q, e, certificate_der(x), &time_s, err);
    if (r == 0)
        r = certificate_verify(x, by->authority, view_of(e->chain ? e->chain : ""), &who, time_s,
                               &k, err);
    return r < 0 ? r : evidence_verify(e, &f->subject, k, err);
}

int requirement_prove(const struct requirement *q, const struct requirement_key *k,
                      const struct evidence *e, const struct policy_facts *f, struct error *err)
{
    return q->by ? prove_by_certificate(q, e, f, err) : prove_by_key(q, k->key, e, f, err);
}
