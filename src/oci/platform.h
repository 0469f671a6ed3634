/* oci/platform.h - "linux/amd64", "linux/arm/v7": parsed, normalised and compared as containerd
 * does. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#define PLATFORM_PART_MAX 32 /* bytes, the NUL included: "windows", "mips64le", "v8.1" */
#define PLATFORM_VERSION_MAX 64
#define PLATFORM_TEXT_MAX (3 * PLATFORM_PART_MAX)

struct platform { /* a plain value; "" where a part is absent */
    char os[PLATFORM_PART_MAX];
    char architecture[PLATFORM_PART_MAX];
    char variant[PLATFORM_PART_MAX];
    char os_version[PLATFORM_VERSION_MAX];
};

/* "os/arch[/variant]", or one of them alone (the rest is the host's), normalised: x86_64 is amd64,
 * arm64/v8 is arm64, arm is arm/v7. -EINVAL otherwise. */
MUST_CHECK int platform_parse(const char *text, struct platform *ret, struct error *err);
/* From fields of a document, normalised; NULL is absent. Too long or with odd characters:
 * -EINVAL. */
MUST_CHECK int platform_make(const char *os, const char *architecture, const char *variant,
                             struct platform *ret, struct error *err);
struct platform platform_host(void);
/* Returns buf, which then holds "os/arch[/variant]". */
char *platform_format(const struct platform *p, char buf[static PLATFORM_TEXT_MAX]);
/* The same system: os, architecture and variant are equal. */
bool platform_eq(const struct platform *a, const struct platform *b);
/* How well have serves want: 0 exactly, more is worse, -1 not at all. An arm/v7 machine takes v6
 * and v5 too, amd64/v3 takes v2 and plain amd64. */
int platform_rank(const struct platform *want, const struct platform *have);
