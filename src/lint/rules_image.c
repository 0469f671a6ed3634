/* rules_image.c - an image as a whole: who runs what, how old it is, what its accounts are. */
#include <ctype.h>
#include <inttypes.h>

#include "lint/image.h"

/* ---- tag, user ---- */

void lint_image_latest(struct lint *l, const struct image_facts *f)
{
    if (f->latest)
        lint_add_place(l, f->name, LINT_NOWHERE, "the tag latest says nothing of what is in it");
}

void lint_image_root(struct lint *l, const struct image_facts *f)
{
    if (f->user.root)
        lint_add_place(l, "config: User", LINT_NOWHERE, "the container runs as root%s",
                       f->user.text[0] ? "" : ", since there is no USER");
}

#define SYSTEM_UID_MAX 499

void lint_image_system_uid(struct lint *l, const struct image_facts *f)
{
    const struct image_user *u = &f->user;

    if (u->known && !u->root && u->uid <= SYSTEM_UID_MAX)
        lint_add_place(l, "config: User", LINT_NOWHERE,
                       "uid %u may be an account of the machine that the container runs on",
                       u->uid);
}

static void check_user(struct lint *l, const struct image_facts *f)
{
    const struct image_user *u = &f->user;

    if (!u->root && !u->listed && u->text[0] && (u->named || u->has_passwd))
        lint_add_place(l, "config: User", LINT_NOWHERE, "'%.40s' is not in /etc/passwd%s", u->text,
                       u->named ? ": the container does not start" : "");
}

static void check_closed(struct lint *l, const struct image_facts *f)
{
    for (size_t i = 0; i < f->closed.size; i++)
        lint_add_place(l, "config: User", LINT_NOWHERE, "the user cannot %s %s",
                       strncmp(f->closed.at[i], "WORKDIR", 7) == 0 ? "enter" : "write to",
                       f->closed.at[i]);
}

/* ---- what starts ---- */

static void check_static(struct lint *l, const struct image_facts *f)
{
    if (f->program == IMAGE_PROGRAM_STATIC && f->lists[IMAGE_MANAGER].count > 0)
        lint_add_place(l, f->program_path, LINT_NOWHERE,
                       "the program needs no library, and the rest of the image (%s) is a "
                       "distribution",
                       lint_image_size(l, f->bytes));
}

static void check_missing(struct lint *l, const struct image_facts *f)
{
    if (f->program == IMAGE_PROGRAM_MISSING)
        lint_add_place(l, f->config->entrypoint.size ? "config: Entrypoint" : "config: Cmd",
                       LINT_NOWHERE, "'%.200s' is not in the image", f->program_path);
}

/* ---- accounts ---- */

static void check_no_password(struct lint *l, const struct image_facts *f)
{
    for (size_t i = 0; i < f->open_passwd.size; i++)
        lint_add_place(l, "/etc/passwd", LINT_NOWHERE, "'%s' needs no password",
                       f->open_passwd.at[i]);
    for (size_t i = 0; i < f->open_shadow.size; i++)
        lint_add_place(l, "/etc/shadow", LINT_NOWHERE, "'%s' needs no password",
                       f->open_shadow.at[i]);
}

static void check_twice(struct lint *l, const struct image_facts *f)
{
    for (size_t i = 0; i < f->twice.size; i++)
        lint_add_place(l, strncmp(f->twice.at[i], "user", 4) == 0 ? "/etc/passwd" : "/etc/group",
                       LINT_NOWHERE, "twice: %s", f->twice.at[i]);
}

static void check_roots(struct lint *l, const struct image_facts *f)
{
    for (size_t i = 0; i < f->roots.size; i++)
        lint_add_place(l, "/etc/passwd", LINT_NOWHERE, "'%s' is root by another name",
                       f->roots.at[i]);
}

/* ---- age ---- */

/* The day after which nobody mends the distribution or runtime for free (of Debian: the end of LTS), as https://endoflife.date and
 * the distributions' own pages have it. Versions in order; what is older than the first is past its end too. */
static const struct lifetime {
    const char *os, *version;
    unsigned end; /* yyyymmdd */
} lifetimes[] = {
    {"almalinux", "8", 20290301},
    {"almalinux", "9", 20320531},
    {"alpine", "3.12", 20220501},
    {"alpine", "3.13", 20221101},
    {"alpine", "3.14", 20230501},
    {"alpine", "3.15", 20231101},
    {"alpine", "3.16", 20240523},
    {"alpine", "3.17", 20241122},
    {"alpine", "3.18", 20250509},
    {"alpine", "3.19", 20251101},
    {"alpine", "3.20", 20260401},
    {"alpine", "3.21", 20261101},
    {"alpine", "3.22", 20270501},
    {"amzn", "2018.03", 20231231},
    {"amzn", "2", 20260630},
    {"centos", "6", 20201130},
    {"centos", "7", 20240630},
    {"centos", "8", 20240531},
    {"centos", "9", 20270531},
    {"debian", "8", 20200630},
    {"debian", "9", 20220701},
    {"debian", "10", 20240630},
    {"debian", "11", 20260831},
    {"debian", "12", 20280630},
    {"debian", "13", 20300630},
    {"fedora", "38", 20240521},
    {"fedora", "39", 20241126},
    {"fedora", "40", 20250513},
    {"go", "1.20", 20240206},
    {"go", "1.21", 20240813},
    {"go", "1.22", 20250211},
    {"go", "1.23", 20250812},
    {"node", "12", 20220430},
    {"node", "14", 20230430},
    {"node", "16", 20230911},
    {"node", "17", 20220601},
    {"node", "18", 20250430},
    {"node", "19", 20230601},
    {"node", "20", 20260430},
    {"node", "21", 20240601},
    {"node", "22", 20270430},
    {"node", "23", 20250601},
    {"node", "24", 20280430},
    {"ol", "7", 20241231},
    {"opensuse-leap", "15.4", 20231207},
    {"opensuse-leap", "15.5", 20241231},
    {"php", "7.4", 20221128},
    {"php", "8.0", 20231126},
    {"php", "8.1", 20251231},
    {"php", "8.2", 20261231},
    {"php", "8.3", 20271231},
    {"php", "8.4", 20281231},
    {"python", "2.7", 20200101},
    {"python", "3.4", 20190318},
    {"python", "3.5", 20200930},
    {"python", "3.6", 20211223},
    {"python", "3.7", 20230627},
    {"python", "3.8", 20241007},
    {"python", "3.9", 20251031},
    {"python", "3.10", 20261031},
    {"python", "3.11", 20271031},
    {"python", "3.12", 20281031},
    {"python", "3.13", 20291031},
    {"rhel", "7", 20240630},
    {"rhel", "8", 20290531},
    {"rocky", "8", 20290531},
    {"rocky", "9", 20320531},
    {"ruby", "2.7", 20230331},
    {"ruby", "3.0", 20240423},
    {"ruby", "3.1", 20250326},
    {"ruby", "3.2", 20260331},
    {"ruby", "3.3", 20270331},
    {"ubuntu", "14.04", 20190425},
    {"ubuntu", "16.04", 20210430},
    {"ubuntu", "18.04", 20230531},
    {"ubuntu", "20.04", 20250531},
    {"ubuntu", "22.04", 20270601},
    {"ubuntu", "24.04", 20290531},
};

static int version_cmp(const char *a, const char *b)
{
    for (;;) {
        const unsigned long x = strtoul(a, (char **)(uintptr_t)&a, 10);
        const unsigned long y = strtoul(b, (char **)(uintptr_t)&b, 10);
        if (x != y)
            return x < y ? -1 : 1;
        if (*a != '.' || *b != '.')
            return 0; /* "3.18" is "3.18.4" */
        a++;
        b++;
    }
}

static const struct lifetime *find_lifetime(const char *os, const char *version)
{
    const struct lifetime *first = NULL;

    if (!isdigit((unsigned char)version[0])) /* "sid" has no end */
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(lifetimes); i++) {
        const struct lifetime *t = &lifetimes[i];
        if (strcmp(t->os, os) != 0)
            continue;
        const int order = version_cmp(version, t->version);
        if (order == 0)
            return t;
        if (!first && order < 0)
            return t;
        first = t;
    }
    return NULL;
}

static unsigned day_of(int64_t seconds)
{
    char text[CONFIG_TIME_MAX];

    config_time_format(seconds, text);
    return (unsigned)(strtoul(text, NULL, 10) * 10000 + strtoul(text + 5, NULL, 10) * 100 +
                      strtoul(text + 8, NULL, 10));
}

static void check_lifetime(struct lint *l, const struct image_facts *f)
{
    const struct lifetime *t = f->os && f->os_version ? find_lifetime(f->os, f->os_version) : NULL;

    if (t && day_of(f->now_s) > t->end)
        lint_add_place(l, "/etc/os-release", LINT_NOWHERE,
                       "%.60s gets no more security updates since %04u-%02u-%02u",
                       f->os_name ? f->os_name : f->os, t->end / 10000, t->end / 100 % 100,
                       t->end % 100);
}

/* Official images, and many others, say in a variable which version they have. */
static void check_runtime(struct lint *l, const struct image_facts *f)
{
    static const struct {
        const char *variable, *runtime, *name;
    } runtimes[] = {
        {"GOLANG_VERSION=", "go", "Go"},   {"NODE_VERSION=", "node", "Node.js"},
        {"PHP_VERSION=", "php", "PHP"},    {"PYTHON_VERSION=", "python", "Python"},
        {"RUBY_VERSION=", "ruby", "Ruby"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(runtimes) * f->config->env.size; i++) {
        const char *text = f->config->env.at[i / ARRAY_SIZE(runtimes)];
        const size_t n = i % ARRAY_SIZE(runtimes), size = strlen(runtimes[n].variable);
        if (strncmp(text, runtimes[n].variable, size) != 0)
            continue;
        const char *version = text + size + (text[size] == 'v');
        const struct lifetime *t = find_lifetime(runtimes[n].runtime, version);
        if (t && day_of(f->now_s) > t->end)
            lint_add_place(l, "config: Env", LINT_NOWHERE,
                           "%s %.20s gets no more security updates since %04u-%02u-%02u",
                           runtimes[n].name, version, t->end / 10000, t->end / 100 % 100,
                           t->end % 100);
    }
}

#define DAY 86400
#define DOCKER_BEGAN 1363737600 /* 2013-03-20: a date before is made up, for builds that repeat */

static void check_age(struct lint *l, const struct image_facts *f)
{
    const int64_t days = (f->now_s - f->created_s) / DAY;

    if (f->created_s > DOCKER_BEGAN && days > IMAGE_OLD_DAYS)
        lint_add_place(l, "config: created", LINT_NOWHERE,
                       "the image is %" PRId64 " days old: its packages are as old", days);
}

static void check_signed(struct lint *l, const struct image_facts *f)
{
    if (f->vouched == IMAGE_SIGNED_NO)
        lint_add_place(
            l, "image", LINT_NOWHERE,
            "it came without a signature that this machine's policy asked for and verified");
}

static void check_incomplete(struct lint *l, const struct image_facts *f)
{
    if (f->incomplete)
        lint_add_place(l, "image", LINT_NOWHERE, "not everything was looked at: %s", f->incomplete);
}

static const struct lint_row rows[] = {
    {
        .id = "CP221",
        .name = "os-end-of-life",
        .aliases = {NULL, "DB-4.4"},
        .title = "the distribution is past its end of life",
        .level = LINT_WARNING,
        .where = LINT_IMAGE,
        .why = "Nobody mends its packages any more: what is found in them stays open.",
        .fix = "Build on a release that is supported.",
        .bad = "os-release with ID=debian, VERSION_ID=9",
        .good = "a release that is supported",
        .image = check_lifetime,
    },
    {
        .id = "CP222",
        .name = "image-old",
        .aliases = {NULL, "DB-4.4"},
        .title = "the image was built long ago",
        .level = LINT_INFO,
        .where = LINT_IMAGE,
        .why = "Updates reach a container only when its image is built again.",
        .fix = "Build it again with --pull, once a month at least.",
        .bad = "created a year ago",
        .good = "created this week",
        .image = check_age,
    },
    {
        .id = "CP223",
        .name = "image-unsigned",
        .aliases = {NULL, "CIS-DI-0005", "DB-4.5", "DB-4.12"},
        .title = "nobody spoke for the image when it came",
        .level = LINT_INFO,
        .where = LINT_IMAGE,
        .why = "Whoever can write to the registry, or is on the way to it, decides what runs here.",
        .fix = "Demand a signature in policy.json for the registry, and pull it again; `cooper "
               "verify` looks at one image.",
        .bad = "an image of a registry for which the policy says insecureAcceptAnything",
        .good = "one for which it says sigstoreSigned",
        .image = check_signed,
    },
    {
        .id = "CP224",
        .name = "runtime-end-of-life",
        .aliases = {NULL},
        .title = "the language's runtime is past its end of life",
        .level = LINT_WARNING,
        .where = LINT_IMAGE,
        .why =
            "What is found in it stays open, and a new release of the distribution does not help: "
            "images of languages bring their own.",
        .fix = "Build on a release of the language that is supported.",
        .bad = "ENV NODE_VERSION=16.20.2",
        .good = "ENV NODE_VERSION=22.11.0",
        .image = check_runtime,
    },
    {
        .id = "CP532",
        .name = "user-unknown",
        .aliases = {NULL},
        .title = "USER is not in /etc/passwd",
        .level = LINT_INFO,
        .where = LINT_IMAGE,
        .why = "A name that nobody knows keeps the container from starting; a number without an "
               "account has no home, and programs that look themselves up fail.",
        .fix = "RUN useradd -u 10001 app, or COPY an /etc/passwd.",
        .bad = "USER app, and no such line in /etc/passwd",
        .good = "USER 10001, and a line for it",
        .image = check_user,
    },
    {
        .id = "CP533",
        .name = "directory-closed",
        .aliases = {NULL},
        .title = "the user cannot write to a VOLUME, or enter WORKDIR",
        .level = LINT_WARNING,
        .where = LINT_IMAGE,
        .why = "A volume is made as the image has the directory: root's, when nobody says else. "
               "The program fails at its first write.",
        .fix = "COPY --chown or RUN install -d -o USER for the directory, before VOLUME.",
        .bad = "USER 10001 and VOLUME /data, which is root's",
        .good = "/data is of 10001",
        .image = check_closed,
    },
    {
        .id = "CP534",
        .name = "program-missing",
        .aliases = {NULL},
        .title = "the program that starts is not in the image",
        .level = LINT_WARNING,
        .where = LINT_IMAGE,
        .why = "The container ends at once, with status 127.",
        .fix = "COPY it, or mend ENTRYPOINT or PATH.",
        .bad = "ENTRYPOINT [\"/app\"], and no /app",
        .good = "/app is there",
        .image = check_missing,
    },
    {
        .id = "CP710",
        .name = "static-program-in-os",
        .aliases = {NULL},
        .title = "a static program in a whole distribution",
        .level = LINT_INFO,
        .where = LINT_IMAGE,
        .why = "It would run the same in an image that has nothing else, without anything to "
               "update or to break into.",
        .fix = "FROM scratch, and COPY --from the stage that builds it.",
        .bad = "FROM debian with a static /app",
        .good = "FROM scratch with a static /app",
        .image = check_static,
    },
    {
        .id = "CP711",
        .name = "empty-password",
        .aliases = {NULL, "DKL-LI-0001"},
        .title = "accounts without a password",
        .level = LINT_WARNING,
        .where = LINT_IMAGE,
        .why = "An empty field in /etc/shadow lets whoever asks become that user.",
        .fix = "passwd -l NAME: a '!' or '*' in the field locks the account.",
        .bad = "root::19000:0:99999:7:::",
        .good = "root:*:19000:0:99999:7:::",
        .image = check_no_password,
    },
    {
        .id = "CP712",
        .name = "account-twice",
        .aliases = {NULL, "DKL-LI-0002"},
        .title = "names or numbers of accounts that are there twice",
        .level = LINT_WARNING,
        .where = LINT_IMAGE,
        .why = "What one of them owns belongs to the other as well, and who asks by name or number "
               "gets whichever stands first.",
        .fix = "Give each account a number of its own.",
        .bad = "a:x:1000 and b:x:1000",
        .good = "a:x:1000 and b:x:1001",
        .image = check_twice,
    },
    {
        .id = "CP713",
        .name = "second-root",
        .aliases = {NULL},
        .title = "another account with uid 0",
        .level = LINT_WARNING,
        .where = LINT_IMAGE,
        .why = "It is root, and neither `USER root` nor a look for that name finds it.",
        .fix = "Take the account out.",
        .bad = "toor:x:0:0",
        .good = "only root has uid 0",
        .image = check_roots,
    },
    {
        .id = "CP714",
        .name = "audit-incomplete",
        .aliases = {NULL},
        .title = "not everything could be looked at",
        .level = LINT_WARNING,
        .where = LINT_IMAGE,
        .why = "The image is beyond a limit that keeps an audit's memory small; what is missing "
               "may hide something.",
        .fix = "Audit its layers' sources, or make it smaller.",
        .bad = "an image with more than 4,096 private keys",
        .good = "any other",
        .image = check_incomplete,
    },
};

const struct lint_table lint_images = {rows, ARRAY_SIZE(rows)};
