/* build/tags.h - names of images that git completes: app:{semver}, app:{git}.
 *
 *     {git}      the commit as git shortens it, "4f2a91c"; "4f2a91c-dirty" with changes to files that
 *                git knows
 *     {semver}   of the tags vX.Y.Z and X.Y.Z that led to the commit the highest version. On it, that
 *                version: "1.2.3". N commits later, what comes before the next one: "1.2.4-N.g4f2a91c",
 *                or behind a pre-release "1.2.3-rc.1.N.g4f2a91c"; ".dirty" at its end as above. A '+'
 *                becomes '_', since tags of images have none. */
#pragma once

#include "base/str.h"
#include "base/vec.h"

/* What git says; texts are borrowed. */
struct tag_facts {
    const char *commit;  /* shortened */
    const char *version; /* of the nearest tag, without 'v'; NULL: there is none */
    uint64_t commits;    /* since then */
    bool dirty;
};
/* Appends text with its placeholders filled. -EINVAL: an unknown one; -ENOENT: a version is wanted and
 * there is none. */
MUST_CHECK int tag_fill(const char *text, const struct tag_facts *facts, struct str *ret,
                        struct error *err);
/* The highest version of a list of tags, one a line: its tag, size 0 when there is none. */
struct view tag_highest(struct view list);
/* A version, or a commit: a name that nobody will want to mean something else tomorrow. */
bool tag_is_fixed(struct view tag);

/* Copies the names, asking git about the context where a placeholder wants it. */
MUST_CHECK int tags_expand(const struct strings *given, const char *context, struct strings *ret,
                           struct error *err);
