/* Tokens (distribution's token authentication, and OAuth). */
#include <errno.h>

#include "base/moment.h"
#include "registry/internal.h"

#define TOKEN_MAX 32768        /* bytes; those with many scopes have some 4000 */
#define TOKEN_LIFE_S 60        /* where the answer does not say (specification) */
#define TOKEN_LIFE_MAX_S 86400 /* a server's clock may be wrong */

/* Both clocks may be off: never longer than the answer's own word. */
static int64_t left(int64_t life, const char *issued, int64_t unix_s)
{
    int64_t at = 0;

    if (issued && !moment_parse(view_of(issued), &at))
        at = 0; /* it says nothing */
    life = MIN(MAX(life, TOKEN_LIFE_S), TOKEN_LIFE_MAX_S);
    if (at > 0 && at < unix_s && unix_s - at < life)
        return life - (unix_s - at);
    return life;
}

static int check(const char *token, struct error *err)
{
    if (!token || !*token)
        return error_set(err, -EPROTO, "there is no token in it");
    if (strlen(token) > TOKEN_MAX)
        return error_set(err, -EDQUOT, "the token has more than %d bytes", TOKEN_MAX);
    for (const char *c = token; *c; c++)
        if (*c <= ' ' || *c > '~')
            return error_set(err, -EPROTO, "the token has characters that no header holds");
    return 0;
}

int token_parse(struct view body, int64_t unix_s, struct token_answer *ret, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    const char *token = NULL, *access = NULL, *issued = NULL;
    int64_t life = TOKEN_LIFE_S;
    int r = doc_parse(body, REGISTRY_BODY_MAX, "token", &doc, err);

    if (r == 0)
        r = doc_text(doc, "token", &token, err);
    if (r == 0)
        r = doc_text(doc, "access_token", &access, err);
    if (r == 0)
        r = doc_text(doc, "issued_at", &issued, err);
    if (r == 0)
        r = doc_int(doc, "expires_in", &life, err);
    if (!token || !*token)
        token = access;
    if (r == 0)
        r = check(token, err);
    if (r < 0)
        return r;
    *ret = (struct token_answer){xstrdup(token), left(life, issued, unix_s)};
    return 0;
}
