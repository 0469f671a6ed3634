/* rules_image_files.c - what the layers of an image have in them. */
#include <inttypes.h>

#include "lint/image.h"

const char *lint_image_place(struct lint *l, const struct image_file *f)
{
    return arena_printf(l->arena, "layer %u: %s", f->layer + 1, f->path);
}

const char *lint_image_size(struct lint *l, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double n = (double)bytes / 1024;
    size_t unit = 0;

    if (bytes < 1024)
        return arena_printf(l->arena, "%u bytes", (unsigned)bytes);
    for (; n >= 1024 && unit + 1 < ARRAY_SIZE(units); unit++)
        n /= 1024;
    return arena_printf(l->arena, n < 10 ? "%.1f %s" : "%.0f %s", n, units[unit]);
}

static const char *more(struct lint *l, uint64_t count)
{
    return count ? arena_printf(l->arena, ", and %" PRIu64 " more", count) : "";
}

void lint_image_each(struct lint *l, const struct image_files *files,
                     bool (*want)(const struct image_file *f), const char *text)
{
    for (size_t i = 0; i < files->size; i++) {
        const struct image_file *f = &files->at[i];
        const bool last = i + 1 == files->size;
        if (want && !want(f))
            continue;
        lint_add_place(l, lint_image_place(l, f), LINT_NOWHERE, "%s%s%s%s%s", text,
                       f->note ? ": " : "", f->note ? f->note : "",
                       f->hidden ? "; a later layer hides it, and it ships all the same" : "",
                       more(l, last ? files->count - files->size : 0));
    }
}

/* A finding for all of a list: its first names in the text. */
static void say_all(struct lint *l, const struct image_files *files, const char *what,
                    bool (*want)(const struct image_file *f), uint64_t count)
{
    STR_AUTO(names);
    size_t shown = 0;

    for (size_t i = 0; i < files->size && shown < 5; i++)
        if (!want || want(&files->at[i]))
            str_printf(&names, "%s%.200s", shown++ ? ", " : "", files->at[i].path);
    if (shown > 0)
        lint_add_place(l, "image", LINT_NOWHERE, "%s: %s%s", what, names.at,
                       more(l, count > shown ? count - shown : 0));
}

static bool is_own(const struct image_file *f)
{
    return !f->base;
}

static bool is_of_base(const struct image_file *f)
{
    return f->base;
}

/* ---- rights ---- */

static void check_setid(struct lint *l, const struct image_facts *f)
{
    const struct image_files *files = &f->lists[IMAGE_SETID];

    for (size_t i = 0; i < files->size; i++)
        if (is_own(&files->at[i]))
            lint_add_place(l, lint_image_place(l, &files->at[i]), LINT_NOWHERE,
                           "runs as %s whoever starts it (mode %04o)",
                           files->at[i].mode & 04000 ? "its owner" : "its group",
                           files->at[i].mode);
}

static void check_setid_base(struct lint *l, const struct image_facts *f)
{
    const struct image_files *files = &f->lists[IMAGE_SETID];

    say_all(l, files, "setuid or setgid programs of the base", is_of_base,
            files->count - files->own);
}

static void check_capable(struct lint *l, const struct image_facts *f)
{
    lint_image_each(l, &f->lists[IMAGE_CAPABLE], NULL,
                    "the file gives capabilities to whoever runs it");
}

static void check_world_dir(struct lint *l, const struct image_facts *f)
{
    lint_image_each(l, &f->lists[IMAGE_WORLD_DIR], NULL,
                    "everybody may replace files in this directory: no sticky bit");
}

void lint_image_writable(struct lint *l, const struct image_facts *f)
{
    lint_image_each(l, &f->lists[IMAGE_WORLD_EXEC], NULL, "a program that everybody may change");
    lint_image_each(l, &f->lists[IMAGE_USER_EXEC], NULL,
                    "what runs can be changed by the user who runs it");
}

/* ---- secrets ---- */

void lint_image_secret_files(struct lint *l, const struct image_facts *f)
{
    lint_image_each(l, &f->lists[IMAGE_SECRET], NULL, "a file of this name holds a secret");
}

static void check_key(struct lint *l, const struct image_facts *f)
{
    lint_image_each(l, &f->lists[IMAGE_KEY], NULL, "a private key");
}

/* ---- what nobody needs ---- */

static void check_leftover(struct lint *l, const struct image_facts *f)
{
    lint_image_each(l, &f->lists[IMAGE_LEFTOVER], is_own, "the container has no use for it");
}

static void check_temporary(struct lint *l, const struct image_facts *f)
{
    const struct image_files *files = &f->lists[IMAGE_TEMPORARY];

    if (files->own_bytes >= IMAGE_LEFT_MIN)
        lint_add_place(l, lint_image_place(l, &files->at[0]), LINT_NOWHERE,
                       "%s in %" PRIu64 " temporary files stay in the image",
                       lint_image_size(l, files->own_bytes), files->own);
}

void lint_image_tools(struct lint *l, const struct image_facts *f)
{
    lint_image_each(l, &f->lists[IMAGE_TOOL], NULL, "a tool for whoever breaks in");
}

void lint_image_build_tools(struct lint *l, const struct image_facts *f)
{
    const struct image_files *compilers = &f->lists[IMAGE_COMPILER];
    const struct image_files *packages = &f->lists[IMAGE_DEV_PACKAGE];

    if (compilers->count > 0)
        say_all(l, compilers, "compilers, which only the build needs", NULL, compilers->count);
    if (packages->count > 0)
        say_all(l, packages, "packages of headers, which only the build needs", NULL,
                packages->count);
}

static void check_shell(struct lint *l, const struct image_facts *f)
{
    const struct image_files *shells = &f->lists[IMAGE_SHELL], *managers = &f->lists[IMAGE_MANAGER];

    if (managers->count > 0)
        say_all(l, managers, "package managers", NULL, managers->count);
    if (shells->count > 0)
        say_all(l, shells, "shells", NULL, shells->count);
}

static void check_sshd(struct lint *l, const struct image_facts *f)
{
    lint_image_each(l, &f->lists[IMAGE_SSHD], NULL, "a server for remote logins");
}

/* ---- caches ---- */

static void check_cache(struct lint *l, const struct image_facts *f, enum image_cache cache,
                        const char *manager)
{
    const struct image_kept *k = &f->kept[cache];

    if (k->bytes >= IMAGE_CACHE_MIN)
        lint_add_place(l, k->path, LINT_NOWHERE,
                       "the cache of %s is in the image: %s in %" PRIu64 " files", manager,
                       lint_image_size(l, k->bytes), k->files);
}

void lint_image_apt(struct lint *l, const struct image_facts *f)
{
    check_cache(l, f, IMAGE_CACHE_APT, "apt");
}

void lint_image_apk(struct lint *l, const struct image_facts *f)
{
    check_cache(l, f, IMAGE_CACHE_APK, "apk");
}

void lint_image_yum(struct lint *l, const struct image_facts *f)
{
    check_cache(l, f, IMAGE_CACHE_YUM, "yum");
}

void lint_image_dnf(struct lint *l, const struct image_facts *f)
{
    check_cache(l, f, IMAGE_CACHE_DNF, "dnf");
}

void lint_image_zypper(struct lint *l, const struct image_facts *f)
{
    check_cache(l, f, IMAGE_CACHE_ZYPPER, "zypper");
}

void lint_image_pip(struct lint *l, const struct image_facts *f)
{
    check_cache(l, f, IMAGE_CACHE_PIP, "pip");
}

void lint_image_yarn(struct lint *l, const struct image_facts *f)
{
    check_cache(l, f, IMAGE_CACHE_YARN, "yarn");
}

void lint_image_caches(struct lint *l, const struct image_facts *f)
{
    static const struct {
        enum image_cache cache;
        const char *manager;
    } others[] = {{IMAGE_CACHE_PACMAN, "pacman"}, {IMAGE_CACHE_NPM, "npm"},
                  {IMAGE_CACHE_MAVEN, "maven"},   {IMAGE_CACHE_GRADLE, "gradle"},
                  {IMAGE_CACHE_CARGO, "cargo"},   {IMAGE_CACHE_GO, "go"},
                  {IMAGE_CACHE_GEM, "gem"},       {IMAGE_CACHE_COMPOSER, "composer"},
                  {IMAGE_CACHE_NUGET, "nuget"},   {IMAGE_CACHE_CONDA, "conda"}};

    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        check_cache(l, f, others[i].cache, others[i].manager);
}

/* ---- bytes that nobody sees ---- */

static const char *biggest(struct lint *l, const struct image_files *files, bool changed)
{
    STR_AUTO(names);
    size_t shown = 0;

    for (size_t i = 0; i < files->size && shown < 3; i++)
        if (is_own(&files->at[i]) && files->at[i].changed == changed)
            str_printf(&names, "%s%.200s (%s, layer %u)", shown++ ? ", " : "", files->at[i].path,
                       lint_image_size(l, files->at[i].size), files->at[i].layer + 1);
    return arena_strdup(l->arena, names.at);
}

static unsigned percent(uint64_t part, uint64_t whole)
{
    return whole ? (unsigned)((double)part * 100 / (double)whole + 0.5) : 0;
}

void lint_image_hidden(struct lint *l, const struct image_facts *f)
{
    const struct image_files *files = &f->lists[IMAGE_HIDDEN];
    const uint64_t bytes = files->own_bytes - f->changed_bytes;

    if (bytes >= IMAGE_HIDDEN_MIN)
        lint_add_place(l, "image", LINT_NOWHERE,
                       "%s (%u %% of the image) are removed or replaced by later layers, and ship "
                       "all the same: %s",
                       lint_image_size(l, bytes), percent(bytes, f->bytes),
                       biggest(l, files, false));
}

void lint_image_changed(struct lint *l, const struct image_facts *f)
{
    if (f->changed_bytes >= IMAGE_HIDDEN_MIN)
        lint_add_place(l, "image", LINT_NOWHERE,
                       "%s (%u %% of the image) are there twice, since a later layer changed their "
                       "owner or mode: %s",
                       lint_image_size(l, f->changed_bytes), percent(f->changed_bytes, f->bytes),
                       biggest(l, &f->lists[IMAGE_HIDDEN], true));
}

static const struct lint_row rows[] = {
    {
        .id = "CP701",
        .name = "setid-files",
        .aliases = {NULL, "CIS-DI-0008", "DB-4.8"},
        .title = "setuid or setgid programs of the image's own layers",
        .level = LINT_WARNING,
        .where = LINT_IMAGE,
        .why = "Such a program has more rights than who starts it: a mistake in it makes an "
               "intruder root of the container.",
        .fix = "Take the bits away where the file is made (chmod u-s,g-s), and run with "
               "no-new-privileges, which makes them mean nothing.",
        .bad = "an own layer with /usr/local/bin/helper, mode 4755",
        .good = "the same with mode 0755",
        .image = check_setid,
    },
    {
        .id = "CP702",
        .name = "setid-files-of-base",
        .aliases = {NULL, "CIS-DI-0008", "DB-4.8"},
        .title = "setuid or setgid programs that came with the base",
        .level = LINT_INFO,
        .where = LINT_IMAGE,
        .why = "su, passwd and mount of a distribution are of no use to a service, and have been "
               "the way to root before.",
        .fix = "RUN find / -xdev -perm /6000 -type f -exec chmod a-s {} +, or a base without them.",
        .bad = "FROM debian, with /usr/bin/su, mode 4755",
        .good = "a base without such files",
        .image = check_setid_base,
    },
    {
        .id = "CP703",
        .name = "file-capabilities",
        .aliases = {NULL},
        .title = "files with capabilities",
        .level = LINT_WARNING,
        .where = LINT_IMAGE,
        .why = "Capabilities in an attribute of the file are setuid by another name, and a listing "
               "of modes does not show them.",
        .fix = "Add the capability to the container (--cap-add) instead, and take the attribute "
               "away (setcap -r).",
        .bad = "/usr/bin/ping with cap_net_raw",
        .good = "/usr/bin/ping without",
        .image = check_capable,
    },
    {
        .id = "CP704",
        .name = "world-writable-directory",
        .aliases = {NULL},
        .title = "directories that everybody may write to",
        .level = LINT_INFO,
        .where = LINT_IMAGE,
        .why = "Without the sticky bit any process may replace what another has put there, "
               "programs included.",
        .fix = "chmod 1777, or give the directory to the one user who needs it.",
        .bad = "/srv/upload, mode 0777",
        .good = "/srv/upload, mode 1777",
        .image = check_world_dir,
    },
    {
        .id = "CP705",
        .name = "private-key-in-image",
        .aliases = {NULL, "CIS-DI-0010", "DB-4.10"},
        .title = "private keys",
        .level = LINT_ERROR,
        .where = LINT_IMAGE,
        .why = "Everybody who can pull the image has the key. Removing the file in a later layer "
               "takes it out of sight, not out of the image.",
        .fix = "Replace the key wherever it is used; mount the new one when the container runs, or "
               "RUN --mount=type=secret for the build.",
        .bad = "/etc/app/tls.pem with a PRIVATE KEY in it",
        .good = "/etc/app/ca.crt with a CERTIFICATE in it",
        .image = check_key,
    },
    {
        .id = "CP706",
        .name = "image-leftovers",
        .aliases = {NULL, "DKL-LI-0003"},
        .title = "files of the build or the repository",
        .level = LINT_INFO,
        .where = LINT_IMAGE,
        .why = "A repository has the whole history of the sources in it, a Dockerfile tells how "
               "the image was made; the service reads neither.",
        .fix = "List them in .dockerignore, or COPY by name.",
        .bad = "/app/.git",
        .good = "/app without it",
        .image = check_leftover,
    },
    {
        .id = "CP707",
        .name = "temporary-files",
        .aliases = {NULL},
        .title = "files left in /tmp and /var/tmp",
        .level = LINT_INFO,
        .where = LINT_IMAGE,
        .why = "What an installer unpacked there ships with the image, and is mostly hidden by a "
               "tmpfs when it runs.",
        .fix = "Remove it in the RUN that made it, or RUN --mount=type=tmpfs,target=/tmp.",
        .bad = "/tmp/installer.tar of 100 MiB",
        .good = "an empty /tmp",
        .image = check_temporary,
    },
    {
        .id = "CP708",
        .name = "shell-in-image",
        .aliases = {NULL, "DB-4.3"},
        .title = "a shell or package manager in the image",
        .level = LINT_STYLE,
        .where = LINT_IMAGE,
        .why = "They are what an intruder starts first. A service that is one program needs "
               "neither.",
        .fix = "Copy the program and its libraries into scratch, or into a base without a shell.",
        .bad = "/bin/sh and /usr/bin/apt-get",
        .good = "FROM scratch with one program",
        .image = check_shell,
    },
    {
        .id = "CP709",
        .name = "ssh-server",
        .aliases = {NULL, "DB-5.7"},
        .title = "a server for remote logins",
        .level = LINT_WARNING,
        .where = LINT_IMAGE,
        .why = "A second way in with keys and passwords of its own, which nobody rotates. `exec` "
               "gives a shell in a running container without it.",
        .fix = "Do not install openssh-server or dropbear.",
        .bad = "/usr/sbin/sshd",
        .good = "no such file",
        .image = check_sshd,
    },
};

const struct lint_table lint_image_files = {rows, ARRAY_SIZE(rows)};
