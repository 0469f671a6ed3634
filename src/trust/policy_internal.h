/* trust/policy_internal.h - private to policies. */
#pragma once

#include "trust/policy.h"

/* Adds the rules of a document to p. */
MUST_CHECK int policy_read_containers(const json_t *doc, struct policy *p, struct error *err);
MUST_CHECK int policy_read_cooper(const json_t *doc, struct policy *p, struct error *err);
/* A new rule, borrowed until the next one is added. */
struct policy_rule *policy_add_rule(struct policy *p, const char *transport, const char *scope);
struct requirement *policy_add_requirement(struct policy_rule *r, enum requirement_kind kind);
void requirement_keys_done(struct requirement_keys *l);
/* policy_sigstore.c: sigstoreSigned of containers-policy.json(5). */
MUST_CHECK int policy_read_sigstore(const json_t *doc, struct requirement *q, struct error *err);
/* -EINVAL naming the first key of doc that is none of the words (a NULL-terminated list). */
MUST_CHECK int policy_know_keys(const json_t *doc, const char *const *words, struct error *err);
/* Whether the name in a signature is what the requirement asks for. */
bool requirement_name_fits(const struct requirement *q, const struct reference *asked,
                           const char *signed_name);
