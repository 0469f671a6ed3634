/* rules_shell.c - what RUN does with the shell: programs that make no sense in a build, cd, pipes, RUNs in a row. */
#include <ctype.h>

#include "lint/run.h"

/* The first call of one of the programs. */
static const struct lint_call *find_call(const struct lint_run *run, const char *names)
{
    for (size_t i = 0; i < run->call_count; i++)
        if (call_is(&run->calls[i], names))
            return &run->calls[i];
    return NULL;
}

/* ---- DL3001, DL3003, DL3004 ---- */

static void check_pointless(struct lint *l, const struct lint_run *run)
{
    const struct lint_call *c =
        find_call(run, "free kill mount ps service shutdown ssh top vim ifconfig");

    if (c)
        lint_add(l, lint_call_span(l, run, c),
                 "'%.*s' makes no sense in a build: nothing runs there but this RUN",
                 VIEW_ARG(c->name));
}

static void check_cd(struct lint *l, const struct lint_run *run)
{
    const struct lint_call *c = find_call(run, "cd");

    if (c)
        lint_add(l, lint_call_span(l, run, c),
                 "cd holds for this RUN only: use WORKDIR to change the directory");
}

static void check_sudo(struct lint *l, const struct lint_run *run)
{
    const struct lint_call *c = find_call(run, "sudo");

    if (c)
        lint_add(l, lint_call_span(l, run, c),
                 "sudo has no predictable terminal and signals in a build: use USER, or gosu at "
                 "start");
}

/* ---- DL3046 ---- */

static void check_uid(struct lint *l, const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++) {
        const struct lint_call *c = &run->calls[i];

        if (!call_is(c, "useradd") || call_flag(c, "l no-log-init"))
            continue;
        const struct view uid = call_flag_value(c, "u uid");
        if (uid.size <= 5)
            continue;
        lint_add(l, lint_call_span(l, run, c),
                 "useradd of the high user id '%.*s' without -l: the lastlog and faillog of the "
                 "image grow with the id",
                 LINT_CUT(uid));
        return;
    }
}

/* ---- DL3047, DL4001 ---- */

static void check_wget(struct lint *l, const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++) {
        const struct lint_call *c = &run->calls[i];

        if (!call_is(c, "wget") ||
            call_flag(c, "progress q quiet o output-file a append-output no-verbose") ||
            call_has(c, "-nv"))
            continue;
        const struct span span = lint_call_span(l, run, c);
        static const char text[] =
            "wget without --progress=dot:giga, -q or -nv: its bar fills the log";
        const struct sh_word *name = c->node ? c->node->words : NULL;
        if (name && view_eq_text(name->raw, "wget") && !run->detached)
            lint_add_edit(l, span, lint_span_behind(lint_place(l, run, name->raw)), " -nv", "%s",
                          text);
        else
            lint_add(l, span, "%s", text);
        return;
    }
}

/* Both in one stage: at every RUN that has one when the other was seen. */
static void check_both(struct lint *l, const struct lint_stage *s)
{
    unsigned seen[2] = {0}; /* of RUN and of ONBUILD RUN: curl 1, wget 2 */

    for (size_t i = 0; i < s->count; i++) {
        const struct instruction *in = &s->at[i];
        if ((in->trigger ? in->trigger->kind : in->kind) != INSTRUCTION_RUN)
            continue;
        const struct lint_run *run = lint_run_get(l, s, in);
        const struct lint_call *curl = find_call(run, "curl"), *wget = find_call(run, "wget");
        if (!curl && !wget)
            continue;
        unsigned *mine = &seen[run->trigger];
        const struct lint_call *second = *mine == 1 ? wget : *mine == 2 ? curl : NULL;
        *mine |= (curl ? 1u : 0) | (wget ? 2u : 0);
        if (!second)
            second = curl && wget ? MAX(curl, wget) : curl ? curl : wget;
        if (*mine == 3)
            lint_add(l, lint_call_span(l, run, second),
                     "curl and wget are both used in this stage: one of them is enough");
    }
}

/* ---- DL4005 ---- */

static void check_sh_link(struct lint *l, const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++)
        if (call_is(&run->calls[i], "ln") && call_has(&run->calls[i], "/bin/sh")) {
            lint_add(l, lint_call_span(l, run, &run->calls[i]),
                     "/bin/sh is replaced by a link: use SHELL to choose the shell of RUN");
            return;
        }
}

/* ---- DL4006 ---- */

static bool sets_pipefail(const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++)
        if (call_is(&run->calls[i], "set") && call_flag(&run->calls[i], "o") &&
            call_has(&run->calls[i], "pipefail"))
            return true;
    return false;
}

static bool shell_has_pipefail(const struct instruction *shell)
{
    bool option = false, pipefail = false;

    if (!shell || shell->word_count == 0 ||
        !lint_in_list(lint_base_name(shell->words[0].text), "bash zsh ash"))
        return false;
    for (size_t i = 1; i < shell->word_count; i++) {
        const struct view w = shell->words[i].text;
        option |= w.size > 1 && w.at[0] == '-' && memchr(w.at, 'o', w.size);
        pipefail |= view_eq_text(w, "pipefail");
    }
    return option && pipefail;
}

static void check_pipe(struct lint *l, const struct lint_run *run)
{
    if (run->windows || run->in->json || shell_has_pipefail(run->stage->scope.shell) ||
        sets_pipefail(run))
        return;
    for (size_t i = 0; i < run->script_count; i++) {
        const struct sh_script *s = run->scripts[i];
        if (s->pipe_count == 0)
            continue;
        const struct sh_node *pipe = s->pipes[0];
        lint_add(l,
                 lint_place(l, run, view_make(s->text.at + pipe->begin, pipe->end - pipe->begin)),
                 "a failure before the last '|' goes unseen: set SHELL [\"/bin/bash\", \"-o\", "
                 "\"pipefail\", \"-c\"] (on alpine /bin/ash) before this RUN");
        return;
    }
}

/* ---- text that no shell reads ---- */

static bool is_known_shell(const struct lint_run *run)
{
    const struct lint_scope *scope = &run->stage->scope;
    const struct view shell = scope->pragma_shell.size > 0 ? scope->pragma_shell
                              : scope->shell && scope->shell->word_count > 0
                                  ? scope->shell->words[0].text
                                  : VIEW("/bin/sh");

    return lint_in_list(lint_base_name(shell), "sh bash ash dash ksh mksh");
}

static void check_syntax(struct lint *l, const struct lint_run *run)
{
    for (size_t i = 0; is_known_shell(run) && i < run->script_count; i++) {
        const struct sh_script *s = run->scripts[i];

        if (s->error_count == 0)
            continue;
        const size_t at = s->errors[0].at;
        lint_add(l, lint_place(l, run, view_make(s->text.at + at, at < s->text.size)),
                 "the shell stops here: %s", s->errors[0].text);
        return;
    }
}

/* ---- DL3059 ---- */

#define FLAGS_MAX 64 /* each is compared with each */

static bool same_flags(const struct instruction *a, const struct instruction *b)
{
    if (a->flag_count != b->flag_count || a->flag_count > FLAGS_MAX)
        return false;
    for (size_t i = 0; i < a->flag_count; i++) {
        bool found = false;
        for (size_t j = 0; j < b->flag_count && !found; j++)
            found = view_eq(a->flags[i].text, b->flags[j].text);
        if (!found)
            return false;
    }
    return true;
}

static void check_consecutive(struct lint *l, const struct lint_stage *s)
{
    const struct lint_run *before = NULL;

    for (size_t i = 0; i < s->count; i++) {
        const struct lint_run *run =
            s->at[i].kind == INSTRUCTION_RUN ? lint_run_get(l, s, &s->at[i]) : NULL;

        if (!run || !before || !same_flags(before->in, run->in) || before->call_count > 1 ||
            run->call_count > 1)
            before = run;
        else
            lint_add(l, run->in->keyword_span,
                     "two RUNs in a row, of one command each: join them with &&");
    }
}

/* ---- DL3010 ---- */

static bool is_archive(struct view v)
{
    static const char *const endings[] = {
        ".tar",    ".tar.bz2",  ".tb2", ".tbz",    ".tbz2", ".tar.gz", ".tgz", ".tpz",
        ".tar.lz", ".tar.lzma", ".tlz", ".tar.xz", ".txz",  ".tar.Z",  ".tZ",  ".tar.zst"};

    for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
        if (view_ends(v, endings[i]))
            return true;
    return false;
}

static bool unpacks(const struct lint_call *c)
{
    if (call_is(c, "bunzip2 gunzip uncompress unlzma unxz unzip zcat gzcat bzcat xzcat"))
        return true;
    if (!call_is(c, "tar bsdtar"))
        return false;
    if (call_flag(c, "x extract get"))
        return true;
    return c->arg_count > 0 && !c->args[0].flag && c->args[0].text.size < 8 &&
           memchr(c->args[0].text.at, 'x', c->args[0].text.size);
}

/* Base names of what the stage unpacks -> number, from 1, of the last instruction that does. */
static void collect_unpacked(struct lint *l, const struct lint_stage *s, struct map *ret)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->at[i].kind != INSTRUCTION_RUN)
            continue;
        const struct lint_run *run = lint_run_get(l, s, &s->at[i]);
        for (size_t j = 0; j < run->call_count; j++)
            for (size_t k = 0; unpacks(&run->calls[j]) && k < run->calls[j].arg_count; k++) {
                struct view arg = run->calls[j].args[k].text;
                const char *equals = memchr(arg.at, '=', arg.size);
                if (view_starts(arg, "--") && equals)
                    arg = view_make(equals + 1, (size_t)(arg.at + arg.size - equals) - 1);
                if (is_archive(arg))
                    map_set(ret, lint_base_name(arg), (void *)(uintptr_t)(i + 1));
            }
    }
}

/* The first source of a COPY that a later RUN unpacks. */
static const struct word *find_unpacked(const struct instruction *in, size_t number,
                                        const struct map *unpacked)
{
    struct view target = lint_unquote(in->words[in->word_count - 1].text);

    if (view_ends(target, "\"")) /* of a path with blanks, which is more words to us */
        target.size--;

    for (size_t i = 0; i + 1 < in->word_count; i++) {
        const struct view source = lint_unquote(in->words[i].text);
        if (!is_archive(source))
            continue;
        if ((uintptr_t)map_get(unpacked, lint_base_name(is_archive(target) ? target : source)) >
            number)
            return &in->words[i];
    }
    return NULL;
}

static void check_archive(struct lint *l, const struct lint_stage *s)
{
    CLEANUP(map_done) struct map unpacked = {0};

    collect_unpacked(l, s, &unpacked);
    for (size_t i = 0; unpacked.size > 0 && i < s->count; i++) {
        const struct instruction *in = &s->at[i];

        if (in->kind != INSTRUCTION_COPY || in->word_count < 2 || instruction_flag(in, "from").at)
            continue;
        const struct word *w = find_unpacked(in, i + 1, &unpacked);
        if (w)
            lint_add(l, w->span,
                     "'%.*s' is copied, then unpacked by a RUN, and ships twice: ADD unpacks it at "
                     "once",
                     LINT_CUT(w->text));
    }
}

static const struct lint_row rows[] = {
    {
        .id = "CP401",
        .name = "pointless-command",
        .aliases = {"DL3001", "ID.22", "ID.20022"},
        .title = "a command that makes no sense in a build",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE,
        .why = "Processes, services and mounts do not outlive a RUN, and no other ones are there. "
               "Such a line works on a machine, not in an image.",
        .fix = "Leave it out, or put it into the script that the container starts.",
        .bad = "FROM debian:12.5\nRUN service nginx start\n",
        .good = "FROM debian:12.5\nCMD [\"nginx\", \"-g\", \"daemon off;\"]\nUSER 1001\n",
        .run = check_pointless,
    },
    {
        .id = "CP402",
        .name = "cd-in-run",
        .aliases = {"DL3003"},
        .title = "cd instead of WORKDIR",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "The directory of a cd ends with its RUN: the next one begins where WORKDIR says. "
               "Readers have to follow each && to know where a file goes.",
        .fix = "Write WORKDIR, or give the program its directory (make -C, git -C).",
        .bad = "FROM debian:12.5\nRUN cd /srv && make\n",
        .good = "FROM debian:12.5\nRUN make -C /srv\nUSER 1001\n",
        .run = check_cd,
    },
    {
        .id = "CP403",
        .name = "sudo",
        .aliases = {"DL3004", "DKL-DI-0001", "CKV2_DOCKER_1"},
        .title = "sudo in a build",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "RUN is root already unless USER says otherwise; and an image with sudo lets its "
               "user become root. Signals and terminals pass through it in surprising ways.",
        .fix = "Write USER root before the RUN and USER <uid> behind it.",
        .bad = "FROM debian:12.5\nRUN sudo make install\n",
        .good = "FROM debian:12.5\nRUN make install\nUSER 1001\n",
        .run = check_sudo,
    },
    {
        .id = "CP404",
        .name = "useradd-high-uid",
        .aliases = {"DL3046"},
        .title = "useradd of a high user id without -l",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "useradd writes an entry at the place of the id into /var/log/lastlog and faillog. "
               "The hole before it becomes real bytes in a layer: gigabytes for a high id.",
        .fix = "Write useradd --no-log-init.",
        .bad = "FROM debian:12.5\nRUN useradd -u 123456 app\n",
        .good = "FROM debian:12.5\nRUN useradd -l -u 123456 app\nUSER 123456\n",
        .run = check_uid,
    },
    {
        .id = "CP405",
        .name = "wget-progress",
        .aliases = {"DL3047"},
        .title = "wget without a quiet progress",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE,
        .why = "Without a terminal wget writes a line for each few kilobytes: the log of the "
               "build becomes unreadable.",
        .fix = "Write wget -nv, -q or --progress=dot:giga.",
        .bad = "FROM debian:12.5\nRUN wget https://h.example/f\n",
        .good = "FROM debian:12.5\nRUN wget -nv https://h.example/f\nUSER 1001\n",
        .run = check_wget,
    },
    {
        .id = "CP406",
        .name = "curl-and-wget",
        .aliases = {"DL4001"},
        .title = "curl and wget in one stage",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "One of the two is enough, and each is a tool for whoever breaks in.",
        .fix = "Use the one that the base image has.",
        .bad = "FROM debian:12.5\nRUN wget -q https://h.example/a && curl -fsSO "
               "https://h.example/b\n",
        .good = "FROM debian:12.5\nRUN wget -q https://h.example/a && wget -q "
                "https://h.example/b\nUSER 1001\n",
        .stage = check_both,
    },
    {
        .id = "CP407",
        .name = "sh-replaced",
        .aliases = {"DL4005"},
        .title = "/bin/sh is replaced by a link",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "Every script of the distribution runs with the new shell from then on, though it "
               "was written for the other. SHELL changes RUN, and nothing else.",
        .fix = "Write SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"].",
        .bad = "FROM debian:12.5\nRUN ln -sf /bin/bash /bin/sh\n",
        .good = "FROM debian:12.5\nSHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\n"
                "USER 1001\n",
        .run = check_sh_link,
    },
    {
        .id = "CP408",
        .name = "no-pipefail",
        .aliases = {"DL4006"},
        .title = "a pipe without pipefail",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "A pipe has the status of its last program: a download that fails before it is a "
               "success, and the build goes on with half a file.",
        .fix = "Write SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"] before the RUN; /bin/ash "
               "on alpine.",
        .bad = "FROM debian:12.5\nRUN curl -fsS https://h.example/l | sort -o /l\n",
        .good = "FROM debian:12.5\nSHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nRUN curl "
                "-fsS https://h.example/l | sort -o /l\nUSER 1001\n",
        .run = check_pipe,
    },
    {
        .id = "CP411",
        .name = "shell-syntax",
        .aliases = {NULL},
        .title = "the text of RUN is no shell",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE,
        .why = "The shell refuses the whole RUN when it gets to such a place, minutes into the "
               "build. Most often a quote is not closed or a word like 'fi' is missing.",
        .fix = "Mend the place that is shown; text with many quotes reads better in a heredoc.",
        .bad = "FROM debian:12.5\nRUN if test -f /x; then y\n",
        .good = "FROM debian:12.5\nRUN if test -f /x; then y; fi\nUSER 1001\n",
        .run = check_syntax,
    },
    {
        .id = "CP409",
        .name = "consecutive-runs",
        .aliases = {"DL3059", "ID.20019"},
        .title = "RUNs in a row",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE,
        .why = "Each RUN is a layer: files that the next one changes or deletes ship anyway.",
        .fix = "Join them with && or a heredoc.",
        .bad = "FROM debian:12.5\nRUN a\nRUN b\n",
        .good = "FROM debian:12.5\nRUN a && b\nUSER 1001\n",
        .stage = check_consecutive,
    },
    {
        .id = "CP410",
        .name = "archive-unpacked",
        .aliases = {"DL3010"},
        .title = "an archive is copied, then unpacked",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE,
        .why = "COPY puts the archive into a layer where it stays, though the RUN behind it "
               "deletes it. ADD unpacks a local archive and stores its files alone.",
        .fix = "Write ADD for local archives.",
        .bad = "FROM debian:12.5\nCOPY pkg.tar.gz /opt/\nRUN tar -xzf /opt/pkg.tar.gz\n",
        .good = "FROM debian:12.5\nADD pkg.tar.gz /opt/\nUSER 1001\n",
        .stage = check_archive,
    },
};

const struct lint_table lint_shell = {rows, ARRAY_SIZE(rows)};
