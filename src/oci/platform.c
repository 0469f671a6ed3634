#include "oci/platform.h"

#include <errno.h>
#include <sys/utsname.h>

static const char part_bytes[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

/* Names that people and kernels use, and what they are here (containerd/platforms, database.go). */
static const struct {
    const char *name, *architecture, *variant;
} aliases[] = {
    {"x86_64", "amd64", ""},    {"x86-64", "amd64", ""}, {"i386", "386", ""},
    {"i486", "386", ""},        {"i586", "386", ""},     {"i686", "386", ""},
    {"aarch64", "arm64", ""},   {"armhf", "arm", "v7"},  {"armel", "arm", "v6"},
    {"armv7l", "arm", "v7"},    {"armv6l", "arm", "v6"}, {"armv8l", "arm", "v8"},
    {"ppc64el", "ppc64le", ""},
};

static const char *const architectures[] = {
    "386",    "amd64",    "arm",   "arm64",   "loong64", "mips",  "mipsle",
    "mips64", "mips64le", "ppc64", "ppc64le", "riscv64", "s390x", "wasm",
};
static const char *const systems[] = {"linux",   "windows", "darwin", "freebsd", "netbsd",
                                      "openbsd", "solaris", "plan9",  "wasip1"};

static bool known(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

static int put(const char *text, char *to, size_t size, const char *what, struct error *err)
{
    const size_t n = strlen(text);

    if (n >= size || strspn(text, part_bytes) != n)
        return error_set(err, -EINVAL, "%s '%.40s' of a platform is not a word", what, text);
    for (size_t i = 0; i <= n; i++)
        to[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] | 0x20) : text[i];
    return 0;
}

static void normalise(struct platform *p)
{
    char *v = p->variant;

    if (strcmp(p->os, "macos") == 0)
        strcpy(p->os, "darwin");
    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
        if (strcmp(p->architecture, aliases[i].name) != 0)
            continue;
        strcpy(p->architecture, aliases[i].architecture);
        if (*aliases[i].variant)
            strcpy(v, aliases[i].variant);
        break;
    }
    if (strcmp(p->architecture, "arm64") == 0 && (strcmp(v, "v8") == 0 || strcmp(v, "8") == 0))
        *v = '\0';
    else if (strcmp(p->architecture, "amd64") == 0 && strcmp(v, "v1") == 0)
        *v = '\0';
    else if (strcmp(p->architecture, "arm") == 0 && *v == '\0')
        strcpy(v, "v7");
    else if (strcmp(p->architecture, "arm") == 0 && v[0] >= '5' && v[0] <= '8' && v[1] == '\0')
        memcpy(v, (const char[3]){'v', v[0], '\0'}, 3);
}

int platform_make(const char *os, const char *architecture, const char *variant,
                  struct platform *ret, struct error *err)
{
    struct platform p = {0};
    int r = put(os ? os : "", p.os, sizeof(p.os), "os", err);

    if (r == 0)
        r = put(architecture ? architecture : "", p.architecture, sizeof(p.architecture),
                "architecture", err);
    if (r == 0)
        r = put(variant ? variant : "", p.variant, sizeof(p.variant), "variant", err);
    if (r < 0)
        return r;
    normalise(&p);
    *ret = p;
    return 0;
}

struct platform platform_host(void)
{
    struct utsname u;
    struct platform p = {.os = "linux"};

    if (uname(&u) == 0 && strlen(u.machine) < sizeof(p.architecture))
        strcpy(p.architecture, u.machine);
    normalise(&p);
    return p;
}

/* One word: an operating system or an architecture, the other is the host's. */
static int parse_word(const char *text, struct platform *ret, struct error *err)
{
    struct platform host = platform_host(), p;
    const int r = platform_make("linux", text, NULL, &p, err);

    if (r < 0)
        return r;
    if (known(p.architecture, architectures, ARRAY_SIZE(architectures))) {
        *ret = p;
        return 0;
    }
    if (!known(p.architecture, systems, ARRAY_SIZE(systems)))
        return error_hint(err,
                          error_set(err, -EINVAL,
                                    "'%.40s' is neither an operating system nor an architecture",
                                    text),
                          "write os/architecture, such as linux/amd64");
    strcpy(host.os, p.architecture);
    *ret = host;
    return 0;
}

int platform_parse(const char *text, struct platform *ret, struct error *err)
{
    struct view rest = view_of(text), part;
    size_t count = 0;
    int r;

    if (!strchr(text, '/') && *text)
        return parse_word(text, ret, err);
    cleanup_free char *os = NULL, *architecture = NULL, *variant = NULL;
    char **const to[] = {&os, &architecture, &variant};
    while (view_cut(&rest, '/', &part)) {
        if (count == ARRAY_SIZE(to) || part.size == 0)
            return error_hint(err, error_set(err, -EINVAL, "platform '%.80s' is malformed", text),
                              "write os/architecture[/variant], such as linux/arm/v7");
        *to[count++] = view_dup(part);
    }
    if (count < 2)
        return error_set(err, -EINVAL, "platform is empty");
    if (count == 2 && known(os, architectures, ARRAY_SIZE(architectures)))
        return error_hint(err,
                          error_set(err, -EINVAL, "platform '%.80s' has no operating system", text),
                          "write linux/%.80s", text);
    r = platform_make(os, architecture, variant, ret, err);
    return r < 0 ? error_wrap(err, r, "platform '%.80s'", text) : 0;
}

char *platform_format(const struct platform *p, char buf[static PLATFORM_TEXT_MAX])
{
    char *end = stpcpy(stpcpy(stpcpy(buf, p->os), "/"), p->architecture);

    if (*p->variant)
        stpcpy(stpcpy(end, "/"), p->variant);
    return buf;
}

bool platform_eq(const struct platform *a, const struct platform *b)
{
    return strcmp(a->os, b->os) == 0 && strcmp(a->architecture, b->architecture) == 0 &&
           strcmp(a->variant, b->variant) == 0;
}

/* "v7" is 7, "" is lowest; -1 when it is no such number. */
static int version_of(const char *variant, int lowest)
{
    if (*variant == '\0')
        return lowest;
    return variant[0] == 'v' && variant[1] >= '0' && variant[1] <= '9' && variant[2] == '\0'
               ? variant[1] - '0'
               : -1;
}

int platform_rank(const struct platform *want, const struct platform *have)
{
    if (platform_eq(want, have))
        return 0;
    if (strcmp(want->os, have->os) != 0)
        return -1;
    if (strcmp(want->architecture, have->architecture) == 0) {
        const int lowest = strcmp(want->architecture, "amd64") == 0 ? 1 : 8;
        const int w = version_of(want->variant, lowest), h = version_of(have->variant, lowest);

        return w >= 0 && h >= 0 && h <= w ? w - h : -1;
    }
    return -1;
}
