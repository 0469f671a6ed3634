/* distro/packages.h - Packages indexes of Debian archives: what there is, in which version, from
 * where.
 *
 * The texts of the indexes are borrowed for the life of the set; packages hold views into them. */
#pragma once

#include "base/str.h"
#include "distro/version.h"
#include "oci/digest.h"

#define PACKAGES_TEXT_MAX (512u << 20) /* plain; main of Debian trixie is 55 MiB */
#define PACKAGES_COUNT_MAX 1000000     /* of all indexes; Debian has 70,000 an architecture */
#define PACKAGE_SIZE_MAX (4ull << 30)  /* of a .deb; the largest in Debian is 1.5 GB */
#define RELATION_TERMS_MAX 4096        /* in one field: the longest in Debian has some 700 */

enum package_priority {
    PRIORITY_REQUIRED,
    PRIORITY_IMPORTANT,
    PRIORITY_STANDARD,
    PRIORITY_OPTIONAL,
    PRIORITY_EXTRA,
};

struct package {
    struct view name, version, architecture, filename, multi_arch;
    struct view depends, pre_depends, provides, conflicts, breaks, section;
    struct view paragraph; /* all of it, without the empty line */
    uint64_t size;
    struct digest sha256;
    enum package_priority priority;
    bool essential;
    uint32_t suite; /* as packages_add() was told */
    int pin;        /* apt's pin priority of the suite: 500, 100 or 1 */
};

/* One alternative: "name:qualifier (>= version)". */
struct term {
    struct view name, qualifier, version;
    enum version_relation relation;
};
/* Cuts the next group of alternatives ("a | b (>= 2)") off a relation field; false at the end. */
bool relation_next(struct view *rest, struct view *ret_group);
/* Cuts the next alternative off a group: 1, 0 at the end, -EINVAL for what is none. Build profiles
 * and architecture lists ("[amd64]") do not occur in binary packages and are refused. */
MUST_CHECK int relation_term(struct view *group, struct term *ret, struct error *err);

struct packages;
struct packages *packages_new(const char *architecture);
void packages_free(struct packages *s);
DEFINE_CLEANUP(struct packages *, packages_free)

/* Adds an index. Packages of other architectures are passed over; of those with one name the one
 * with the highest pin, then the highest version, then the one seen first is kept. -EINVAL, -EDQUOT
 * name the package. */
MUST_CHECK int packages_add(struct packages *s, struct view text, uint32_t suite, int pin,
                            struct error *err);
size_t packages_count(const struct packages *s);
const char *packages_architecture(const struct packages *s);
const struct package *packages_at(const struct packages *s, size_t i);
/* NULL when there is none of that name. */
const struct package *packages_find(const struct packages *s, struct view name);
/* The number of packages_at() that p is. */
size_t packages_number(const struct packages *s, const struct package *p);
/* Packages whose Provides has name, by priority and then by name: count, *ret borrowed. The first
 * call makes the table. */
size_t packages_providers(struct packages *s, struct view name, const uint32_t **ret);

/* A field of the paragraph; at == NULL when absent. */
struct view package_field(const struct package *p, const char *name);
