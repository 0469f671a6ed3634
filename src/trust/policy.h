/* trust/policy.h - what must be said of an image, and by whom, before it is used.
 *
 * Two languages, told apart by "version", which ours has:
 *
 *     containers   containers-policy.json(5): "default" and "transports", each a list of requirements:
 *                  insecureAcceptAnything, reject, sigstoreSigned with keys, Fulcio or a PKI, keys of
 *                  transparency logs and a signedIdentity. What else there is (signedBy) is understood as
 *                  far as that it is asked for, and refuses.
 *     cooper       {"version": 1, "default": RULE, "images": {SCOPE: RULE}}
 *                  RULE: "accept", "reject" or a list of
 *                  {"signed-by": [FILE or PEM], "at-least": 1, "statement": TYPE, "max-age": "30d",
 *                  "rekor-public-key": [FILE or PEM], "timestamp-certificate-chain": FILE or PEM}, or with
 *                  "certificate-identity", "certificate-oidc-issuer" (or either with "-regexp" behind it) and
 *                  "certificate-chain": FILE or PEM instead of signed-by; "trusted-root": FILE of sigstore instead of
 *                  certificate-chain, rekor-public-key and timestamp-certificate-chain
 *
 * A scope is a whole reference, a repository, any of what is before a '/' in it, a host, "*.domain";
 * in ours "oci:/path", "oci-archive:/path" and "docker-archive:/path" for files, and "oci:/" for all of
 * them. The longest that fits decides alone; all of its
 * requirements must hold. A key that nobody knows the meaning of is an error: a misspelt
 * requirement must not become none. */
#pragma once

#include "oci/reference.h"
#include "trust/certificate.h"
#include "trust/evidence.h"
#include "trust/root.h"

#define POLICY_SIZE_MAX (4u << 20)
#define POLICY_KEYS_MAX 64 /* of one requirement: each is tried on each signature */

enum requirement_kind {
    REQUIRE_NOTHING,
    REQUIRE_IMPOSSIBLE, /* "reject" */
    REQUIRE_SIGNED,
    REQUIRE_UNKNOWN, /* what we cannot check */
};
/* How the name in a signature relates to the name that was asked for (containers-policy.json(5),
 * signedIdentity). */
enum requirement_name {
    NAME_ANY, /* cooper's language: the digest is what counts */
    NAME_EXACT,
    NAME_REPOSITORY_DIGEST_OR_EXACT,
    NAME_REPOSITORY,
    NAME_GIVEN_REFERENCE,
    NAME_GIVEN_REPOSITORY,
    NAME_REMAPPED,
};

struct requirement_key {
    char *path;            /* or NULL */
    struct str pem;        /* or this */
    struct trust_key *key; /* by policy_load() */
    struct window valid;   /* of a log: when it may have taken something */
};
struct requirement_keys {
    struct requirement_key *at;
    size_t size, cap;
};

/* Certificates that prove who signed, instead of keys. */
struct requirement_authority {
    struct requirement_key roots, between;  /* PEM as above; their key stays NULL */
    char *issuer, *email, *hostname, *name; /* or NULL; see struct certificate_identity */
    regex_t *issuer_like, *name_like;       /* likewise */
    struct trusted_authorities loaded;      /* by policy_load(): one of them must have vouched */
};

/* Another document of the file of a trusted root: its own logs, clocks and authorities, instead of the first one's. */
struct requirement_root {
    struct requirement_keys logs;
    struct trusted_authorities authorities;
    struct requirement_authority *clocks;
    bool clocks_may;
};

struct requirement {
    enum requirement_kind kind;
    char *what; /* UNKNOWN: what is asked for */
    struct requirement_keys keys;
    struct requirement_authority *by; /* or NULL: then the keys */
    /* one of which must have taken it; none: nothing is asked of logs */
    struct requirement_keys logs;
    /* one of which must have stamped it; NULL: nothing is asked of them */
    struct requirement_authority *clocks;
    bool clocks_may; /* or has not: a log says when, then */
    /* a file that says what of by, logs and clocks is not said; its key stays NULL */
    struct requirement_key root;
    bool root_is_loaded;
    VEC(struct requirement_root) more_roots; /* of that file, behind the first */
    enum requirement_name name;
    char *given, *prefix, *signed_prefix; /* of the name's rule */
    int64_t at_least;                     /* so many different keys */
    char *statement;   /* the type of a statement; NULL: a signature of the image */
    int64_t max_age_s; /* 0: any age */
};
struct policy_rule {
    char *transport; /* "docker", "oci"; NULL: of the default */
    char *scope;     /* "": all of the transport */
    VEC(struct requirement) requirements;
};
struct policy {
    VEC(struct policy_rule) rules;
    /* Signatures are those of the image that is used, not of an index that led to it; of an index that is used as a whole those
     * of all its images, and not its own: so podman and skopeo have it (containers/image, copy). */
    bool of_instance;
};

MUST_CHECK int policy_parse(struct view text, struct policy **ret, struct error *err);
void policy_free(struct policy *p);
DEFINE_CLEANUP(struct policy *, policy_free)

/* An image that is to be used. */
struct policy_image {
    const char *transport;             /* "docker", or "oci", "oci-archive", "docker-archive": */
    const char *path;                  /* its absolute path; "": a pipe */
    const char *tag;                   /* oci: or NULL */
    const struct reference *reference; /* docker: what was asked for; a digest decides over a tag */
};
/* The rule that decides; never NULL: the default is one. */
struct policy_rule *policy_find(struct policy *p, const struct policy_image *image);
/* True where the policy has a rule for this very name or what is above it, and does not only fall back
 * on what holds for all of a transport, or for all. */
bool policy_rule_is_own(const struct policy_rule *r);
/* True where the rule can be decided without looking at signatures. */
bool policy_rule_is_plain(const struct policy_rule *r);

/* Reads the keys of a rule. read: the bytes of a file that the policy names. */
typedef int policy_read(void *ctx, const char *path, struct str *ret, struct error *err);
MUST_CHECK int policy_load(struct policy_rule *r, const struct crypto *c, policy_read *read,
                           void *ctx, struct error *err);

/* The same of one requirement, and what frees all that it has. */
MUST_CHECK int requirement_load(struct requirement *q, const struct crypto *c, policy_read *read,
                                void *ctx, struct error *err);
void requirement_done(struct requirement *q);
MUST_CHECK int requirement_add_key(struct requirement_keys *l, const char *path, struct view pem,
                                   struct error *err);

/* Whom a certificate must be of, as verify's options and the policy's keys of these names say it; NULL: not given. */
struct identity_words {
    const char *name, *name_like;     /* certificate-identity, certificate-identity-regexp */
    const char *issuer, *issuer_like; /* certificate-oidc-issuer, certificate-oidc-issuer-regexp */
};
/* Gives q an authority without certificates yet. -EINVAL: not one of each pair is there, or a pattern is wrong. */
MUST_CHECK int requirement_set_identity(struct requirement *q, const struct identity_words *w,
                                        struct error *err);

/* What is known of the image. */
struct policy_facts {
    const struct policy_image *image;
    struct evidence_subject subject;
    const struct evidence *evidence;
    size_t evidence_count;
    int64_t now_s;
};
/* -EPERM, with the reason: the image must not be used. The rule's keys are loaded. */
MUST_CHECK int policy_decide(const struct policy_rule *r, const struct policy_facts *facts,
                             struct error *err);
/* -EBADMSG: e does not prove what q asks for: who said it, to which log, at what time. k: which of its keys is meant;
 * NULL: its authority. Neither the kind nor the age of e is looked at. *ret_time_s: when it was there by the word of a clock, else
 * of a log; 0: nobody says. */
MUST_CHECK int requirement_prove(const struct requirement *q, const struct requirement_key *k,
                                 const struct evidence *e, const struct policy_facts *f,
                                 int64_t *ret_time_s, struct error *err);
