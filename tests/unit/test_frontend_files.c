/* Files of other builders. */
#include "frontend_fixture.h"

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

static bool no_context(void *ctx, const char *name, const struct platform *platform)
{
    (void)platform;
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
        .platform = amd64, .target = target, .build_args = &build_args, .allow_host = true};
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

UNIT_MAIN(cmocka_unit_test(files_of_other_builders_plan),
          cmocka_unit_test(configurations_of_other_builders_hold))
