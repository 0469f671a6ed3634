/* What the front end refuses or doubts, where, and what it leaves alone. */
#include "frontend_fixture.h"

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
    {"two protocols", "FROM scratch\nEXPOSE 80/tcp/udp", NULL, "D:2:8", "invalid proto: 'tcp/udp'",
     -EINVAL},
    {"three ends", "FROM scratch\nEXPOSE 80-81-82", NULL, "D:2:8",
     "invalid containerPort: '80-81-82'", -EINVAL},
    {"no address", "FROM scratch\nEXPOSE 300.1.1.1:80:90", NULL, "D:2:8",
     "invalid IP address: '300.1.1.1'", -EINVAL},
    {"half of a bracket", "FROM scratch\nEXPOSE [::1:80:90", NULL, "D:2:8",
     "invalid IP address: '[::1'", -EINVAL},
    {"no port of the host", "FROM scratch\nEXPOSE x:90", NULL, "D:2:8", "invalid hostPort: 'x'",
     -EINVAL},
    {"ranges of two sizes", "FROM scratch\nEXPOSE 8000-8003:9000-9002", NULL, "D:2:8",
     "as many ports must be given of the host: '8000-8003'", -EINVAL},
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
    {"FROM scratch AS fresh", "", "--no-cache-filter: there is no stage '7'"},
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

UNIT_MAIN(cmocka_unit_test(proxies_are_secret_and_places_are_known),
          cmocka_unit_test(mistakes_are_named_and_placed), cmocka_unit_test(doubts_become_warnings),
          cmocka_unit_test(images_are_resolved_once_and_only_when_needed),
          cmocka_unit_test(variables_do_not_fill_the_memory))
