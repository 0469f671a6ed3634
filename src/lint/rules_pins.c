/* rules_pins.c - packages that are installed without a version. */
#include <ctype.h>

#include "lint/run.h"

struct pin_rule {
    bool (*installs)(const struct lint_call *c);
    /* Is the version fixed, or the argument no package? */
    bool (*fixed)(struct lint *l, const struct lint_run *run, const struct lint_arg *a);
    const char *verbs;  /* operands that are commands, not packages */
    const char *valued; /* flags whose value is the next argument */
    const char *what;   /* "apt-get install" */
    bool after_verb;    /* only what stands behind one of them is a package */
    bool first_only;
};

#define NAMES_SHOWN 5 /* of the packages in one finding */

struct unpinned {
    const struct lint_call *call;
    const struct lint_arg *first;
    struct str names;
    size_t count;
};

static void add_name(struct unpinned *u, const struct lint_call *c, const struct lint_arg *a)
{
    if (!u->first) {
        u->first = a;
        u->call = c;
    }
    if (u->count < NAMES_SHOWN)
        str_printf(&u->names, "%s'%.*s'", u->count ? ", " : "",
                   LINT_CUT(a->word ? a->word->raw : a->text));
    else if (u->count == NAMES_SHOWN)
        str_add_text(&u->names, ", ...");
    u->count++;
}

static void look_at(struct lint *l, const struct lint_run *run, const struct pin_rule *rule,
                    const struct lint_call *c, struct unpinned *u)
{
    const struct lint_arg *a;
    bool seen = !rule->after_verb;
    size_t at = 0;

    while ((a = call_operand(c, &at, rule->valued))) {
        if (lint_in_list(a->text, rule->verbs)) {
            seen = true;
            continue;
        }
        if (seen && !rule->fixed(l, run, a))
            add_name(u, c, a);
        if (seen && rule->first_only)
            return;
    }
}

/* One finding a RUN, at the first package. */
static void check_pins(struct lint *l, const struct lint_run *run, const struct pin_rule *rule)
{
    struct unpinned u = {.names = STR_INIT};

    for (size_t i = 0; i < run->call_count; i++)
        if (rule->installs(&run->calls[i]))
            look_at(l, run, rule, &run->calls[i], &u);
    if (u.first)
        lint_add(l, lint_arg_span(l, run, u.call, u.first), "%s without a version: %s", rule->what,
                 u.names.at);
    str_done(&u.names);
}

static bool has_any(struct view v, const char *bytes)
{
    for (size_t i = 0; i < v.size; i++)
        if (strchr(bytes, v.at[i]))
            return true;
    return false;
}

static bool ends_any(struct view v, const char *endings)
{
    struct view rest = view_of(endings), ending;

    while (rest.at && view_cut(&rest, ' ', &ending))
        if (v.size >= ending.size &&
            memcmp(v.at + v.size - ending.size, ending.at, ending.size) == 0)
            return true;
    return false;
}

/* ---- DL3008: apt-get ---- */

static bool apt_installs(const struct lint_call *c)
{
    return call_is(c, "apt-get apt") && call_has(c, "install");
}

static bool apt_fixed(struct lint *l, const struct lint_run *run, const struct lint_arg *a)
{
    (void)l, (void)run;
    return has_any(a->text, "=/") || ends_any(a->text, ".deb");
}

static void check_apt(struct lint *l, const struct lint_run *run)
{
    static const struct pin_rule rule = {
        .installs = apt_installs,
        .fixed = apt_fixed,
        .verbs = "install",
        .valued = "t target-release default-release o option c config-file",
        .what = "apt-get install",
    };
    check_pins(l, run, &rule);
}

/* ---- DL3013: pip ---- */

static bool pip_installs(const struct lint_call *c)
{
    if (!call_is_pip_install(c) || call_flag(c, "c constraint") || call_has(c, "."))
        return false;
    return !call_has(c, "-r") && !call_flag(c, "requirement requirements");
}

/* git+https://host/user/repo@ref: the '@' before the host's '/' is a user's. */
static bool git_has_ref(struct view url)
{
    const char *host = memmem(url.at, url.size, "://", 3);
    const size_t begin = host ? (size_t)(host - url.at) + 3 : 0;
    const char *path = memchr(url.at + begin, '/', url.size - begin);

    return path && memchr(path, '@', url.size - (size_t)(path - url.at));
}

static bool pip_fixed(struct lint *l, const struct lint_run *run, const struct lint_arg *a)
{
    (void)l, (void)run;
    if (view_starts(a->text, "git+"))
        return git_has_ref(a->text);
    if (has_any(a->text, "<>/") || view_starts(a->text, "."))
        return true;
    return ends_any(a->text, ".whl .tar.gz .zip") || memmem(a->text.at, a->text.size, "==", 2) ||
           memmem(a->text.at, a->text.size, "~=", 2) || memmem(a->text.at, a->text.size, "!=", 2);
}

static void check_pip(struct lint *l, const struct lint_run *run)
{
    static const struct pin_rule rule = {
        .installs = pip_installs,
        .fixed = pip_fixed,
        .verbs = "install",
        .valued = "m abi b build cache-dir cert client-cert config-settings e editable "
                  "extra-index-url f find-links global-option i index-url implementation "
                  "install-option log no-binary only-binary platform pip-args prefix progress-bar "
                  "proxy python python-version report retries root root-user-action src suffix t "
                  "target timeout trusted-host upgrade-strategy",
        .what = "pip install",
        .after_verb = true,
    };
    check_pins(l, run, &rule);
}

/* ---- DL3016: npm ---- */

static const char npm_valued[] =
    "registry loglevel prefix C cache tag omit include only workspace w userconfig globalconfig "
    "install-strategy before os cpu libc audit-level fetch-timeout fetch-retries proxy "
    "https-proxy scope otp location L";

static bool npm_installs(const struct lint_call *c)
{
    size_t at = 0;
    const struct lint_arg *first = call_is(c, "npm") ? call_operand(c, &at, npm_valued) : NULL;

    return first && view_eq_text(first->text, "install");
}

static bool npm_fixed(struct lint *l, const struct lint_run *run, const struct lint_arg *a)
{
    struct view name = a->text;

    (void)l, (void)run;
    if (view_starts(name, "git://") || view_starts(name, "git+"))
        return memchr(name.at, '#', name.size);
    if (ends_any(name, ".tar .tar.gz .tgz") || has_any(view_make(name.at, name.size > 0), "/.~"))
        return true;
    if (view_starts(name, "file:"))
        return true;
    if (view_starts(name, "@")) { /* @scope/name@version */
        const char *slash = memchr(name.at, '/', name.size);
        if (!slash)
            return false;
        name = view_make(slash, (size_t)(name.at + name.size - slash));
    }
    return memchr(name.at, '@', name.size);
}

static void check_npm(struct lint *l, const struct lint_run *run)
{
    static const struct pin_rule rule = {
        .installs = npm_installs,
        .fixed = npm_fixed,
        .verbs = "install",
        .valued = npm_valued,
        .what = "npm install",
    };
    check_pins(l, run, &rule);
}

/* ---- DL3018: apk ---- */

static bool apk_installs(const struct lint_call *c)
{
    return call_is(c, "apk") && call_has(c, "add");
}

static bool apk_fixed(struct lint *l, const struct lint_run *run, const struct lint_arg *a)
{
    (void)l, (void)run;
    return has_any(a->text, "=~<>") || ends_any(a->text, ".apk");
}

static void check_apk(struct lint *l, const struct lint_run *run)
{
    static const struct pin_rule rule = {
        .installs = apk_installs,
        .fixed = apk_fixed,
        .verbs = "add",
        .valued = "t virtual X repository p root keys-dir repositories-file wait arch cache-dir",
        .what = "apk add",
    };
    check_pins(l, run, &rule);
}

/* ---- DL3028: gem ---- */

static bool gem_installs(const struct lint_call *c)
{
    return call_is(c, "gem") && call_has(c, "install i") && !call_flag(c, "v version");
}

static bool gem_fixed(struct lint *l, const struct lint_run *run, const struct lint_arg *a)
{
    (void)l, (void)run;
    return has_any(a->text, ":") || ends_any(a->text, ".gem");
}

static void check_gem(struct lint *l, const struct lint_run *run)
{
    static const struct pin_rule rule = {
        .installs = gem_installs,
        .fixed = gem_fixed,
        .verbs = "install i true false",
        .valued = "i install-dir n bindir source s platform P trust-policy without g file",
        .what = "gem install",
    };
    check_pins(l, run, &rule);
}

/* ---- DL3033, DL3041: yum, dnf ---- */

/* ARGs by name -> the first. */
static const struct map *args_of_file(struct lint *l)
{
    for (size_t i = 0; !l->args_read && i < l->d->instruction_count; i++) {
        const struct instruction *in = &l->d->instructions[i];

        for (size_t j = 0; in->kind == INSTRUCTION_ARG && j < in->word_count; j++) {
            struct view rest = in->words[j].text, name;
            (void)view_cut(&rest, '=', &name);
            if (!map_has(&l->args, name))
                map_set(&l->args, name, (void *)(uintptr_t)in);
        }
    }
    l->args_read = true;
    return &l->args;
}

/* "-" and a digit, or "-" and a variable that is declared: the version. */
static bool ends_in_variable(struct lint *l, const struct lint_run *run, const struct sh_word *word)
{
    const struct sh_part *before = NULL, *part = word ? word->parts : NULL;

    for (; part; before = part, part = part->next) {
        if (part->kind != SH_PARAMETER || !before || !view_ends(before->text, "-"))
            continue;
        if (lint_var_find(&run->stage->scope, part->name))
            return true;
        const struct instruction *arg = map_get(args_of_file(l), part->name);
        if (arg && arg->span.line < run->in->span.line)
            return true;
    }
    return false;
}

static bool rpm_fixed(struct lint *l, const struct lint_run *run, const struct lint_arg *a)
{
    if (ends_any(a->text, ".rpm"))
        return true;
    for (size_t i = 0; i + 1 < a->text.size; i++)
        if (a->text.at[i] == '-' && isdigit((unsigned char)a->text.at[i + 1]))
            return true;
    return ends_in_variable(l, run, a->word);
}

/* `group install` names groups, which have no version; `module install name:stream` does. */
static bool is_module(const struct lint_call *c)
{
    return call_has(c, "module") != NULL;
}

static bool yum_installs(const struct lint_call *c)
{
    return call_is(c, "yum") && call_has(c, "install") && !call_has(c, "group groups module");
}

static bool dnf_installs(const struct lint_call *c)
{
    return call_is(c, "dnf microdnf") && call_has(c, "install in") &&
           !call_has(c, "group groups module");
}

static bool yum_module_installs(const struct lint_call *c)
{
    return call_is(c, "yum") && call_has(c, "install") && is_module(c);
}

static bool dnf_module_installs(const struct lint_call *c)
{
    return call_is(c, "dnf microdnf") && call_has(c, "install") && is_module(c);
}

static bool module_fixed(struct lint *l, const struct lint_run *run, const struct lint_arg *a)
{
    (void)l, (void)run;
    return has_any(a->text, ":");
}

static const char rpm_valued[] =
    "setopt c config d e R x exclude enablerepo disablerepo repo repoid "
    "installroot releasever forcearch advisory";

static void check_yum(struct lint *l, const struct lint_run *run)
{
    static const struct pin_rule rule = {yum_installs,  rpm_fixed, "install", rpm_valued,
                                         "yum install", true,      false};
    static const struct pin_rule module = {yum_module_installs,
                                           module_fixed,
                                           "install module",
                                           rpm_valued,
                                           "yum module install",
                                           true,
                                           false};
    check_pins(l, run, &rule);
    check_pins(l, run, &module);
}

static void check_dnf(struct lint *l, const struct lint_run *run)
{
    static const struct pin_rule rule = {dnf_installs,  rpm_fixed, "install in", rpm_valued,
                                         "dnf install", true,      false};
    static const struct pin_rule module = {dnf_module_installs,
                                           module_fixed,
                                           "install module",
                                           rpm_valued,
                                           "dnf module install",
                                           true,
                                           false};
    check_pins(l, run, &rule);
    check_pins(l, run, &module);
}

/* ---- DL3037: zypper ---- */

static bool zypper_installs(const struct lint_call *c)
{
    return call_is(c, "zypper") && call_has(c, "install in");
}

static bool zypper_fixed(struct lint *l, const struct lint_run *run, const struct lint_arg *a)
{
    (void)l, (void)run;
    return has_any(a->text, "=<>") || ends_any(a->text, ".rpm");
}

static void check_zypper(struct lint *l, const struct lint_run *run)
{
    static const struct pin_rule rule = {zypper_installs,
                                         zypper_fixed,
                                         "install in",
                                         "r repo t type root R releasever from c config download",
                                         "zypper install",
                                         true,
                                         false};
    check_pins(l, run, &rule);
}

/* ---- DL3062: go ---- */

static const char go_valued[] = "ldflags tags mod modfile o gcflags asmflags p C exec toolexec "
                                "buildmode compiler overlay pgo pkgdir installsuffix gccgoflags";

static bool go_verb(const struct lint_call *c, const char *verbs)
{
    size_t at = 0;
    const struct lint_arg *first = call_is(c, "go") ? call_operand(c, &at, go_valued) : NULL;

    return first && lint_in_list(first->text, verbs);
}

static bool go_installs(const struct lint_call *c)
{
    return go_verb(c, "install get");
}

static bool go_runs(const struct lint_call *c)
{
    return go_verb(c, "run");
}

static bool go_fixed(struct lint *l, const struct lint_run *run, const struct lint_arg *a)
{
    (void)l, (void)run;
    if (view_starts(a->text, ".") || view_starts(a->text, "/") || ends_any(a->text, ".go"))
        return true;
    return memchr(a->text.at, '@', a->text.size) && !view_ends(a->text, "@latest");
}

static void check_go(struct lint *l, const struct lint_run *run)
{
    static const struct pin_rule install = {go_installs,  go_fixed, "install get", go_valued,
                                            "go install", true,     false};
    static const struct pin_rule once = {go_runs, go_fixed, "run", go_valued, "go run", true, true};

    check_pins(l, run, &install);
    check_pins(l, run, &once);
}

#define PIN_WHY                                                                                    \
    "Without a version the same Dockerfile gives another image tomorrow, and nobody sees why it "  \
    "broke. With one, the cache key changes when the package does."

static const struct lint_row rows[] = {
    {
        .id = "CP301",
        .name = "apt-unpinned",
        .aliases = {"DL3008", "ID.20018"},
        .title = "apt-get install without a version",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = PIN_WHY,
        .fix = "Write name=version, or name=major.* to take in fixes.",
        .bad = "FROM debian:12.5\nRUN apt-get update && apt-get install -y "
               "--no-install-recommends curl && rm -rf /var/lib/apt/lists/*\n",
        .good = "FROM debian:12.5\nRUN apt-get update && apt-get install -y "
                "--no-install-recommends curl=7.* && rm -rf /var/lib/apt/lists/*\nUSER 1001\n",
        .run = check_apt,
    },
    {
        .id = "CP302",
        .name = "pip-unpinned",
        .aliases = {"DL3013", "ID.20018"},
        .title = "pip install without a version",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = PIN_WHY,
        .fix = "Write name==version, or install from a requirements file with hashes.",
        .bad = "FROM python:3.12.4\nRUN pip install --no-cache-dir flask\n",
        .good = "FROM python:3.12.4\nRUN pip install --no-cache-dir flask==3.0.3\nUSER 1001\n",
        .run = check_pip,
    },
    {
        .id = "CP303",
        .name = "npm-unpinned",
        .aliases = {"DL3016", "ID.20018"},
        .title = "npm install of a package without a version",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = PIN_WHY,
        .fix = "Write name@version, or list it in package.json and run npm ci.",
        .bad = "FROM node:20.11.1\nRUN npm install -g eslint && npm cache clean --force\n",
        .good = "FROM node:20.11.1\nRUN npm install -g eslint@9.1.0 && npm cache clean --force\n"
                "USER 1001\n",
        .run = check_npm,
    },
    {
        .id = "CP304",
        .name = "apk-unpinned",
        .aliases = {"DL3018", "ID.20018"},
        .title = "apk add without a version",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = PIN_WHY,
        .fix = "Write name=version or name~version.",
        .bad = "FROM alpine:3.20.1\nRUN apk add --no-cache curl\n",
        .good = "FROM alpine:3.20.1\nRUN apk add --no-cache curl~8\nUSER 1001\n",
        .run = check_apk,
    },
    {
        .id = "CP305",
        .name = "gem-unpinned",
        .aliases = {"DL3028", "ID.20018"},
        .title = "gem install without a version",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = PIN_WHY,
        .fix = "Write name:version, or give -v.",
        .bad = "FROM ruby:3.3.1\nRUN gem install --no-document rake\n",
        .good = "FROM ruby:3.3.1\nRUN gem install --no-document rake:13.2.1 && rm -rf /root/.gem "
                "/usr/local/bundle/cache\nUSER 1001\n",
        .run = check_gem,
    },
    {
        .id = "CP306",
        .name = "yum-unpinned",
        .aliases = {"DL3033", "ID.20018"},
        .title = "yum install without a version",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = PIN_WHY,
        .fix = "Write name-version.",
        .bad = "FROM rockylinux:9.3\nRUN yum install -y httpd && yum clean all\n",
        .good = "FROM rockylinux:9.3\nRUN yum install -y httpd-2.4.57 && yum clean all\n"
                "USER 1001\n",
        .run = check_yum,
    },
    {
        .id = "CP307",
        .name = "zypper-unpinned",
        .aliases = {"DL3037", "ID.20018"},
        .title = "zypper install without a version",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = PIN_WHY,
        .fix = "Write name=version or \"name>=version\".",
        .bad = "FROM opensuse/leap:15.5\nRUN zypper install -y httpd && zypper clean\n",
        .good = "FROM opensuse/leap:15.5\nRUN zypper install -y httpd=2.4 && zypper clean\n"
                "USER 1001\n",
        .run = check_zypper,
    },
    {
        .id = "CP308",
        .name = "dnf-unpinned",
        .aliases = {"DL3041", "ID.20018"},
        .title = "dnf or microdnf install without a version",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = PIN_WHY,
        .fix = "Write name-version.",
        .bad = "FROM fedora:40\nRUN dnf install -y httpd && dnf clean all\n",
        .good = "FROM fedora:40\nRUN dnf install -y httpd-2.4.59 && dnf clean all\nUSER 1001\n",
        .run = check_dnf,
    },
    {
        .id = "CP309",
        .name = "go-unpinned",
        .aliases = {"DL3062", "ID.20018"},
        .title = "go install, get or run of a package without a version",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = PIN_WHY,
        .fix = "Write package@version; @latest is none.",
        .bad = "FROM golang:1.22.3 AS build\nRUN go install example.com/x/y@latest\n",
        .good = "FROM golang:1.22.3 AS build\nRUN --mount=type=cache,target=/go/pkg/mod "
                "--mount=type=cache,target=/root/.cache/go-build go install "
                "example.com/x/y@v1.2.3\nFROM scratch\nCOPY --from=build /go/bin/y /y\nUSER 1001\n",
        .run = check_go,
    },
};

const struct lint_table lint_pins = {rows, ARRAY_SIZE(rows)};
