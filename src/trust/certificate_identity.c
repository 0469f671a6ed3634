/* Whom a certificate is of: its alternative names, and the issuer of the token that Fulcio was shown. */
#include <ctype.h>
#include <errno.h>

#include "trust/certificate_internal.h"

static int bad(struct error *err, const char *what)
{
    return error_set(err, -EBADMSG, "%s", what);
}

/* ---- patterns ---- */

/* What follows a backslash, '(' or a number of times where Go and POSIX do not mean the same, or a class of [ ]. */
static const char *odd_part(const char *p)
{
    static const char times[] = "*+?{";

    if (*p == '\\' && (isalnum((unsigned char)p[1]) || !p[1]))
        return "a backslash before a letter, a digit or the end";
    if (*p == '\\' && strchr("<>`'", p[1])) /* edges of words and of the text, to glibc */
        return "a backslash before one of <>`'";
    if (*p == '(' && p[1] == '?')
        return "'(?'";
    if (*p == '{' && p[1] == ',')
        return "'{,'";
    if ((*p == '*' || *p == '+' || *p == '?' || *p == '}') && p[1] && strchr(times, p[1]))
        return "a number of times behind another";
    return NULL;
}

/* The last byte of the class that begins at p; NULL: in it is what Go and POSIX do not read alike, or it has no end. */
static const char *end_of_class(const char *p)
{
    p += p[1] == '^' ? 2 : 1;
    p += *p == ']';
    while (*p && !strchr("]\\[", *p))
        p++;
    return *p == ']' ? p : NULL;
}

static int check_pattern(const char *text, struct error *err)
{
    if (strlen(text) > IDENTITY_MAX)
        return error_set(err, -EDQUOT, "a pattern of more than %d bytes", IDENTITY_MAX);
    for (const char *p = text; *p; p++) {
        const char *odd = odd_part(p), *end = *p == '[' ? end_of_class(p) : p;

        if (!end)
            odd = "a backslash or '[' in a class, or one without an end";
        if (odd)
            return error_set(err, -EINVAL,
                             "pattern '%.200s' has %s, which not all readers take for the same",
                             text, odd);
        p = *end == '\\' ? end + 1 : end;
    }
    return 0;
}

int identity_pattern_read(const char *text, regex_t **ret, struct error *err)
{
    char why[128];
    int r = check_pattern(text, err);

    if (r < 0)
        return r;
    regex_t *p = xcalloc(1, sizeof(*p));
    r = regcomp(p, text, REG_EXTENDED | REG_NOSUB);
    if (r != 0) {
        regerror(r, p, why, sizeof(why));
        free(p);
        return error_set(err, -EINVAL, "pattern '%.200s': %s", text, why);
    }
    *ret = p;
    return 0;
}

void identity_pattern_free(regex_t *p)
{
    if (p)
        regfree(p);
    free(p);
}

static bool is_plain(struct view text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.at[i] < ' ')
            return false;
    return text.size <= IDENTITY_MAX;
}

static bool is_asked_for(struct view text, const char *exactly, const regex_t *like)
{
    if (exactly && !view_eq_text(text, exactly))
        return false;
    if (!like)
        return exactly != NULL;
    cleanup_free char *whole = is_plain(text) ? view_dup(text) : NULL;
    return whole && regexec(like, whole, 0, NULL, 0) == 0;
}

/* ---- the issuer of the identity ---- */

static bool is_extension(const struct crypto *c, X509_EXTENSION *e, const char *oid)
{
    char text[64];

    return c->OBJ_obj2txt(text, sizeof(text), c->X509_EXTENSION_get_object(e), 1) > 0 &&
           strcmp(text, oid) == 0;
}

/* The value of an extension. False: it is there twice. */
static bool find_extension(const struct certificate *x, const char *oid, struct view *ret)
{
    const struct crypto *c = x->c;

    *ret = (struct view){0};
    for (int i = 0; i < c->X509_get_ext_count(x->x509); i++) {
        X509_EXTENSION *e = c->X509_get_ext(x->x509, i);

        if (!is_extension(c, e, oid))
            continue;
        const ASN1_OCTET_STRING *value = c->X509_EXTENSION_get_data(e);
        if (ret->at)
            return false;
        *ret = view_make(c->ASN1_STRING_get0_data(value), (size_t)c->ASN1_STRING_length(value));
    }
    return true;
}

/* The text of a UTF8String in DER, of up to 64 KiB; all of der is it. */
static bool utf8_string(struct view der, struct view *ret)
{
    const unsigned char *p = (const unsigned char *)der.at;
    size_t head = 2, size = der.size >= 2 ? p[1] : 0;

    if (der.size < 2 || p[0] != V_ASN1_UTF8STRING)
        return false;
    if (size == 0x81 && der.size >= 3) {
        head = 3;
        size = p[2];
    } else if (size == 0x82 && der.size >= 4) {
        head = 4;
        size = (size_t)p[2] << 8 | p[3];
    } else if (size > 127) {
        return false;
    }
    const size_t least = head == 2 ? 0 : head == 3 ? 128 : 256; /* DER: no longer than needed */
    *ret = view_make(der.at + head, size);
    return size >= least && der.size == head + size;
}

/* Fulcio writes it twice: as it is, and since 2022 as ASN.1. */
static int check_issuer(const struct certificate *x, const struct certificate_identity *who,
                        struct error *err)
{
    struct view plain, encoded, text = {0};

    if (!find_extension(x, "1.3.6.1.4.1.57264.1.1", &plain) ||
        !find_extension(x, "1.3.6.1.4.1.57264.1.8", &encoded))
        return bad(err, "its certificate names an issuer twice");
    if (!plain.at && !encoded.at)
        return bad(err, "its certificate names no issuer of an identity");
    if ((plain.at && !is_asked_for(plain, who->issuer, who->issuer_like)) ||
        (encoded.at &&
         (!utf8_string(encoded, &text) || !is_asked_for(text, who->issuer, who->issuer_like))))
        return bad(err, "the identity in its certificate is of another issuer");
    return 0;
}

/* ---- its names ---- */

/* The text of a name of the kinds that are wanted; false: it is another. */
static bool text_of_name(const struct crypto *c, const GENERAL_NAME *n, struct view *ret)
{
    const ASN1_STRING *text = NULL;
    char oid[64];

    if (n->type == GEN_EMAIL || n->type == GEN_URI || n->type == GEN_DNS)
        text = n->d.ia5;
    else if (n->type == GEN_OTHERNAME && n->d.otherName->value->type == V_ASN1_UTF8STRING &&
             c->OBJ_obj2txt(oid, sizeof(oid), n->d.otherName->type_id, 1) > 0 &&
             strcmp(oid, "1.3.6.1.4.1.57264.1.7") == 0)
        text = n->d.otherName->value->value.utf8string;
    if (!text)
        return false;
    *ret = view_make(c->ASN1_STRING_get0_data(text), (size_t)c->ASN1_STRING_length(text));
    return true;
}

/* Byte for byte, as Go's verifiers compare: libcrypto's own look at an e-mail address takes the case of its domain for
 * nothing, and knows no URIs. */
static bool has_name(const struct certificate *x, bool email_alone, const char *name,
                     const regex_t *like)
{
    const struct crypto *c = x->c;
    GENERAL_NAMES *names = c->X509_get_ext_d2i(x->x509, NID_subject_alt_name, NULL, NULL);
    const OPENSSL_STACK *list = (const OPENSSL_STACK *)names;
    bool found = false;

    for (int i = 0; list && !found && i < c->OPENSSL_sk_num(list); i++) {
        const GENERAL_NAME *n = c->OPENSSL_sk_value(list, i);
        struct view text;

        found = (!email_alone || n->type == GEN_EMAIL) && text_of_name(c, n, &text) &&
                is_asked_for(text, name, like);
    }
    c->GENERAL_NAMES_free(names);
    return found;
}

int certificate_check_identity(const struct certificate *x, const struct certificate_identity *who,
                               struct error *err)
{
    const unsigned flags =
        X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;

    if (who->email && !has_name(x, true, who->email, NULL))
        return bad(err, "its certificate is not of the e-mail address that is asked for");
    if (who->hostname &&
        x->c->X509_check_host(x->x509, who->hostname, strlen(who->hostname), flags, NULL) != 1)
        return bad(err, "its certificate is not of the host that is asked for");
    if ((who->name || who->name_like) && !has_name(x, false, who->name, who->name_like))
        return bad(err, "its certificate is not of the identity that is asked for");
    return who->issuer || who->issuer_like ? check_issuer(x, who, err) : 0;
}
