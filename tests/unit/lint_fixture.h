/* tests/unit/lint_fixture.h - a linter out of a test's words. */
#pragma once

#include <jansson.h>

#include "lint/context.h"
#include "lint/rule.h"
#include "oci/config.h"
#include "unit.h"

struct lint_fixture {
    struct lint_options options;
    struct strings trusted;
    struct map labels;
    struct ignore *ignore;
    struct lint_bases *bases;
    struct lint_context *sent;
    struct linter *linter;
};

static inline __attribute__((unused)) void fixture_labels(struct lint_fixture *f, json_t *schema)
{
    static const char *const types[] = {"text", "rfc3339", "semver", "hash",
                                        "url",  "spdx",    "email"};
    const char *name;
    json_t *type;

    json_object_foreach(schema, name, type)
    {
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
            if (strcmp(json_string_value(type), types[i]) == 0)
                map_set(&f->labels, view_of(name), (void *)(uintptr_t)(LABEL_TEXT + i));
    }
    f->options.labels = &f->labels;
}

/* The store: images whose name begins with "s390x/" are of that platform, no other is known. */
static inline __attribute__((unused)) const struct image_config *fixture_stored(void *ctx,
                                                                                struct view image)
{
    static const struct image_config foreign = {
        .platform = {.os = "linux", .architecture = "s390x"}};

    (void)ctx;
    return view_starts(image, "s390x/") ? &foreign : NULL;
}

static inline __attribute__((unused)) bool fixture_fetched(void *ctx, struct view image,
                                                           struct digest *ret)
{
    (void)ctx;
    digest_of(VIEW(""), ret);
    return view_starts(image, "debian:");
}

/* config: {"trustedRegistries": [...], "label-schema": {...}, "strict-labels": true}, or NULL. */
static inline __attribute__((unused)) void fixture_config(struct lint_fixture *f, json_t *config)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(config, "trustedRegistries"), i, item)
        strings_add(&f->trusted, json_string_value(item));
    f->options.trusted = &f->trusted;
    if (json_object_get(config, "label-schema"))
        fixture_labels(f, json_object_get(config, "label-schema"));
    f->options.strict_labels = json_is_true(json_object_get(config, "strict-labels"));
}

static inline __attribute__((unused)) void fixture_ignore(struct lint_fixture *f, const char *text)
{
    if (!text)
        return;
    assert_int_equal(ignore_parse(view_of(text), ".dockerignore", &f->ignore, NULL), 0);
    f->options.ignore = f->ignore;
    f->options.context = true;
}

/* names as a row has them; behind fixture_ignore(). */
static inline __attribute__((unused)) void fixture_sent(struct lint_fixture *f, const char *names)
{
    struct view rest = view_of(names), name;

    if (!names)
        return;
    f->sent = lint_context_new(strcmp(names, "/\n") == 0 ? "/" : "/srv", "/root",
                               f->ignore ? ".dockerignore" : NULL, ignore_count(f->ignore));
    while (rest.at && view_cut(&rest, '\n', &name)) {
        struct view text = name;
        (void)view_cut(&text, '\t', &name);
        const bool directory = view_ends(name, "/");
        if (text.at && lint_context_wants(f->sent, name))
            lint_context_text(f->sent, name, text);
        if (name.size > (size_t)directory)
            (void)lint_context_add(f->sent, view_make(name.at, name.size - directory), directory,
                                   0);
    }
    f->options.sent = f->sent;
}

/* Another file has been linted before. */
static inline __attribute__((unused)) void fixture_beside(struct lint_fixture *f, const char *text)
{
    CLEANUP(lint_report_done) struct lint_report report = {0};

    if (!text)
        return;
    f->options.bases = f->bases = lint_bases_new();
    f->options.path = "beside/Dockerfile";
    struct linter *l = linter_new(&f->options);
    lint_text(l, view_of(text), "beside/Dockerfile", &report);
    linter_free(l);
    f->options.path = "Dockerfile";
}

static inline __attribute__((unused)) void fixture_done(struct lint_fixture *f)
{
    lint_bases_free(f->bases);
    lint_context_free(f->sent);
    linter_free(f->linter);
    strings_done(&f->trusted);
    map_done(&f->labels);
    ignore_free(f->ignore);
    *f = (struct lint_fixture){0};
}
