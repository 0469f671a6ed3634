#include "build/frontend.h"

#include "base/fd.h"
#include "build/remote.h"
#include "oci/config.h"
#include "unit.h"

#define HEX64 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* ---- a resolver of three images ---- */

struct world {
    struct image_config config; /* of "base": Env, Cmd, WorkingDir, triggers */
    struct image_config plain;  /* of "plain" and "empty": nothing */
    size_t asked;               /* images that were resolved */
    bool any;                   /* every name is an image */
    struct remote *remotes[8];
    size_t remote_count;
};

static bool is_named(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "ctx") == 0 || strcmp(name, "swapped") == 0 || strcmp(name, "early") == 0 ||
           strcmp(name, "gone") == 0;
}

/* --build-context early=target:a, gone=target:nowhere */
static const char *named_stage(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "early") == 0 ? "a" : strcmp(name, "gone") == 0 ? "nowhere" : NULL;
}

static int remote(void *ctx, const struct source_remote_request *q, struct source *ret,
                  struct error *err)
{
    struct world *w = ctx;
    struct remote *r = NULL;
    int code = remote_new(q->text, false, &r, err);

    if (code <= 0)
        return code;
    for (size_t i = 0; i < w->remote_count; i++)
        if (remote_eq(w->remotes[i], r)) {
            remote_free(r);
            r = w->remotes[i];
            *ret = (struct source){.kind = SOURCE_REMOTE, .remote = r, .name = r->shown};
            return 1;
        }
    assert_true(w->remote_count < ARRAY_SIZE(w->remotes));
    w->remotes[w->remote_count++] = r;
    code = *q->checksum ? remote_set_checksum(r, q->checksum, err) : 0;
    *ret = (struct source){.kind = SOURCE_REMOTE, .remote = r, .name = r->shown};
    return code < 0 ? code : 1;
}

static int resolve(void *ctx, const char *name, const struct platform *platform, struct graph *g,
                   struct source *ret, struct error *err)
{
    struct world *w = ctx;
    struct source_image *image = arena_new_object(g->arena, struct source_image);

    (void)platform;
    w->asked++;
    if (strcmp(name, "ctx") == 0) {
        *ret = (struct source){.kind = SOURCE_DIRECTORY, .path = "/ctx"};
        return 0;
    }
    if (!w->any && strcmp(name, "base") != 0 && strcmp(name, "plain") != 0 &&
        strcmp(name, "swapped") != 0 && strcmp(name, "empty") != 0)
        return error_set(err, -ENOENT, "image '%s' is not here", name);
    image->name = arena_strdup(g->arena, name);
    image->config = strcmp(name, "base") == 0 ? &w->config : &w->plain;
    image->layer_count = strcmp(name, "empty") == 0 ? 0 : 1;
    *ret = (struct source){.kind = SOURCE_IMAGE, .image = image};
    return 0;
}

static int context(void *ctx, struct graph *g, struct source *ret, struct error *err)
{
    (void)ctx;
    (void)g;
    (void)err;
    *ret = (struct source){
        .kind = SOURCE_DIRECTORY, .path = "/context", .ignore_name = ".dockerignore"};
    return 0;
}

static int no_epoch(void *ctx, const char *name, int64_t *ret, struct error *err)
{
    (void)ctx, (void)name, (void)ret, (void)err;
    return 0;
}

static const struct platform amd64 = {"linux", "amd64", "", ""};

static void world_init(struct world *w)
{
    static const char *const cmd[] = {"base-cmd"};
    static const char *const triggers[] = {"RUN on-build", "COPY a /b"};

    *w = (struct world){0};
    config_init(&w->config, &amd64);
    config_init(&w->plain, &amd64);
    config_set_env(&w->config, "PATH", "/base/bin");
    config_set_env(&w->config, "FROM_BASE", "yes");
    config_set_list(&w->config.cmd, cmd, 1);
    w->config.cmd_set = true;
    config_set_text(&w->config.workdir, "/base");
    config_set_list(&w->config.onbuild, triggers, 2);
}

static void world_done(struct world *w)
{
    config_done(&w->config);
    config_done(&w->plain);
    for (size_t i = 0; i < w->remote_count; i++)
        remote_free(w->remotes[i]);
}

static int make_plan(struct world *w, const char *text, const char *args, const char *target,
                     struct graph **ret, struct error *err)
{
    CLEANUP(dockerfile_freep) struct dockerfile *d = NULL;
    CLEANUP(strings_done) struct strings build_args = {0}, labels = {0}, given = {0};
    char *environ_[] = {(char[]){"CALLER=from caller"}, (char[]){"https_proxy=http://proxy:1"},
                        NULL};
    const struct source_resolver sources = {w,       is_named, resolve,    context,
                                            no_epoch, remote,   named_stage};
    struct view rest = view_of(args), arg;

    while (rest.at && view_cut(&rest, ';', &arg))
        if (arg.size > 0)
            strings_take(&build_args, view_dup(arg));
    strings_add(&labels, "cli=1");
    strings_add(&given, "given");
    strings_add(&given, "fresh");
    const struct frontend_options o = {.target = target,
                                       .build_args = &build_args,
                                       .labels = &labels,
                                       .platform = amd64,
                                       .secrets = &given,
                                       .ssh = &given,
                                       .no_cache_stages = &given,
                                       .environ_ = environ_};
    int r = dockerfile_parse(view_of(text), "D", &d, err);
    if (r == 0)
        r = frontend_plan(d, &o, &sources, ret, err);
    return r;
}

/* ---- what came out, as text ---- */

static void add_list(struct str *s, const char *name, const struct strings *list)
{
    if (list->size == 0)
        return;
    str_printf(s, "%s=", name);
    for (size_t i = 0; i < list->size; i++)
        str_printf(s, "%s%s", i > 0 ? "," : "", list->at[i]);
    str_add_char(s, '\n');
}

static void add_text(struct str *s, const char *name, const char *text)
{
    if (text && *text)
        str_printf(s, "%s=%s\n", name, text);
}

static void describe_config(const struct image_config *c, struct str *s)
{
    add_list(s, "env", &c->env);
    add_list(s, "entrypoint", &c->entrypoint);
    add_list(s, "cmd", &c->cmd);
    add_list(s, "shell", &c->shell);
    add_list(s, "onbuild", &c->onbuild);
    add_list(s, "ports", &c->ports);
    add_list(s, "volumes", &c->volumes);
    add_list(s, "health", &c->healthcheck.test);
    add_text(s, "user", c->user);
    if (c->workdir && strcmp(c->workdir, "/") != 0) /* scratch has that one */
        add_text(s, "workdir", c->workdir);
    add_text(s, "signal", c->stop_signal);
    add_text(s, "author", c->author);
    vec_each (label, &c->labels)
        if (strcmp(label->key, "cli") != 0)
            str_printf(s, "label %s=%s\n", label->key, label->value);
}

static void describe_action(const struct file_action *a, struct str *s)
{
    static const char *const names[] = {"copy", "mkdir", "write", "remove"};

    str_printf(s, " %s", names[a->kind]);
    if (a->kind == FILE_COPY || a->kind == FILE_WRITE)
        str_printf(s, " %s'%s'", a->kind == FILE_COPY && a->keep_owner ? "from " : "", a->source);
    str_printf(s, " > '%s%s'", a->dest, a->dest_is_dir ? "/" : "");
    if (a->unpack)
        str_add_text(s, " unpack");
    if (*a->owner)
        str_printf(s, " owner=%s", a->owner);
    if (*a->mode)
        str_printf(s, " mode=%s", a->mode);
    if (a->kind == FILE_WRITE)
        str_printf(s, " data=%.*s", VIEW_ARG(a->data));
    str_add_char(s, '\n');
}

static void describe_mount(const struct op *op, const struct exec_mount *m, struct str *s)
{
    str_printf(s, " %s '%s'", mount_type_name(m->spec.type), m->target);
    if (*m->id)
        str_printf(s, " id=%s%s", m->id, m->given ? " given" : "");
    if (m->input)
        str_printf(s, " < '%s' of '%s'", m->source, op->inputs[m->input].op->title);
    str_printf(s, "%s\n", m->spec.readonly ? " ro" : "");
}

static void describe_op(const struct op *op, struct str *s)
{
    if (op->kind == OP_SOURCE_IMAGE || op->kind == OP_SOURCE_LOCAL ||
        op->kind == OP_SOURCE_REMOTE) {
        str_printf(s, "%s %s\n", op_kind_name(op->kind),
                   op->kind == OP_SOURCE_IMAGE   ? op->u.image.name
                   : op->kind == OP_SOURCE_LOCAL ? op->u.local.name
                                                 : op->u.remote.name);
        return;
    }
    str_printf(s, "%s\n", op->title);
    if (op->kind == OP_FILE) {
        for (size_t i = 0; i < op->u.file.action_count; i++)
            describe_action(&op->u.file.actions[i], s);
        return;
    }
    const struct op_exec *e = &op->u.exec;
    str_printf(s, " in %s as '%s':", e->cwd, e->user);
    for (size_t i = 0; i < e->argc; i++)
        str_printf(s, " '%s'", e->argv[i]);
    str_add_text(s, "\n with");
    for (size_t i = 0; i < e->env_count; i++)
        if (strncmp(e->env[i], "PATH=", 5) != 0)
            str_printf(s, " %s", e->env[i]);
    str_add_char(s, '\n');
    for (size_t i = 0; i < e->file_count; i++)
        str_printf(s, " file %s: %.*s", e->files[i].path, VIEW_ARG(e->files[i].data));
    for (size_t i = 0; i < e->mount_count; i++)
        describe_mount(op, &e->mounts[i], s);
}

static void describe_ops(const struct graph *g, struct str *s)
{
    const struct op_ref root = g->stages.at[g->targets.at[0]].root;
    bool needed[100];

    assert_true(g->ops.size < ARRAY_SIZE(needed));
    graph_needed(g, root, needed);
    for (size_t i = 0; i < g->ops.size; i++)
        if (needed[i])
            describe_op(g->ops.at[i], s);
}

static void describe_history(const struct image_config *c, struct str *s)
{
    vec_each (h, &c->history)
        str_printf(s, "%s%s\n", h->empty_layer ? "" : "* ", h->created_by);
}

/* ---- the rules, one a row ---- */

#define PATH_ENV "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const struct {
    const char *name, *text, *args, *want;
} configs[] = {
    {"PATH is there from scratch on", "FROM scratch", "", "env=" PATH_ENV "\n"},
    {"ENV sees what was before its line", "FROM scratch\nENV a=1\nENV a=2 b=$a", "",
     "env=" PATH_ENV ",a=2,b=1\n"},
    {"the later of ARG and ENV wins", "FROM scratch\nENV A=env\nARG A=arg\nENV B=$A", "",
     "env=" PATH_ENV ",A=env,B=arg\n"},
    {"the other way round", "FROM scratch\nARG A=arg\nENV A=env\nENV B=$A", "",
     "env=" PATH_ENV ",A=env,B=env\n"},
    {"ENV may use an ARG of its own name", "FROM scratch\nARG A=x\nENV A=$A/bar", "",
     "env=" PATH_ENV ",A=x/bar\n"},
    {"header ARGs are not seen in a stage", "ARG A=1\nFROM scratch\nENV B=$A", "",
     "env=" PATH_ENV ",B=\n"},
    {"but for a bare ARG", "ARG A=1\nFROM scratch\nARG A\nENV B=$A", "", "env=" PATH_ENV ",B=1\n"},
    {"a default of the stage beats the header's", "ARG A=1\nFROM scratch\nARG A=2\nENV B=$A", "",
     "env=" PATH_ENV ",B=2\n"},
    {"--build-arg beats both", "ARG A=1\nFROM scratch\nARG A=2\nENV B=$A", "A=3",
     "env=" PATH_ENV ",B=3\n"},
    {"--build-arg without ARG is nothing", "FROM scratch\nENV B=$A", "A=3",
     "env=" PATH_ENV ",B=\n"},
    {"--build-arg from the caller", "FROM scratch\nARG CALLER\nENV B=$CALLER", "CALLER",
     "env=" PATH_ENV ",B=from caller\n"},
    {"or unset", "FROM scratch\nARG NOBODY=1\nENV B=$NOBODY", "NOBODY", "env=" PATH_ENV ",B=1\n"},
    {"header ARGs use earlier ones", "ARG A=1\nARG B=$A$A\nFROM scratch\nARG B\nENV C=$B", "",
     "env=" PATH_ENV ",C=11\n"},
    {"several on a line, one after the other", "FROM scratch\nARG A=1 B=$A C\nENV D=$A$B$C", "C=c",
     "env=" PATH_ENV ",D=11c\n"},
    {"ARGs are inherited", "FROM scratch AS a\nARG N=n\nFROM a AS b\nFROM b\nENV X=$N", "",
     "env=" PATH_ENV ",X=n\n"},
    {"not by other stages", "FROM scratch AS a\nARG N=n\nFROM scratch\nENV X=$N", "",
     "env=" PATH_ENV ",X=\n"},
    {"platform needs an ARG line",
     "FROM scratch\nENV X=$TARGETARCH\nARG TARGETARCH TARGETVARIANT\nENV "
     "Y=$TARGETARCH-${TARGETVARIANT-unset}",
     "", "env=" PATH_ENV ",X=,Y=amd64-\n"},
    {"and may be overridden", "FROM scratch\nARG TARGETARCH\nENV Y=$TARGETARCH", "TARGETARCH=vax",
     "env=" PATH_ENV ",Y=vax\n"},
    {"TARGETSTAGE", "FROM scratch\nARG TARGETSTAGE\nENV Y=$TARGETSTAGE", "",
     "env=" PATH_ENV ",Y=default\n"},
    {"FROM with an ARG that is a stage",
     "ARG A=x\nFROM scratch AS stage-x\nENV a=b\nFROM stage-${A}", "", "env=" PATH_ENV ",a=b\n"},
    {"the base's configuration", "FROM base\nCOPY --from=plain x y", "",
     "env=PATH=/base/bin,FROM_BASE=yes\ncmd=base-cmd\nworkdir=/base\n"},
    {"ENTRYPOINT drops the base's CMD", "FROM base\nENTRYPOINT [\"e\"]", "",
     "env=PATH=/base/bin,FROM_BASE=yes\nentrypoint=e\nworkdir=/base\n"},
    {"not the stage's own", "FROM base\nCMD [\"c\"]\nENTRYPOINT [\"e\"]", "",
     "env=PATH=/base/bin,FROM_BASE=yes\nentrypoint=e\ncmd=c\nworkdir=/base\n"},
    {"the last of each wins", "FROM scratch\nCMD a\nCMD b\nENTRYPOINT c\nENTRYPOINT [\"d\"]", "",
     "env=" PATH_ENV "\nentrypoint=d\ncmd=/bin/sh,-c,b\n"},
    {"ENTRYPOINT [] clears", "FROM scratch\nENTRYPOINT a\nENTRYPOINT []", "", "env=" PATH_ENV "\n"},
    {"a stage's CMD goes with its base",
     "FROM scratch AS a\nCMD [\"x\"]\nFROM a\nENTRYPOINT [\"e\"]", "",
     "env=" PATH_ENV "\nentrypoint=e\n"},
    {"SHELL", "FROM scratch\nSHELL [\"/bin/bash\", \"-c\"]\nCMD a  b", "",
     "env=" PATH_ENV "\ncmd=/bin/bash,-c,a  b\nshell=/bin/bash,-c\n"},
    {"EXPOSE", "FROM scratch\nENV P=\"80 81/UDP\"\nEXPOSE $P 90-91 127.0.0.1:1:2", "",
     "env=" PATH_ENV ",P=80 81/UDP\nports=80/tcp,81/udp,2/tcp,90/tcp,91/tcp\n"},
    {"VOLUME", "FROM scratch\nENV V=/v\nVOLUME $V /w\nVOLUME [\"$V/x y\"]", "",
     "env=" PATH_ENV ",V=/v\nvolumes=/v,/w,/v/x y\n"},
    {"LABEL", "FROM scratch\nENV k=key\nLABEL $k=\"a b\" empty= cli=0\nLABEL old form  here", "",
     "env=" PATH_ENV ",k=key\nlabel key=a b\nlabel empty=\nlabel old=form  here\n"},
    {"USER STOPSIGNAL MAINTAINER", "FROM scratch\nUSER a:b\nSTOPSIGNAL SIGRTMIN+3\nMAINTAINER me",
     "", "env=" PATH_ENV "\nuser=a:b\nsignal=SIGRTMIN+3\nauthor=me\n"},
    {"HEALTHCHECK", "FROM scratch\nHEALTHCHECK --interval=5m CMD a b", "",
     "env=" PATH_ENV "\nhealth=CMD-SHELL,a b\n"},
    {"HEALTHCHECK NONE", "FROM scratch\nHEALTHCHECK CMD [\"a\", \"b\"]\nHEALTHCHECK none", "",
     "env=" PATH_ENV "\nhealth=NONE\n"},
    {"ONBUILD is kept", "FROM scratch\nONBUILD RUN a\nONBUILD COPY <<E /x\n1\nE", "",
     "env=" PATH_ENV "\nonbuild=RUN a,COPY <<E /x\n1\nE\n"},
    {"and fired by a stage on top, once", "FROM scratch AS a\nONBUILD ENV X=1\nFROM a AS b\nFROM b",
     "", "env=" PATH_ENV ",X=1\n"},
    {"WORKDIR", "FROM scratch\nENV d=/a\nWORKDIR $d/b\nWORKDIR ../c\nWORKDIR $d/$none", "",
     "env=" PATH_ENV ",d=/a\nworkdir=/a\n"},
    {"legacy ENV", "FROM scratch\nENV a  b  c='x y'", "", "env=" PATH_ENV ",a=b  c=x y\n"},
};

static void configurations_follow_the_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(configs); i++) {
        CLEANUP(graph_freep) struct graph *g = NULL;
        ERROR_AUTO(err);
        STR_AUTO(got);
        struct world w;

        print_message("# %s\n", configs[i].name);
        world_init(&w);
        config_set_list(&w.config.onbuild, NULL, 0);
        if (make_plan(&w, configs[i].text, configs[i].args, NULL, &g, &err) < 0)
            fail_msg("%s at %s", err.text, err.where ? err.where : "?");
        describe_config(g->stages.at[g->targets.at[0]].config, &got);
        assert_string_equal(got.at, configs[i].want);
        assert_string_equal(pairs_get(&g->stages.at[g->targets.at[0]].config->labels, "cli"), "1");
        world_done(&w);
    }
}

static const struct {
    const char *name, *text, *target, *want;
} graphs[] = {
    {"remote sources, each fetched once",
     "FROM scratch\nENV U=https://a/x*y?q\nADD $U l https://a/r.git#v:d /d/\nADD --chmod=7 $U /e",
     NULL,
     "source-remote https://a/x*y?q\nsource-local context\nsource-remote https://a/r.git#v:d\n"
     "[1/2] ADD $U l https://a/r.git#v:d /d/\n copy from 'x\\*y' > '/d/'\n copy 'l' > '/d/' "
     "unpack\n"
     " copy from '' > '/d/'\n[2/2] ADD --chmod=7 $U /e\n copy from 'x\\*y' > '/e' mode=7\n"},
    {"a named context that is a stage",
     "FROM scratch AS a\nADD https://a/1 /\nFROM early\nCOPY --from=early x y", NULL,
     "source-remote https://a/1\n[a 1/1] ADD https://a/1 /\n copy from '1' > '//'\n"
     "[stage-1 1/1] COPY --from=early x y\n copy from 'x' > '/y'\n"},
    {"RUN has the image's Env and the ARGs",
     "FROM plain\nARG A=1\nENV B=2\nUSER u\nWORKDIR /w\nRUN make $A", NULL,
     "source-image plain\n[2/3] WORKDIR /w\n mkdir > '/w' owner=u\n[3/3] RUN make $A\n in /w as "
     "'u': '/bin/sh' '-c' 'make $A'\n with A=1 B=2\n"},
    {"JSON form and an empty RUN", "FROM scratch\nRUN [\"a\", \"b c\"]\nRUN", NULL,
     "[1/2] RUN [\"a\", \"b c\"]\n in / as '': 'a' 'b c'\n with\n[2/2] RUN\n in / as '': '/bin/sh' "
     "'-c' ''\n with\n"},
    {"RUN of a heredoc", "FROM scratch\nRUN <<E\na $b\n c\nE\n", NULL,
     "[1/1] RUN <<E (a $b...)\n in / as '': '/bin/sh' '-c' 'a $b\n c\n'\n with\n"},
    {"with an interpreter", "FROM scratch\nRUN <<-E\n\t#!/x\n\ty\n\tE\n", NULL,
     "[1/1] RUN <<-E (#!/x...)\n in / as '': '/bin/sh' '-c' '/dev/pipes/E'\n with\n file "
     "/dev/pipes/E: #!/x\ny\n"},
    {"inside a command", "FROM scratch\nRUN cat <<-A && cat <<B\n\ta\n\tA\nb\nB\n", NULL,
     "[1/1] RUN cat <<-A && cat <<B\n in / as '': '/bin/sh' '-c' 'cat <<-A && cat "
     "<<B\n\ta\nA\nb\nB'\n with\n"},
    {"RUN with mounts of a stage, of nothing and in memory",
     "FROM scratch AS a\nRUN a\nFROM scratch\nARG S=/b/../c\nWORKDIR /w\n"
     "RUN --mount=from=a,source=$S,target=x/ --mount=type=bind,from=scratch,dst=/e,rw "
     "--mount=type=tmpfs,target=/t,size=1m b",
     NULL,
     "[a 1/1] RUN a\n in / as '': '/bin/sh' '-c' 'a'\n with\n[stage-1 1/2] WORKDIR /w\n mkdir > "
     "'/w'\n[stage-1 2/2] RUN --mount=from=a,source=$S,target=x/ "
     "--mount=type=bind,from=scratch,dst=/e,rw --mount=type=tmpfs,target=/t,size=1m b\n in /w as "
     "'': '/bin/sh' '-c' 'b'\n with S=/b/../c\n bind '/w/x' < 'c' of '[a 1/1] RUN a' ro\n bind "
     "'/e'\n tmpfs '/t'\n"},
    {"a mount of the context is a copy of its own",
     "FROM scratch\nRUN --mount=target=/x --mount=source=d/f,target=/f a", NULL,
     "source-local context\n--mount: read . of the context\n copy '' > '/mount'\n--mount: read d/f "
     "of the context\n copy 'd/f' > '/mount'\n[1/1] RUN --mount=target=/x "
     "--mount=source=d/f,target=/f a\n in / as '': '/bin/sh' '-c' 'a'\n with\n bind '/x' < 'mount' "
     "of '--mount: read . of the context' ro\n bind '/f' < 'mount' of '--mount: read d/f of the "
     "context' ro\n"},
    {"caches are known by id or target",
     "FROM scratch\nWORKDIR /w\nRUN --mount=type=cache,target=/a//b/ "
     "--mount=type=cache,target=./r,ro --mount=type=cache,target=/c,id=x a",
     NULL,
     "[1/2] WORKDIR /w\n mkdir > '/w'\n[2/2] RUN --mount=type=cache,target=/a//b/ "
     "--mount=type=cache,target=./r,ro --mount=type=cache,target=/c,id=x a\n in /w as '': "
     "'/bin/sh' "
     "'-c' 'a'\n with\n cache '/a/b' id=//a/b\n cache '/w/r' id=/r ro\n cache '/c' id=/x\n"},
    {"secrets and agents",
     "FROM scratch\nRUN --mount=type=secret,id=given,env=E --mount=type=secret,id=no "
     "--mount=type=secret,target=/d/given,mode=0444,required --mount=type=ssh,id=given a",
     NULL,
     "[1/1] RUN --mount=type=secret,id=given,env=E --mount=type=secret,id=no "
     "--mount=type=secret,target=/d/given,mode=0444,required --mount=type=ssh,id=given a\n in / as "
     "'': '/bin/sh' '-c' 'a'\n with\n secret '' id=given given ro\n secret '/run/secrets/no' id=no "
     "ro\n secret '/d/given' id=given given ro\n ssh '/run/buildkit/ssh_agent.0' id=given given "
     "ro\n"},
    {"COPY", "FROM scratch\nENV d=y\nWORKDIR /w\nCOPY --chown=1:2 --chmod=755 ../a/./$d/ /b* $d/",
     NULL,
     "[1/2] WORKDIR /w\n mkdir > '/w'\nsource-local context\n[2/2] COPY --chown=1:2 --chmod=755 "
     "../a/./$d/ /b* $d/\n copy 'a/y' > '/w/y/' owner=1:2 mode=755\n copy 'b*' > '/w/y/' owner=1:2 "
     "mode=755\n"},
    {"destinations", "FROM scratch\nCOPY a .\nCOPY a /b/.\nCOPY a b\nCOPY . /", NULL,
     "source-local context\n[1/4] COPY a .\n copy 'a' > '//'\n[2/4] COPY a /b/.\n copy 'a' > "
     "'/b/'\n[3/4] COPY a b\n copy 'a' > '/b'\n[4/4] COPY . /\n copy '' > '//'\n"},
    {"COPY of heredocs", "FROM scratch\nENV x=1\nCOPY a <<E <<'F' /d/\n$x \"q\" \\$x\nE\n$x\nF\n",
     NULL,
     "source-local context\n[1/1] COPY a <<E <<'F' /d/\n copy 'a' > '/d/'\n write 'E' > '/d/' "
     "data=1 \"q\" $x\n\n write 'F' > '/d/' data=$x\n\n"},
    {"a heredoc needs no context", "FROM scratch\nCOPY <<E /x\nE\n", NULL,
     "[1/1] COPY <<E /x\n write 'E' > '/x' data=\n"},
    {"ADD unpacks", "FROM scratch\nADD a.tar /\nADD --unpack=false a.tar /", NULL,
     "source-local context\n[1/2] ADD a.tar /\n copy 'a.tar' > '//' unpack\n[2/2] ADD "
     "--unpack=false a.tar /\n copy 'a.tar' > '//'\n"},
    {"only what the target needs",
     "FROM nowhere AS a\nFROM plain AS b\nRUN b\nFROM scratch AS c\nCOPY --from=b x y\nFROM "
     "nowhere\nRUN d",
     "c",
     "source-image plain\n[b 2/2] RUN b\n in / as '': '/bin/sh' '-c' 'b'\n with\n[c 1/1] COPY "
     "--from=b x y\n copy from 'x' > '/y'\n"},
    {"stages by number, images, contexts",
     "FROM plain\nFROM scratch\nCOPY --from=0 a a\nCOPY --from=empty b b\nCOPY --from=ctx c c",
     NULL,
     "source-image plain\n[stage-1 1/3] COPY --from=0 a a\n copy from 'a' > '/a'\n[stage-1 2/3] "
     "COPY --from=empty b b\n copy from 'b' > '/b'\nsource-local ctx\n[stage-1 3/3] COPY "
     "--from=ctx c "
     "c\n copy from 'c' > '/c'\n"},
    {"the target may be a number", "FROM plain\nRUN a\nFROM scratch", "0",
     "source-image plain\n[stage-0 2/2] RUN a\n in / as '': '/bin/sh' '-c' 'a'\n with\n"},
    {"a named context replaces a stage", "FROM nowhere AS swapped\nRUN a\nFROM swapped\nRUN b",
     NULL, "source-image swapped\n[stage-1 1/1] RUN b\n in / as '': '/bin/sh' '-c' 'b'\n with\n"},
    {"triggers of the base come first", "FROM base\nRUN own", NULL,
     "source-image base\n[2/4] ONBUILD RUN on-build\n in /base as '': '/bin/sh' '-c' 'on-build'\n "
     "with "
     "FROM_BASE=yes\nsource-local context\n[3/4] ONBUILD COPY a /b\n copy 'a' > '/b'\n[4/4] RUN "
     "own\n in /base as '': '/bin/sh' '-c' 'own'\n with FROM_BASE=yes\n"},
    {"a directory as base", "FROM ctx\nRUN a", NULL,
     "source-local ctx\nFROM ctx\n copy '' > '//'\n[2/2] RUN a\n in / as '': '/bin/sh' '-c' 'a'\n "
     "with\n"},
};

static void graphs_hold_what_the_target_needs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(graphs); i++) {
        CLEANUP(graph_freep) struct graph *g = NULL;
        ERROR_AUTO(err);
        STR_AUTO(got);
        struct world w;

        print_message("# %s\n", graphs[i].name);
        world_init(&w);
        if (make_plan(&w, graphs[i].text, "", graphs[i].target, &g, &err) < 0)
            fail_msg("%s at %s", err.text, err.where ? err.where : "?");
        describe_ops(g, &got);
        assert_string_equal(got.at, graphs[i].want);
        world_done(&w);
    }
}

/* created_by as `docker history` shows it after a build with BuildKit */
static void history_looks_familiar(void **state)
{
    (void)state;
    static const char text[] =
        "FROM scratch\nARG a=1 b\nENV x=\"y z\"\nRUN make\nRUN [\"p\", \"q\"]\nWORKDIR /w\nWORKDIR "
        "/\n"
        "COPY --chown=u --chmod=7 a <<E /d/\nE\nADD b c\nCMD [\"s\", \"t u\"]\nENTRYPOINT e\n"
        "LABEL l=\"m n\"\nEXPOSE 81/udp 80\nVOLUME /v /w\nUSER $x\nSTOPSIGNAL 9\nSHELL [\"a\", "
        "\"b\"]\n"
        "HEALTHCHECK --interval=90s --timeout=1500ms --retries=2 CMD h\nONBUILD RUN z\n";
    static const char want[] = "ARG a=1 b\nENV x=y z\n* RUN |2 a=1 b= /bin/sh -c make # buildkit\n"
                               "* RUN |2 a=1 b= p q # buildkit\n* WORKDIR /w\nWORKDIR /\n"
                               "* COPY --chown=u --chmod=7 a <<E /d/ # buildkit\n* ADD b c # "
                               "buildkit\nCMD [\"s\" \"t u\"]\n"
                               "ENTRYPOINT [\"/bin/sh\" \"-c\" \"e\"]\nLABEL l=m n\nEXPOSE [80/tcp "
                               "81/udp]\nVOLUME [/v /w]\n"
                               "USER y z\nSTOPSIGNAL 9\nSHELL [a b]\n"
                               "HEALTHCHECK {Test:[CMD-SHELL h] Interval:1m30s Timeout:1.5s "
                               "StartPeriod:0s StartInterval:0s "
                               "Retries:2}\n";
    CLEANUP(graph_freep) struct graph *g = NULL;
    STR_AUTO(got);
    struct world w;

    world_init(&w);
    assert_int_equal(make_plan(&w, text, "", NULL, &g, NULL), 0);
    describe_history(g->stages.at[0].config, &got);
    assert_string_equal(got.at, want);
    world_done(&w);
}

static void proxies_are_secret_and_places_are_known(void **state)
{
    (void)state;
    CLEANUP(graph_freep) struct graph *g = NULL;
    struct world w;

    world_init(&w);
    assert_int_equal(make_plan(&w, "FROM scratch\nARG HTTPS_PROXY\n\nRUN a \\\n b", "HTTP_PROXY=h",
                               NULL, &g, NULL),
                     0);
    const struct op *op = g->ops.at[0];
    assert_string_equal(op->where, "D:4:1");
    assert_string_equal(op->line, "RUN a \\");
    assert_string_equal(op->stage, "0");
    assert_int_equal(op->u.exec.env_count, 1);
    assert_int_equal(op->u.exec.secret_env_count, 4);
    assert_string_equal(op->u.exec.secret_env[0], "HTTP_PROXY=h");
    assert_string_equal(op->u.exec.secret_env[3], "https_proxy=http://proxy:1");
    assert_int_equal(g->findings.size, 0);
    world_done(&w);
}

static const struct {
    const char *name, *text, *target, *where, *message;
    int code;
} errors[] = {
    {"own stage", "FROM scratch AS a\nCOPY --from=a b c", NULL, "D:2:6",
     "cannot copy from stage 'a'", -EINVAL},
    {"later stage", "FROM scratch AS a\nCOPY --from=b b c\nFROM scratch AS b\nFROM a", NULL,
     "D:2:6", "cannot copy from stage 'b'", -EINVAL},
    {"own number", "FROM scratch\nCOPY --from=0 b c", NULL, "D:2:6", "cannot copy from stage '0'",
     -EINVAL},
    {"number too high", "FROM scratch\nCOPY --from=7 b c", NULL, "D:2:6", "invalid stage index 7",
     -EINVAL},
    {"no image", "FROM scratch\nCOPY --from=nowhere b c", NULL, "D:2:6",
     "image 'nowhere' is not here", -ENOENT},
    {"no base", "FROM scratch\nFROM nowhere", NULL, "D:2:6", "image 'nowhere' is not here",
     -ENOENT},
    {"blank base", "FROM $x", NULL, "D:1:6", "base name ($x) should not be blank", -EINVAL},
    {"no target", "FROM scratch AS final", "finel", NULL, "target stage 'finel' could not be found",
     -ENOENT},
    {"bad platform", "FROM --platform=a/b/c/d scratch", NULL, "D:1:6", "a/b/c/d", -EINVAL},
    {"empty platform", "FROM --platform=$x scratch", NULL, "D:1:6", "empty platform value",
     -EINVAL},
    {"bad substitution", "FROM scratch\nENV a=${b:=c}", NULL, "D:2:7", "unsupported modifier",
     -EINVAL},
    {"must be set", "FROM scratch\nENV a=${b:?why}", NULL, "D:2:7", "b: why", -EINVAL},
    {"bad pattern", "FROM scratch\nCOPY --exclude=a --exclude=[ a b", NULL, "D:2:18", "--exclude",
     -EINVAL},
    {"bad mode", "FROM scratch\nCOPY --chmod=999 a b", NULL, "D:2:1", "invalid chmod parameter",
     -EINVAL},
    {"URL in COPY", "FROM scratch\nCOPY https://a/b c", NULL, "D:2:6",
     "source can't be a URL for COPY", -EINVAL},
    {"git in COPY", "FROM scratch\nCOPY git@a:b c", NULL, "D:2:6",
     "source can't be a git ref for COPY", -EINVAL},
    {"bad query", "FROM scratch\nADD https://a/b.git?x=y c", NULL, "D:2:5", "'x=y' is not known",
     -EINVAL},
    {"option as ref", "FROM scratch\nADD https://a/b.git#--upload-pack=x c", NULL, "D:2:5",
     "no branch, tag or commit", -EINVAL},
    {"bad checksum of a URL", "FROM scratch\nADD --checksum=md5:1 https://a/b c", NULL, "D:2:22",
     "digest 'md5:1' is not sha256", -EINVAL},
    {"bad checksum of a commit", "FROM scratch\nADD --checksum=xyz https://a/b.git c", NULL,
     "D:2:20", "checksum 'xyz' is no commit", -EINVAL},
    {"one checksum for two",
     "FROM scratch\nADD --checksum=sha256:" HEX64 " https://a/b https://a/c d/", NULL, "D:2:5",
     "checksum can't be specified for multiple sources", -EINVAL},
    {"named context of no stage", "FROM scratch AS a\nFROM gone", NULL, "D:2:6",
     "is the stage 'nowhere', which is not defined before", -EINVAL},
    {"named context of a later stage", "FROM scratch\nCOPY --from=early x y\nFROM scratch AS a",
     "0", "D:2:6", "is the stage 'a', which is not defined before", -EINVAL},
    {"checksum of a file", "FROM scratch\nADD --checksum=sha256:1 a c", NULL, "D:2:5",
     "checksum requires", -EINVAL},
    {"mount over everything", "FROM scratch\nRUN --mount=target=/. a", NULL, "D:2:5",
     "invalid mount target '/.'", -EINVAL},
    {"mount of a later stage", "FROM scratch AS a\nRUN --mount=from=a,target=/x b", NULL, "D:2:5",
     "needs to be defined before", -EINVAL},
    {"variable in from=", "FROM scratch\nRUN --mount=from=$a,target=/x b", NULL, "D:2:5",
     "from does not take variables", -EINVAL},
    {"a secret that must be there", "FROM scratch\nRUN --mount=type=secret,id=x,required b", NULL,
     "D:2:5", "secret 'x' is required and was not given", -ENOENT},
    {"an agent that must be there", "FROM scratch\nRUN --mount=type=ssh,required=true b", NULL,
     "D:2:5", "ssh 'default' is required", -ENOENT},
    {"insecure", "FROM scratch\nRUN --security=insecure a", NULL, "D:2:5",
     "security.insecure is not allowed", -EPERM},
    {"bad port", "FROM scratch\nEXPOSE 99999", NULL, "D:2:8", "invalid containerPort: '99999'",
     -EINVAL},
    {"bad protocol", "FROM scratch\nEXPOSE 80/icmp", NULL, "D:2:8", "invalid proto: 'icmp'",
     -EINVAL},
    {"bad signal", "FROM scratch\nSTOPSIGNAL SIGNOPE", NULL, "D:2:12", "invalid signal: 'SIGNOPE'",
     -EINVAL},
    {"signal 0", "FROM scratch\nSTOPSIGNAL 0", NULL, "D:2:12", "invalid signal", -EINVAL},
    {"unknown instruction first", "FROM nowhere\nCOPPY a b", NULL, "D:2:1", "unknown instruction",
     -EINVAL},
};

static void mistakes_are_named_and_placed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
        CLEANUP(graph_freep) struct graph *g = NULL;
        ERROR_AUTO(err);
        struct world w;

        print_message("# %s\n", errors[i].name);
        world_init(&w);
        const int r = make_plan(&w, errors[i].text, "", errors[i].target, &g, &err);
        if (r != errors[i].code || !strstr(err.text, errors[i].message))
            fail_msg("got %d '%s'", r, err.text ? err.text : "");
        if (errors[i].where)
            assert_string_equal(err.where ? err.where : "(nowhere)", errors[i].where);
        world_done(&w);
    }
}

static const struct {
    const char *text, *args, *want;
} warnings[] = {
    {"FROM scratch\nENV FOO=1\nENV a=$FOA", "",
     "D:3: UndefinedVar: Usage of undefined variable '$FOA' (did you mean $FOO?)"},
    {"FROM scratch\nARG X\nENV a=$X$1", "", NULL},
    {"FROM scratch", "X=1;HTTP_PROXY=2", "one or more build-args [X] were not consumed"},
    {"FROM scratch\nENV a=1 \\\n\n b=2", "",
     "D:3: NoEmptyContinuation: empty line inside an instruction that goes on"},
    {"FROM scratch\nMAINTAINER x", "",
     "D:2: MaintainerDeprecated: MAINTAINER is deprecated, use LABEL maintainer=NAME"},
};

static void assert_finding(const struct finding *f, const char *want)
{
    STR_AUTO(text);

    if (f->span.line)
        str_printf(&text, "D:%u: ", f->span.line);
    str_printf(&text, "%s%s%s", f->rule ? f->rule : "", f->rule ? ": " : "", f->text);
    assert_string_equal(text.at, want);
}

static void doubts_become_warnings(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(warnings); i++) {
        CLEANUP(graph_freep) struct graph *g = NULL;
        struct world w;

        world_init(&w);
        assert_int_equal(make_plan(&w, warnings[i].text, warnings[i].args, NULL, &g, NULL), 0);
        assert_int_equal(g->findings.size, warnings[i].want ? 1 : 0);
        if (warnings[i].want)
            assert_finding(&g->findings.at[0], warnings[i].want);
        world_done(&w);
    }
}

static void images_are_resolved_once_and_only_when_needed(void **state)
{
    (void)state;
    CLEANUP(graph_freep) struct graph *g = NULL;
    struct world w;

    world_init(&w);
    assert_int_equal(make_plan(&w,
                               "FROM plain AS a\nFROM plain AS b\nFROM nowhere AS c\nFROM a\nCOPY "
                               "--from=b x y\nCOPY --from=plain x y",
                               "", NULL, &g, NULL),
                     0);
    assert_int_equal(w.asked, 1);
    assert_int_equal(g->stages.size, 3);
    assert_int_equal(g->stages.at[g->targets.at[0]].index, 3);
    world_done(&w);
}

/* ---- conformance/bud: what plans and what is refused ---- */

static int any_image(void *ctx, const char *name, const struct platform *platform, struct graph *g,
                     struct source *ret, struct error *err)
{
    struct world *w = ctx;
    struct source_image *image = arena_new_object(g->arena, struct source_image);

    (void)platform;
    if (!*name || name[strlen(name) - 1] == '-' || strchr(name, '$') || strcmp(name, "0") == 0)
        return error_set(err, -EINVAL, "invalid reference format: '%s'", name);
    image->name = arena_strdup(g->arena, name);
    image->config = &w->plain;
    image->layer_count = 1;
    *ret = (struct source){.kind = SOURCE_IMAGE, .image = image};
    return 0;
}

static bool no_context(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return false;
}

/* Words of a row that promise a refusal before anything runs. */
static const char *const refusals[] = {
    "parse error",       "error, --from",      "error as above",         "no expansion in --from",
    "invalid reference", "not a stage index",  "target stage not found", "bare option",
    "as above",          "mysecret not found",
};

/* A row's own words: "parse error line 3", "error", or anything else for a plan. */
static void check_bud_row(const char *root, struct view dir, struct view file, struct view args,
                          struct view want)
{
    cleanup_free char *path = xasprintf("%s/bud/%.*s/%.*s", root, VIEW_ARG(dir), VIEW_ARG(file));
    cleanup_free char *target =
        view_starts(args, "--target ") ? view_dup(view_make(args.at + 9, args.size - 9)) : NULL;
    const char *line = memmem(want.at, want.size, "parse error line ", 17);
    CLEANUP(dockerfile_freep) struct dockerfile *d = NULL;
    CLEANUP(graph_freep) struct graph *g = NULL;
    CLEANUP(strings_done) struct strings build_args = {0};
    STR_AUTO(text);
    ERROR_AUTO(err);
    struct world w;
    const struct source_resolver sources = {&w, no_context, any_image, context};
    struct view arg;

    while (args.at && !target && view_cut(&args, ' ', &arg))
        if (memchr(arg.at, '=', arg.size))
            strings_take(&build_args, view_dup(arg));
    assert_true(fd_read_file(AT_FDCWD, path, 1 << 20, &text, NULL) >= 0);
    world_init(&w);
    const struct frontend_options o = {
        .platform = amd64, .target = target, .build_args = &build_args};
    int r = dockerfile_parse(str_view(&text), "D", &d, &err);
    if (r == 0)
        r = frontend_plan(d, &o, &sources, &g, &err);
    bool refused = false;
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
        refused |= memmem(want.at, want.size, refusals[i], strlen(refusals[i])) != NULL;
    print_message("# %.*s/%.*s: %s %s\n", VIEW_ARG(dir), VIEW_ARG(file), err.where ? err.where : "",
                  err.text ? err.text : "planned");
    if (r != -ENOTSUP && refused != (r < 0))
        fail_msg("%.*s: %.*s", VIEW_ARG(file), VIEW_ARG(want));
    if (line) {
        cleanup_free char *place = xasprintf("D:%d:", atoi(line + 17));
        assert_non_null(strstr(err.where ? err.where : "", place));
    }
    world_done(&w);
}

static const struct {
    const char *file, *args, *want; /* a line of the configuration */
} bud_configs[] = {
    {"kaniko/dockerfiles/Dockerfile_test_env", "",
     "env=PATH=something,hey=hello,testmultipleeq=this=is a=test string=with a=lot "
     "of=equals,first=foo,second=foo2,third=foo2:/third,myName=John Doe,myDog=Rex The "
     "Dog,myCat=fluffy,test=value value2,test1=a'b'c,test2=a\"b\"c,test3=a b,name2=b "
     "c,test4=a\"b,test5=a\\\"b,test6=a\\'b,atomic=two,newatomic=one,newenv=/newenv\n"},
    {"kaniko/dockerfiles/Dockerfile_test_expose", "", "ports=80/tcp,81/udp,82/tcp,83/udp,83/tcp\n"},
    {"kaniko/dockerfiles/Dockerfile_test_metadata", "",
     "entrypoint=execute,entrypoint\ncmd=/bin/sh,-c,echo \"hello\"\n"},
    {"kaniko/dockerfiles/Dockerfile_test_scratch",
     "image=scratch;hello=hello-value;file=context/foo;file3=context/b*",
     "baz=baz,src=file3,file=context/bar/bam/bat\n"},
    {"kaniko/dockerfiles/Dockerfile_test_volume", "", "volumes=/foo/bar,/tmp,/qux/quux,/baz/bat\n"},
    {"kaniko/dockerfiles/Dockerfile_test_workdir", "workdir=/arg/workdir",
     "workdir=/arg/workdir\n"},
    {"kaniko/dockerfiles/Dockerfile_test_workdir_with_user", "", "user=10000:bar\n"},
    {"kaniko/dockerfiles/Dockerfile_test_maintainer", "", "author=nobody@domain.test\n"},
    {"buildah/healthcheck/Dockerfile", "",
     "health=CMD-SHELL,curl -f http://localhost/ || exit 1\n"},
    {"buildah/env/Dockerfile.special-chars", "", "LIB=$(PREFIX)/lib"},
    {"buildah/env/Dockerfile.check-env", "",
     "env=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin,foo=bar\n"},
    {"buildah/leading-args/Dockerfile", "", "FOO=\n"},
    {"buildah/onbuild/Dockerfile", "", "onbuild=RUN touch /onbuild1,RUN touch /onbuild2\n"},
    {"buildah/multi-stage-builds/Dockerfile.extended", "",
     "entrypoint=/bin/sh,-c,/bin/sleep 600\n"},
    {"buildah/run-scenarios/Dockerfile.entrypoint-run", "", "entrypoint=/invalid/entrypoint\n"},
    {"buildah/shell/Dockerfile", "", "shell=/bin/sh,-c\n"},
    {"buildah/build-arg/Dockerfile4", "TEST=foo", "NAME=foo"},
    {"buildah/symlink/Dockerfile.relative-symlink", "", "volumes="},
};

static void configurations_of_other_builders_hold(void **state)
{
    (void)state;
    const char *root = getenv("CONFORMANCE");

    for (size_t i = 0; i < ARRAY_SIZE(bud_configs); i++) {
        cleanup_free char *path = xasprintf("%s/bud/%s", root ? root : "", bud_configs[i].file);
        CLEANUP(graph_freep) struct graph *g = NULL;
        STR_AUTO(text);
        STR_AUTO(got);
        struct world w;

        if (fd_read_file(AT_FDCWD, path, 1 << 20, &text, NULL) < 0) {
            print_message("# %s is not there: the conformance data are not beside the repository\n",
                          path);
            skip();
        }
        print_message("# %s\n", bud_configs[i].file);
        world_init(&w);
        w.any = true;
        assert_int_equal(make_plan(&w, text.at, bud_configs[i].args, NULL, &g, NULL), 0);
        describe_config(g->stages.at[g->targets.at[0]].config, &got);
        if (!strstr(got.at, bud_configs[i].want))
            fail_msg("got\n%s\nwant\n%s", got.at, bud_configs[i].want);
        world_done(&w);
    }
}

static void files_of_other_builders_plan(void **state)
{
    (void)state;
    const char *root = getenv("CONFORMANCE");
    cleanup_free char *index = xasprintf("%s/bud/INDEX.tsv", root ? root : "");
    struct view rest, line, part[5];
    STR_AUTO(text);
    size_t count = 0;

    if (fd_read_file(AT_FDCWD, index, 1 << 20, &text, NULL) < 0) {
        print_message("# %s is not there: the conformance data are not beside the repository\n",
                      index);
        skip();
    }
    for (rest = str_view(&text); rest.at && view_cut(&rest, '\n', &line);) {
        if (line.size == 0 || line.at[0] == '#')
            continue;
        for (size_t i = 0; i < ARRAY_SIZE(part); i++)
            if (!line.at || !view_cut(&line, '\t', &part[i]))
                part[i] = VIEW("");
        if (memchr(part[4].at, ';', part[4].size) && view_eq_text(part[1], ""))
            continue;
        check_bud_row(root, part[0], part[1], part[2], part[4]);
        count++;
    }
    print_message("# %zu rows\n", count);
    assert_true(count > 100);
}

static void variables_do_not_fill_the_memory(void **state)
{
    (void)state;
    STR_AUTO(text);
    struct graph *g = NULL;
    struct world w;

    str_add_text(&text, "FROM scratch\nENV a=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n");
    for (int i = 0; i < 12; i++)
        str_add_text(&text, "ENV a=$a$a\n");
    for (int i = 0; i < 3000; i++)
        str_add_text(&text, "RUN\n");
    world_init(&w);
    assert_int_equal(make_plan(&w, text.at, "", NULL, &g, NULL), -EDQUOT);
    world_done(&w);
}

UNIT_MAIN(cmocka_unit_test(variables_do_not_fill_the_memory),
          cmocka_unit_test(files_of_other_builders_plan),
          cmocka_unit_test(configurations_of_other_builders_hold),
          cmocka_unit_test(configurations_follow_the_rules),
          cmocka_unit_test(graphs_hold_what_the_target_needs),
          cmocka_unit_test(history_looks_familiar),
          cmocka_unit_test(proxies_are_secret_and_places_are_known),
          cmocka_unit_test(mistakes_are_named_and_placed), cmocka_unit_test(doubts_become_warnings),
          cmocka_unit_test(images_are_resolved_once_and_only_when_needed))
