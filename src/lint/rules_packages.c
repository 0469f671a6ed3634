/* rules_packages.c - package managers: questions nobody answers in a build, upgrades, lists of packages. */
#include "lint/run.h"

/* ---- the answer to questions: DL3014, DL3030, DL3034, DL3038 ---- */

static void check_answer(struct lint *l, const struct lint_run *run, const char *programs,
                         const char *verbs, const char *flags, const char *text)
{
    for (size_t i = 0; i < run->call_count; i++) {
        const struct lint_call *c = &run->calls[i];
        const struct lint_arg *verb = call_is(c, programs) ? call_has(c, verbs) : NULL;

        if (!verb || call_flag(c, flags))
            continue;
        if (call_flag_count(c, "q quiet") >= 2 && view_eq_text(c->name, "apt-get"))
            continue;
        const struct span span = lint_arg_span(l, run, c, verb);
        if (verb->word && !run->detached)
            lint_add_edit(l, span, lint_span_behind(span), text,
                          "%.*s %.*s without%s: the build waits for "
                          "an answer that nobody gives, and fails",
                          VIEW_ARG(c->name), LINT_CUT(verb->text), text);
        else
            lint_add(l, span, "%.*s %.*s without%s", VIEW_ARG(c->name), LINT_CUT(verb->text), text);
        return;
    }
}

static void check_apt_answer(struct lint *l, const struct lint_run *run)
{
    check_answer(l, run, "apt-get", "install", "y yes assume-yes", " -y");
}

static void check_yum_answer(struct lint *l, const struct lint_run *run)
{
    check_answer(l, run, "yum", "install groupinstall localinstall", "y assumeyes", " -y");
}

static void check_zypper_answer(struct lint *l, const struct lint_run *run)
{
    check_answer(l, run, "zypper", "install in remove rm source-install si patch",
                 "n non-interactive y no-confirm", " -y");
}

static void check_dnf_answer(struct lint *l, const struct lint_run *run)
{
    check_answer(l, run, "dnf microdnf", "install in groupinstall localinstall", "y assumeyes",
                 " -y");
}

/* ---- DL3015 ---- */

static bool recommends_off(const struct lint_call *c)
{
    static const char *const values[] = {"APT::Install-Recommends=false",
                                         "APT::Install-Recommends=0", "APT::Install-Recommends=no"};

    if (call_flag(c, "no-install-recommends"))
        return true;
    for (size_t i = 0; i < c->arg_count; i++)
        for (size_t j = 0; j < ARRAY_SIZE(values); j++)
            if (view_ends(c->args[i].text, values[j]))
                return true;
    return false;
}

static void check_recommends(struct lint *l, const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++) {
        const struct lint_call *c = &run->calls[i];
        const struct lint_arg *verb = call_is(c, "apt-get") ? call_has(c, "install") : NULL;

        if (!verb || recommends_off(c))
            continue;
        const struct span span = lint_arg_span(l, run, c, verb);
        static const char text[] = "apt-get install without --no-install-recommends: packages "
                                   "that nobody asked for come along";
        if (verb->word && !run->detached)
            lint_add_edit(l, span, lint_span_behind(span), " --no-install-recommends", "%s", text);
        else
            lint_add(l, span, "%s", text);
        return;
    }
}

/* ---- DL3027 ---- */

static void check_apt(struct lint *l, const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++) {
        const struct lint_call *c = &run->calls[i];

        if (!call_is(c, "apt"))
            continue;
        const struct sh_word *w = c->node ? c->node->words : NULL;
        static const char text[] = "apt is made for people, its options and output change: use "
                                   "apt-get or apt-cache";
        if (w && view_eq_text(w->raw, "apt") && !run->detached) {
            const struct span span = lint_place(l, run, w->raw);
            if (call_has(c, "install update remove purge autoremove clean"))
                lint_add_edit(l, span, span, "apt-get", "%s", text);
            else
                lint_add(l, span, "%s", text);
        } else {
            lint_add(l, lint_call_span(l, run, c), "%s", text);
        }
        return;
    }
}

/* ---- upgrades: DL3035, dist-upgrade ---- */

static void check_zypper_upgrade(struct lint *l, const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++)
        if (call_is(&run->calls[i], "zypper") && call_has(&run->calls[i], "dist-upgrade dup")) {
            lint_add(l, lint_call_span(l, run, &run->calls[i]),
                     "zypper dist-upgrade makes another distribution of the base image");
            return;
        }
}

static bool upgrades(const struct lint_call *c)
{
    size_t at = 0;
    const struct lint_arg *verb = call_operand(c, &at, "o option c");

    if (!verb)
        return false;
    if (call_is(c, "apt-get apt aptitude"))
        return lint_in_list(verb->text, "dist-upgrade full-upgrade upgrade safe-upgrade");
    if (call_is(c, "apk"))
        return view_eq_text(verb->text, "upgrade");
    if (call_is(c, "yum dnf microdnf"))
        return lint_in_list(verb->text, "upgrade distro-sync") && c->arg_count < 3;
    return call_is(c, "zypper") && lint_in_list(verb->text, "dist-upgrade dup");
}

static void check_upgrade(struct lint *l, const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++)
        if (upgrades(&run->calls[i])) {
            lint_add(l, lint_call_span(l, run, &run->calls[i]),
                     "all packages are upgraded: what the image holds depends on the day; take a "
                     "newer base image");
            return;
        }
}

/* ---- update-alone ---- */

static bool updates(const struct lint_call *c)
{
    if (call_is(c, "apt-get apt aptitude"))
        return call_has(c, "update");
    if (call_is(c, "apk"))
        return call_has(c, "update");
    if (call_is(c, "yum dnf microdnf"))
        return call_has(c, "update makecache check-update");
    return call_is(c, "zypper") && call_has(c, "refresh ref");
}

static void check_update_alone(struct lint *l, const struct lint_run *run)
{
    static const char installers[] =
        "apt-get apt aptitude apk yum dnf microdnf zypper apt-cache apt-file";
    const struct lint_call *update = NULL;

    for (size_t i = 0; i < run->call_count; i++) {
        const struct lint_call *c = &run->calls[i];

        if (updates(c))
            update = update ? update : c;
        else if (lint_in_list(c->name, installers) || c->name.size == 0 ||
                 call_has(c, installers)) /* xargs apt-get install */
            return;
    }
    if (update && !run_has_mount(run, "/var/lib/apt/lists /var/cache/apk /var/cache/yum"))
        lint_add(l, lint_call_span(l, run, update),
                 "package lists are updated in a RUN of their own: its cached layer grows old, and "
                 "a later install takes old versions or fails");
}

#define ANSWER_WHY                                                                                 \
    "Nobody is there to answer in a build: the package manager stops, or takes the end of input "  \
    "for a no, and the build fails."

static const struct lint_row rows[] = {
    {
        .id = "CP321",
        .name = "apt-no-yes",
        .aliases = {"DL3014"},
        .title = "apt-get install without -y",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = ANSWER_WHY,
        .fix = "Write apt-get install -y.",
        .bad = "FROM debian:12.5\nRUN apt-get install curl=7.*\n",
        .good = "FROM debian:12.5\nRUN apt-get install -y --no-install-recommends curl=7.*\n"
                "USER 1001\n",
        .run = check_apt_answer,
    },
    {
        .id = "CP322",
        .name = "yum-no-yes",
        .aliases = {"DL3030"},
        .title = "yum install without -y",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = ANSWER_WHY,
        .fix = "Write yum install -y.",
        .bad = "FROM rockylinux:9.3\nRUN yum install httpd-2.4.57 && yum clean all\n",
        .good = "FROM rockylinux:9.3\nRUN yum install -y httpd-2.4.57 && yum clean all\n"
                "USER 1001\n",
        .run = check_yum_answer,
    },
    {
        .id = "CP323",
        .name = "zypper-no-yes",
        .aliases = {"DL3034"},
        .title = "zypper without -n or -y",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = ANSWER_WHY,
        .fix = "Write zypper --non-interactive, or -y behind the command.",
        .bad = "FROM opensuse/leap:15.5\nRUN zypper install httpd=2.4 && zypper clean\n",
        .good = "FROM opensuse/leap:15.5\nRUN zypper install -y httpd=2.4 && zypper clean\n"
                "USER 1001\n",
        .run = check_zypper_answer,
    },
    {
        .id = "CP324",
        .name = "dnf-no-yes",
        .aliases = {"DL3038"},
        .title = "dnf or microdnf install without -y",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = ANSWER_WHY,
        .fix = "Write dnf install -y.",
        .bad = "FROM fedora:40\nRUN dnf install httpd-2.4.59 && dnf clean all\n",
        .good = "FROM fedora:40\nRUN dnf install -y httpd-2.4.59 && dnf clean all\nUSER 1001\n",
        .run = check_dnf_answer,
    },
    {
        .id = "CP325",
        .name = "apt-recommends",
        .aliases = {"DL3015"},
        .title = "apt-get install without --no-install-recommends",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE,
        .why = "Recommended packages are for desktops; they often double the size of a layer. "
               "What is not installed cannot be attacked.",
        .fix = "Write apt-get install --no-install-recommends, and name what is really needed.",
        .bad = "FROM debian:12.5\nRUN apt-get install -y curl=7.*\n",
        .good = "FROM debian:12.5\nRUN apt-get install -y --no-install-recommends curl=7.*\n"
                "USER 1001\n",
        .run = check_recommends,
    },
    {
        .id = "CP326",
        .name = "apt-for-people",
        .aliases = {"DL3027", "CKV_DOCKER_9"},
        .title = "apt instead of apt-get",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "apt says itself that its command line is not stable. apt-get is made for scripts.",
        .fix = "Write apt-get or apt-cache.",
        .bad = "FROM debian:12.5\nRUN apt install -y curl=7.*\n",
        .good = "FROM debian:12.5\nRUN apt-get install -y --no-install-recommends curl=7.*\n"
                "USER 1001\n",
        .run = check_apt,
    },
    {
        .id = "CP341",
        .name = "zypper-dist-upgrade",
        .aliases = {"DL3035"},
        .title = "zypper dist-upgrade",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "A distribution upgrade changes every package of the base image, and which ones "
               "depends on the day of the build.",
        .fix = "Take a newer base image.",
        .bad = "FROM opensuse/leap:15.5\nRUN zypper dup -y\n",
        .good = "FROM opensuse/leap:15.5\nRUN zypper install -y httpd=2.4 && zypper clean\n"
                "USER 1001\n",
        .run = check_zypper_upgrade,
    },
    {
        .id = "CP342",
        .name = "dist-upgrade",
        .aliases = {NULL, "DKL-DI-0003", "DL3005", "DL3017", "DL3031", "DL3039"},
        .title = "all packages of the base image are upgraded",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "Upgraded files are stored twice, and what the image holds depends on the day of "
               "the build. The base image is the place where its packages are mended.",
        .fix = "Take a newer base image by its digest; upgrade single packages by name.",
        .bad = "FROM alpine:3.20.1\nRUN apk upgrade --no-cache\n",
        .good = "FROM alpine:3.20.1\nRUN apk add --no-cache curl=8.9.0-r0\nUSER 1001\n",
        .covered_by = {"CP341"},
        .run = check_upgrade,
    },
    {
        .id = "CP343",
        .name = "update-alone",
        .aliases = {NULL, "CIS-DI-0007", "CKV_DOCKER_5", "DB-4.7"},
        .title = "package lists are updated in a RUN of their own",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "The build cache keeps the layer of the update for as long as its line does not "
               "change. Later installs then ask for versions that the mirror no longer has.",
        .fix = "Join update and install in one RUN with &&.",
        .bad = "FROM alpine:3.20.1\nRUN apk update\nRUN apk add --no-cache curl=8.9.0-r0\n",
        .good = "FROM alpine:3.20.1\nRUN apk add --no-cache curl=8.9.0-r0\nUSER 1001\n",
        .run = check_update_alone,
    },
};

const struct lint_table lint_packages = {rows, ARRAY_SIZE(rows)};
