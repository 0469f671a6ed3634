#include "trust/statement.h"

#include <errno.h>

#include "oci/config.h"

static const char *const types[] = {"https://in-toto.io/Statement/v1",
                                    "https://in-toto.io/Statement/v0.1"};

/* The words of cosign attest --type. */
static const struct {
    const char *word, *uri;
} words[] = {
    {"slsaprovenance", "https://slsa.dev/provenance/v0.2"},
    {"slsaprovenance02", "https://slsa.dev/provenance/v0.2"},
    {"slsaprovenance1", "https://slsa.dev/provenance/v1"},
    {"link", "https://in-toto.io/Link/v1"},
    {"spdx", "https://spdx.dev/Document"},
    {"spdxjson", "https://spdx.dev/Document"},
    {"cyclonedx", "https://cyclonedx.org/bom"},
    {"vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"},
    {"openvex", "https://openvex.dev/ns"},
    {"custom", "https://cosign.sigstore.dev/attestation/v1"},
};

/* Where a predicate says when: the first that is there. */
static const char *const times[][3] = {
    {"runDetails", "metadata", "finishedOn"},
    {"runDetails", "metadata", "startedOn"},
    {"metadata", "buildFinishedOn", NULL},
    {"metadata", "buildStartedOn", NULL},
    {"metadata", "scanFinishedOn", NULL},
    {"metadata", "timestamp", NULL},
    {"creationInfo", "created", NULL},
    {"Timestamp", NULL, NULL},
    {"timestamp", NULL, NULL},
};

static int check_subjects(const json_t *subjects, struct error *err)
{
    const json_t *subject;
    size_t i;

    if (json_array_size(subjects) == 0)
        return error_set(err, -EINVAL, "the statement is about nothing");
    if (json_array_size(subjects) > STATEMENT_SUBJECTS_MAX)
        return error_set(err, -EDQUOT, "the statement is about more than %d things",
                         STATEMENT_SUBJECTS_MAX);
    json_array_foreach(subjects, i, subject)
    {
        const json_t *digests = json_object_get(subject, "digest");

        if (!json_is_object(digests) || json_object_size(digests) == 0)
            return error_set(err, -EINVAL, "subject[%zu] has no digest", i);
    }
    return 0;
}

static int read_fields(struct statement *s, struct error *err)
{
    const char *type = NULL;
    json_t *subjects = NULL;
    int r = doc_need_text(s->doc, "_type", &type, err);

    if (r == 0 && strcmp(type, types[0]) != 0 && strcmp(type, types[1]) != 0)
        r = error_set(err, -EINVAL, "it is of the type '%.80s', which is no statement", type);
    if (r == 0)
        r = doc_need_text(s->doc, "predicateType", &s->predicate_type, err);
    if (r == 0 && !*s->predicate_type)
        r = error_set(err, -EINVAL, "predicateType is empty");
    if (r == 0)
        r = doc_need_array(s->doc, "subject", &subjects, err);
    s->subjects = subjects;
    s->predicate = json_object_get(s->doc, "predicate");
    return r < 0 ? r : check_subjects(subjects, err);
}

int statement_read(struct view payload, size_t limit, struct statement *ret, struct error *err)
{
    struct statement s = {0};
    int r = doc_parse(payload, limit, "statement", &s.doc, err);

    if (r == 0)
        r = read_fields(&s, err);
    if (r < 0) {
        statement_done(&s);
        return r == -ENOENT ? -EINVAL : r;
    }
    *ret = s;
    return 0;
}

void statement_done(struct statement *s)
{
    doc_unref(s->doc);
    *s = (struct statement){0};
}

bool statement_is_about(const struct statement *s, const struct digest *digest)
{
    char hex[DIGEST_HEX_MAX];
    const json_t *subject;
    size_t i;

    digest_hex(digest, hex);
    json_array_foreach(s->subjects, i, subject)
    {
        const json_t *digests = json_object_get(subject, "digest");
        const char *text = json_string_value(json_object_get(digests, "sha256"));

        if (text && strcmp(text, hex) == 0)
            return true;
    }
    return false;
}

bool statement_time(const struct statement *s, int64_t *ret_s)
{
    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        const json_t *at = s->predicate;

        for (size_t k = 0; k < 3 && times[i][k]; k++)
            at = json_object_get(at, times[i][k]);
        if (json_is_string(at))
            return config_time_parse(json_string_value(at), ret_s);
    }
    return false;
}

const char *statement_type_of(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(words[i].word, word) == 0)
            return words[i].uri;
    return strstr(word, "://") ? word : NULL;
}

void statement_print(const char *name, const struct digest *digest, const char *predicate_type,
                     json_t *take_predicate, struct str *ret)
{
    cleanup_doc json_t *doc = json_object();
    json_t *subject = json_object(), *digests = json_object(), *list = json_array();
    char hex[DIGEST_HEX_MAX];

    doc_set_text(digests, "sha256", digest_hex(digest, hex));
    doc_set_text(subject, "name", name);
    doc_set(subject, "digest", digests);
    doc_push(list, subject);
    doc_set_text(doc, "_type", types[0]);
    doc_set(doc, "subject", list);
    doc_set_text(doc, "predicateType", predicate_type);
    doc_set(doc, "predicate", take_predicate ? take_predicate : json_object());
    doc_print(doc, true, ret);
}
