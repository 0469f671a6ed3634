/* Whom a certificate must be of: the words that verify's options and cooper's policies share. */
#include <errno.h>

#include "trust/policy_internal.h"

static int need_one(const char *exactly, const char *like, const char *name, struct error *err)
{
    if (!exactly == !like)
        return error_set(err, -EINVAL, "it takes either %s or %s-regexp", name, name);
    if (exactly && !*exactly)
        return error_set(err, -EINVAL, "%s is empty", name);
    /* it would fit whatever there is: rather a variable that nobody has set than somebody's wish */
    return like && !*like ? error_set(err, -EINVAL, "%s-regexp is empty", name) : 0;
}

/* Without the issuer anybody's word would do: a@example.com is whoever some issuer vouches for. */
int requirement_set_identity(struct requirement *q, const struct identity_words *w,
                             struct error *err)
{
    int r = need_one(w->name, w->name_like, "certificate-identity", err);

    if (r == 0)
        r = need_one(w->issuer, w->issuer_like, "certificate-oidc-issuer", err);
    if (r < 0)
        return r;
    q->by = xcalloc(1, sizeof(*q->by));
    q->by->name = w->name ? xstrdup(w->name) : NULL;
    q->by->issuer = w->issuer ? xstrdup(w->issuer) : NULL;
    if (w->name_like)
        r = identity_pattern_read(w->name_like, &q->by->name_like, err);
    return r == 0 && w->issuer_like
               ? identity_pattern_read(w->issuer_like, &q->by->issuer_like, err)
               : r;
}
