/* What instructions mean: configurations, graphs, history. */
#include "frontend_fixture.h"

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
     "env=" PATH_ENV ",d=/a\nworkdir=/a/\n"},
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
     "c\n copy 'c' > '/c'\n"},
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

UNIT_MAIN(cmocka_unit_test(configurations_follow_the_rules),
          cmocka_unit_test(graphs_hold_what_the_target_needs),
          cmocka_unit_test(history_looks_familiar))
