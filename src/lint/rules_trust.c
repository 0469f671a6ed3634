/* rules_trust.c - what RUN takes from the network without a check, and secrets in its text. */
#include <ctype.h>

#include "dockerfile/errexit.h"
#include "lint/run.h"

/* ---- TLS and signature checks off ---- */

/* A letter in a cluster of short flags, up to one whose value is the rest. */
static const struct lint_arg *short_flag(const struct lint_call *c, char letter, const char *valued)
{
    for (size_t i = 0; i < c->arg_count; i++) {
        const struct view t = c->args[i].text;

        if (!c->args[i].flag || t.at[1] == '-')
            continue;
        for (size_t j = 1; j < t.size && !(t.at[j] && strchr(valued, t.at[j])); j++)
            if (t.at[j] == letter)
                return &c->args[i];
    }
    return NULL;
}

/* An argument that holds one of the texts, case ignored, blanks around '=' not. */
static const struct lint_arg *holds(const struct lint_call *c, const char *texts)
{
    for (size_t i = 0; i < c->arg_count; i++) {
        struct view rest = view_of(texts), text;

        while (rest.at && view_cut(&rest, ' ', &text))
            for (size_t j = 0; text.size > 0 && j + text.size <= c->args[i].text.size; j++)
                if (strncasecmp(c->args[i].text.at + j, text.at, text.size) == 0)
                    return &c->args[i];
    }
    return NULL;
}

static const struct {
    const char *programs;
    const char *flags; /* "" for none */
    const char *texts; /* of an argument */
} switches[] = {
    {"curl", "insecure proxy-insecure", ""},
    {"wget", "no-check-certificate", ""},
    {"apk", "allow-untrusted", ""},
    {"apt-get apt aptitude", "allow-unauthenticated force-yes allow-insecure-repositories",
     "AllowUnauthenticated=true AllowUnauthenticated=1 AllowInsecureRepositories=true "
     "AllowInsecureRepositories=1 Verify-Peer=false Verify-Host=false"},
    {"yum dnf microdnf tdnf yum-config-manager", "nogpgcheck no-gpgchecks",
     "sslverify=0 sslverify=false gpgcheck=0 gpgcheck=false"},
    {"zypper", "no-gpg-checks", ""},
    {"rpm", "nosignature nodigest noverify nogpg", ""},
    {"npm yarn pnpm", "no-strict-ssl", "strict-ssl=false strict-ssl=0"},
    {"git", "", "http.sslVerify=false http.sslVerify=0"},
    {"go", "", "-insecure"},
    {"conda mamba", "insecure", ""},
    {"gem", "", "ssl_verify_mode:0"},
};

/* `npm config set strict-ssl false`: the value is a word of its own. */
static const struct lint_arg *pair_is_off(const struct lint_call *c)
{
    static const char *const keys[] = {"strict-ssl", "http.sslVerify", "ssl_verify", "sslverify",
                                       NULL};
    static const char *const values[] = {"false", "0", "no", "off", NULL};

    if (!call_is(c, "npm yarn pnpm git conda mamba"))
        return NULL;
    for (size_t i = 0; i + 1 < c->arg_count; i++)
        if (lint_view_in(c->args[i].text, keys) && lint_view_in(c->args[i + 1].text, values))
            return &c->args[i];
    return NULL;
}

static const struct lint_arg *check_off(const struct lint_call *c)
{
    const struct lint_arg *a;

    if (call_is(c, "curl") && (a = short_flag(c, 'k', "AbcCdDeEFhHKmoPQrtTuUwxXyYz")))
        return a;
    if (call_is_pip_install(c) && (a = call_flag(c, "trusted-host")))
        return a;
    for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
        if (call_is(c, switches[i].programs) &&
            ((a = call_flag(c, switches[i].flags)) || (a = holds(c, switches[i].texts))))
            return a;
    if (call_is(c, "echo printf") && (a = holds(c, "sslverify=0 sslverify=false gpgcheck=0 "
                                                   "strict-ssl=false")))
        return a;
    return pair_is_off(c);
}

/* A variable that switches a check off. */
static bool variable_is_off(struct view name, struct view value)
{
    static const char *const off[] = {"0", "false", "no", "off", NULL};

    value = lint_unquote(value);
    if (lint_in_list(name, "NODE_TLS_REJECT_UNAUTHORIZED PYTHONHTTPSVERIFY npm_config_strict_ssl "
                           "NPM_CONFIG_STRICT_SSL"))
        return lint_view_in(value, off);
    if (lint_in_list(name, "GIT_SSL_NO_VERIFY"))
        return value.size > 0 && !lint_view_in(value, off);
    return lint_in_list(name, "PIP_TRUSTED_HOST GOINSECURE") && value.size > 0;
}

static const char off_text[] = "checks of TLS or signatures are switched off by '%.*s': whoever "
                               "sits on the way chooses what is installed";

static void check_off_variable(struct lint *l, const struct lint_stage *s,
                               const struct instruction *in)
{
    (void)s;
    for (size_t i = 0; i < in->word_count; i += in->kind == INSTRUCTION_ENV ? 3 : 1) {
        struct view name = in->words[i].text, value = name;

        if (in->kind == INSTRUCTION_ENV)
            value = i + 1 < in->word_count ? in->words[i + 1].text : VIEW("");
        else
            (void)view_cut(&value, '=', &name);
        if (value.at && variable_is_off(lint_unquote(name), value))
            lint_add(l, in->words[i].span, off_text, LINT_CUT(name));
    }
}

static bool add_off_assignment(struct lint *l, const struct lint_run *run,
                               const struct lint_call *c)
{
    const struct sh_assign *a = c->node ? c->node->assigns : NULL;

    for (; a; a = a->next)
        if (variable_is_off(a->name, a->value->text)) {
            lint_add(l, lint_place(l, run, a->name), off_text, LINT_CUT(a->name));
            return true;
        }
    for (size_t i = 0; call_is(c, "export") && i < c->arg_count; i++) {
        struct view value = c->args[i].text, name;
        if (view_cut(&value, '=', &name) && value.at && variable_is_off(name, value)) {
            lint_add(l, lint_arg_span(l, run, c, &c->args[i]), off_text, LINT_CUT(name));
            return true;
        }
    }
    return false;
}

static void check_off_run(struct lint *l, const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++) {
        const struct lint_call *c = &run->calls[i];
        const struct lint_arg *a = check_off(c);

        if (a)
            lint_add(l, lint_arg_span(l, run, c, a), off_text, LINT_CUT(a->text));
        else
            (void)add_off_assignment(l, run, c);
    }
}

/* ---- a download that is run as it comes ---- */

#define PIPES_MAX 100u /* that are looked into, each time through all calls of the RUN */

static bool reads_program(const struct lint_call *c)
{
    size_t at = 0;
    const struct lint_arg *a = call_operand(c, &at, "o O");
    const struct view name = lint_base_name(c->name);

    if (view_eq_text(name, "sudo"))
        return a && errexit_is_shell(a->text);
    if (errexit_is_shell(c->name))
        return !call_flag(c, "c") && (!a || view_eq_text(a->text, "-") || call_flag(c, "s"));
    return (view_starts(name, "python") || lint_in_list(name, "perl ruby node php")) &&
           !call_flag(c, "c e m") && (!a || view_eq_text(a->text, "-"));
}

static bool is_inside(const struct lint_call *c, const struct sh_node *outer,
                      const struct sh_script *s)
{
    const char *begin = s->text.at + outer->begin, *end = s->text.at + outer->end;

    return c->bytes.at && c->bytes.at >= begin && c->bytes.at < end;
}

static bool downloads(const struct lint_call *c)
{
    return call_is(c, "curl wget");
}

/* curl ... | sh: the download stands before the shell. */
static const struct lint_call *find_piped(const struct lint_run *run, const struct sh_script *s,
                                          const struct sh_node *pipe)
{
    bool seen = false;

    for (size_t i = 0; i < run->call_count; i++) {
        const struct lint_call *c = &run->calls[i];

        if (!is_inside(c, pipe, s))
            continue;
        if (seen && reads_program(c))
            return c;
        seen |= downloads(c);
    }
    return NULL;
}

/* sh -c "$(curl ...)", bash <(curl ...), eval `curl ...`. */
static bool runs_download(const struct lint_run *run, const struct sh_script *s, size_t i)
{
    const struct lint_call *c = &run->calls[i];

    if (!c->node || (!errexit_is_shell(c->name) && !call_is(c, "eval source .")))
        return false;
    for (size_t j = i + 1; j < run->call_count && is_inside(&run->calls[j], c->node, s); j++)
        if (downloads(&run->calls[j]))
            return true;
    return false;
}

static void check_pipe_to_shell(struct lint *l, const struct lint_run *run)
{
    static const char text[] = "a download is run as it comes: nobody looks at it, and half of it "
                               "may be enough to run";

    for (size_t i = 0; i < run->script_count; i++) {
        const struct sh_script *s = run->scripts[i];

        for (size_t j = 0; j < MIN(s->pipe_count, PIPES_MAX); j++) {
            const struct lint_call *c = find_piped(run, s, s->pipes[j]);
            if (c) {
                lint_add(l, lint_call_span(l, run, c), text);
                return;
            }
        }
        for (size_t j = 0; j < run->call_count; j++)
            if (runs_download(run, s, j)) {
                lint_add(l, lint_call_span(l, run, &run->calls[j]), text);
                return;
            }
    }
}

/* ---- passwords ---- */

static void check_password(struct lint *l, const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++) {
        const struct lint_call *c = &run->calls[i];

        if (call_is(c, "chpasswd") || (call_is(c, "passwd") && call_flag(c, "d delete stdin")) ||
            (call_is(c, "useradd usermod") && call_flag(c, "p password"))) {
            lint_add(l, lint_call_span(l, run, c),
                     "'%.*s' sets or empties a password that all containers of the image share",
                     VIEW_ARG(c->name));
            return;
        }
    }
}

/* ---- secrets in the text ---- */

#define KEY_MIN 20 /* bytes: no form of a key or token is shorter */

/* "bob:hunter2@" between "://" and the next '/', both halves written out. */
static bool url_has_password(struct view v)
{
    const char *at = v.size ? memmem(v.at, v.size, "://", 3) : NULL;

    if (!at)
        return false;
    at += 3;
    struct view host = view_make(at, (size_t)(v.at + v.size - at)), user;
    const char *slash = memchr(host.at, '/', host.size);
    if (slash)
        host.size = (size_t)(slash - host.at);
    const char *sign = memrchr(host.at, '@', host.size);
    if (!sign)
        return false;
    struct view password = view_make(host.at, (size_t)(sign - host.at));
    return view_cut(&password, ':', &user) && password.at && password.size > 0 &&
           !memchr(password.at, '$', password.size) && user.size > 0;
}

static bool names_secret(struct view name)
{
    static const char *const plain[] = {"password", "passwd", "passphrase", "secret",
                                        "token",    "apikey", "credential", "credentials"};
    static const char *const keys[] = {"api", "secret", "access", "private", "auth"};
    static const char *const none[] = {"file", "path", "dir", "url", "name", "version", "public"};
    bool found = false, key = false, which = false, harmless = false;
    size_t begin = 0;

    for (size_t i = 0; i <= name.size; i++) {
        if (i < name.size && name.at[i] != '_' && name.at[i] != '-')
            continue;
        const struct view word = view_make(name.at + begin, i - begin);
        for (size_t j = 0; j < ARRAY_SIZE(plain); j++)
            found |= view_eq_nocase(word, plain[j]);
        for (size_t j = 0; j < ARRAY_SIZE(keys); j++)
            which |= view_eq_nocase(word, keys[j]);
        for (size_t j = 0; j < ARRAY_SIZE(none); j++)
            harmless |= view_eq_nocase(word, none[j]);
        key |= view_eq_nocase(word, "key");
        begin = i + 1;
    }
    return !harmless && (found || (key && which));
}

/* Written out, and not a path, a switch or an empty word. */
static bool is_secret_value(struct view v)
{
    static const char *const none[] = {"true", "false", "yes", "no", "none", "null", NULL};

    return v.size > 3 && !memchr(v.at, '$', v.size) && v.at[0] != '/' && v.at[0] != '.' &&
           v.at[0] != '<' && !lint_view_in(v, none);
}

static bool arg_is_secret(const struct lint_call *c, size_t i)
{
    const struct lint_arg *a = &c->args[i];
    struct view value = a->text, name;
    const struct view next = i + 1 < c->arg_count ? c->args[i + 1].text : VIEW("");

    if (url_has_password(value) || (value.size >= KEY_MIN && lint_secret_in(value)))
        return true;
    if (call_is(c, "curl wget") && lint_in_list(a->text, "-u --user --proxy-user"))
        return memchr(next.at, ':', next.size) && !view_ends(next, ":") &&
               !memchr(next.at, '$', next.size);
    if (call_is(c, "mysql mysqladmin mysqldump mariadb") && view_starts(a->text, "-p") &&
        a->text.size > 2)
        return is_secret_value(view_make(a->text.at + 2, a->text.size - 2));
    const bool cut = view_cut(&value, '=', &name) && value.at;
    if (a->flag && cut && view_starts(name, "--"))
        return names_secret(view_make(name.at + 2, name.size - 2)) && is_secret_value(value);
    if (call_is(c, "export") && cut)
        return names_secret(name) && is_secret_value(value);
    return a->flag && view_starts(a->text, "--") && !cut && !view_starts(next, "-") &&
           names_secret(view_make(a->text.at + 2, a->text.size - 2)) && is_secret_value(next);
}

static const char secret_text[] = "a secret is written into the text of RUN: it stays in the "
                                  "history of the image for all who pull it";

static void check_secret(struct lint *l, const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++) {
        const struct lint_call *c = &run->calls[i];

        for (const struct sh_assign *a = c->node ? c->node->assigns : NULL; a; a = a->next)
            if ((names_secret(a->name) && a->value->literal && is_secret_value(a->value->text)) ||
                lint_secret_in(a->value->text)) {
                lint_add(l, lint_place(l, run, a->name), secret_text);
                return;
            }
        for (size_t j = 0; j < c->arg_count; j++)
            if (arg_is_secret(c, j)) {
                lint_add(l, lint_arg_span(l, run, c, &c->args[j]), secret_text);
                return;
            }
    }
}

static const struct lint_row rows[] = {
    {
        .id = "CP660",
        .name = "tls-or-signature-off",
        .aliases = {NULL, "CKV2_DOCKER_2", "CKV2_DOCKER_3", "CKV2_DOCKER_4", "CKV2_DOCKER_5",
                    "CKV2_DOCKER_6", "CKV2_DOCKER_7", "CKV2_DOCKER_8", "CKV2_DOCKER_9",
                    "CKV2_DOCKER_10", "CKV2_DOCKER_11", "CKV2_DOCKER_12", "CKV2_DOCKER_13",
                    "CKV2_DOCKER_14", "CKV2_DOCKER_15", "CKV2_DOCKER_16", "DB-4.11"},
        .title = "checks of TLS or signatures are switched off",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "Without the check anybody on the way, or on the mirror, decides what runs in the "
               "image. A variable of ENV switches it off in every container as well.",
        .fix = "Install ca-certificates or your own authority's certificate, and the key of the "
               "repository.",
        .bad = "FROM debian:12.5\nRUN curl -k https://h.example\n",
        .good = "FROM debian:12.5\nRUN curl https://h.example\nUSER 1001\n",
        .kinds = LINT_KIND(ENV) | LINT_KIND(ARG),
        .instruction = check_off_variable,
        .run = check_off_run,
    },
    {
        .id = "CP661",
        .name = "pipe-to-shell",
        .aliases = {NULL},
        .title = "a download is piped into a shell",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "What runs is whatever the server sends that day, to that client. A connection that "
               "breaks in the middle runs half a script.",
        .fix = "Download to a file, check it (sha256sum -c), then run it; or ADD --checksum.",
        .bad = "FROM debian:12.5\nRUN curl -fsSL https://h.example/i.sh | sh\n",
        .good = "FROM debian:12.5\nADD "
                "--checksum=sha256:"
                "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd "
                "https://h.example/i.sh /i.sh\nRUN sh /i.sh\nUSER 1001\n",
        .run = check_pipe_to_shell,
    },
    {
        .id = "CP662",
        .name = "chpasswd",
        .aliases = {NULL, "CKV2_DOCKER_17"},
        .title = "a password is set or emptied in the image",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "Every container of the image has the same password then, and everybody who can "
               "pull it can read the hash.",
        .fix = "Leave accounts locked: a container needs no login.",
        .bad = "FROM debian:12.5\nRUN passwd -d root\n",
        .good = "FROM debian:12.5\nRUN useradd -l app\nUSER 1001\n",
        .run = check_password,
    },
    {
        .id = "CP663",
        .name = "secret-in-run",
        .aliases = {NULL, "CIS-DI-0010", "DB-4.10"},
        .title = "a secret in the text of RUN",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "The text of each RUN is in the history of the image, in its provenance and in "
               "build logs. Deleting a file later does not take it out.",
        .fix = "Write RUN --mount=type=secret,id=ID and read /run/secrets/ID.",
        .bad = "FROM debian:12.5\nRUN git clone https://bob:hunter2@h.example/r\n",
        .good = "FROM debian:12.5\nRUN --mount=type=secret,id=t TOKEN=\"$(cat /run/secrets/t)\" "
                "make\nUSER 1001\n",
        .run = check_secret,
    },
};

const struct lint_table lint_trust = {rows, ARRAY_SIZE(rows)};
