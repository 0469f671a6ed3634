#include "conformance.h"
#include "oci_fixture.h"

static const struct {
    const char *kind;
    int (*parse)(struct view text, struct error *err);
} kinds[] = {
    {"manifest", try_manifest}, {"index", try_index},     {"imageIndex", try_index},
    {"config", try_config},     {"layout", layout_parse}, {"descriptor", try_descriptor},
};

static int parse_as(struct view kind, struct view text, struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (view_eq_text(kind, kinds[i].kind))
            return kinds[i].parse(text, err);
    fail_msg("no such kind: %.*s", VIEW_ARG(kind));
    return -1;
}

static void schema_verdicts_hold(void **state)
{
    STR_AUTO(table);
    STR_AUTO(text);
    struct view rest, row[3];
    size_t count = 0;

    (void)state;
    conformance_read("oci/schema/verdicts.tsv", &table);
    rest = str_view(&table);
    assert_true(conformance_row(&rest, row, 3));
    for (; conformance_row(&rest, row, 3); count++) {
        cleanup_free char *name = xasprintf("oci/schema/%.*s", VIEW_ARG(row[0]));
        /* a manifest without layers: registries take it, and "FROM scratch" with metadata only
         * makes one */
        const bool want =
            view_eq_text(row[2], "valid") || view_eq_text(row[0], "manifest-006.json");
        ERROR_AUTO(err);

        conformance_read(name, &text);
        const int r = parse_as(row[1], str_view(&text), &err);
        if ((r == 0) != want)
            fail_msg("%s: %.*s, got %d %s", name, VIEW_ARG(row[2]), r, err.text ? err.text : "");
    }
    assert_true(count >= 60);
}

static void docker_s_documents_are_read(void **state)
{
    STR_AUTO(table);
    STR_AUTO(text);
    struct view rest, row[4];
    size_t count = 0;

    (void)state;
    conformance_read("oci/docker-compat/verdicts.tsv", &table);
    rest = str_view(&table);
    assert_true(conformance_row(&rest, row, 4));
    for (; conformance_row(&rest, row, 4); count++) {
        cleanup_free char *name = xasprintf("oci/%.*s", VIEW_ARG(row[0]));
        cleanup_free char *want = view_dup(row[2]);
        char buf[DIGEST_TEXT_MAX];
        struct digest d;

        conformance_read(name, &text);
        digest_of(str_view(&text), &d);
        assert_string_equal(digest_format(&d, buf), want);
        ERROR_AUTO(err);
        if (parse_as(row[1], str_view(&text), &err) < 0)
            fail_msg("%s: %s", name, err.text);
    }
    assert_int_equal(count, 4);
}

static void chain_ids_are_right(void **state)
{
    STR_AUTO(table);
    struct view rest, row[2], diff;

    (void)state;
    conformance_read("oci/chainid.tsv", &table);
    rest = str_view(&table);
    assert_true(conformance_row(&rest, row, 2));
    while (conformance_row(&rest, row, 2)) {
        char chain[DIGEST_TEXT_MAX] = "";
        struct digests ids = {0};
        struct digest d;
        bool whole = true;

        for (struct view ids_text = row[0]; view_cut(&ids_text, ' ', &diff);) {
            cleanup_free char *one = view_dup(diff);

            if (*chain)
                chain_id_text(chain, one, chain);
            else
                snprintf(chain, sizeof(chain), "%s", one);
            whole = whole && digest_parse(one, &d, NULL) == 0;
            if (whole)
                vec_push(&ids, d);
        }
        assert_true(view_eq_text(row[1], chain));
        if (whole) {
            chain_id_of(ids.at, ids.size, &d);
            assert_string_equal(digest_format(&d, chain), chain);
            assert_true(view_eq_text(row[1], chain));
        }
        vec_done(&ids);
    }
}

#define D                                                                                          \
    "\"digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\","      \
    "\"size\":2"
#define CONFIG "{\"mediaType\":\"" MEDIA_OCI_CONFIG "\"," D "}"
#define ENTRY(more) "{\"mediaType\":\"" MEDIA_OCI_MANIFEST "\"," D more "}"
#define PLATFORM(os, arch) ",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\"}"

static const struct {
    const char *name, *text, *complaint;
} hostile[] = {
    {"both kinds", "{\"schemaVersion\":2,\"manifests\":[],\"layers\":[],\"config\":" CONFIG "}",
     "both an index and a manifest"},
    {"mediaType of the other kind",
     "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"layers\":[],\"config\":" CONFIG
     "}",
     "not that of a manifest"},
    {"schema 1", "{\"schemaVersion\":1,\"config\":" CONFIG ",\"layers\":[]}", "not 2"},
    {"twice", "{\"schemaVersion\":2,\"schemaVersion\":2}", "duplicate"},
    {"no layers", "{\"schemaVersion\":2,\"config\":" CONFIG "}", "layers"},
    {"an array", "[]", "not a JSON object"},
    {"huge size",
     "{\"schemaVersion\":2,\"layers\":[],\"config\":{\"mediaType\":\"a/b\",\"digest\":\"sha256:"
     "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\"size\":"
     "9223372036854775807}}",
     "impossible"},
};

static void hostile_manifests_are_refused(void **state)
{
    STR_AUTO(deep);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
        ERROR_AUTO(err);

        print_message("# %s\n", hostile[i].name);
        assert_int_equal(try_manifest(view_of(hostile[i].text), &err), -EINVAL);
        assert_non_null(strstr(err.text, hostile[i].complaint));
    }
    for (size_t i = 0; i < 1000000; i++)
        str_add_char(&deep, '[');
    assert_true(try_manifest(str_view(&deep), NULL) < 0);
    assert_true(try_config(str_view(&deep), NULL) < 0);
    while (deep.size <= MANIFEST_SIZE_MAX)
        str_add_text(&deep, "                                                                ");
    assert_int_equal(try_manifest(str_view(&deep), NULL), -EDQUOT);
}

static void manifests_with_too_many_layers_are_refused(void **state)
{
    STR_AUTO(text);
    ERROR_AUTO(err);

    (void)state;
    str_add_text(&text, "{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[");
    for (size_t i = 0; i <= MANIFEST_LAYERS_MAX; i++)
        str_printf(&text, "%s" CONFIG, i ? "," : "");
    str_add_text(&text, "]}");
    assert_int_equal(try_manifest(str_view(&text), &err), -EDQUOT);
    assert_non_null(strstr(err.text, "layers has 4097 items"));
}

/* What the specification forbids and others write: one such entry must not hide the rest of its list. */
static void what_others_write_is_read(void **state)
{
    static const struct {
        const char *more;
        int want;
    } rows[] = {
        {",\"artifactType\":\"sbom\"", 0},
        {",\"artifactType\":\"\"", 0},
        {",\"artifactType\":\"an sbom\"", -EINVAL},
        {",\"artifactType\":\"foo/\"", -EINVAL},
        {",\"artifactType\":\"/foo\"", -EINVAL},
        {",\"annotations\":null", 0},
        {",\"annotations\":{\"a\":null,\"b\":\"c\"}", 0},
        {",\"annotations\":{\"a\":1}", -EINVAL},
        {",\"annotations\":[]", -EINVAL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_free char *text = xasprintf(
            "{\"schemaVersion\":2,\"manifests\":[" ENTRY("%s") "]%s}", rows[i].more, rows[i].more);
        CLEANUP(image_index_freep) struct image_index *x = NULL;

        print_message("# %s\n", rows[i].more);
        assert_int_equal(image_index_parse(view_of(text), &x, NULL), rows[i].want);
        if (x)
            assert_null(descriptor_annotation(&x->manifests[0], "a"));
    }
}

static void index_gives_the_platform(void **state)
{
    static const char text[] =
        "{\"schemaVersion\":2,\"manifests\":[" ENTRY(PLATFORM("linux", "arm64")) "," ENTRY(PLATFORM(
            "linux", "amd64")) "," ENTRY(PLATFORM("unknown",
                                                  "unknown") ",\"annotations\":{"
                                                             "\"vnd.docker.reference.type\":"
                                                             "\"attestation-manifest\"}") "]}";
    CLEANUP(image_index_freep) struct image_index *x = NULL;
    const struct descriptor *d;
    struct platform p;
    ERROR_AUTO(err);

    (void)state;
    assert_int_equal(image_index_parse(view_of(text), &x, NULL), 0);
    assert_int_equal(platform_parse("linux/amd64", &p, NULL), 0);
    assert_int_equal(image_index_select(x, &p, &d, NULL), 0);
    assert_ptr_equal(d, &x->manifests[1]);
    assert_int_equal(platform_parse("linux/s390x", &p, NULL), 0);
    assert_int_equal(image_index_select(x, &p, &d, &err), -ENOENT);
    assert_string_equal(err.hint, "it has: linux/arm64, linux/amd64");
}

static const char full_config[] =
    "{\"architecture\":\"amd64\",\"author\":\"me\",\"config\":{\"User\":\"1:1\",\"ExposedPorts\":{"
    "\"80/"
    "tcp\":{}},\"Env\":[\"A=1\",\"B=x=y\"],\"Entrypoint\":[\"/e\"],\"Cmd\":[\"c\"],\"Volumes\":{\"/"
    "v\":{}"
    "},\"WorkingDir\":\"/w\",\"Labels\":{\"a\":\"1\",\"b\":\"2\"},\"StopSignal\":\"SIGINT\","
    "\"Healthcheck\":{\"Test\":[\"CMD\",\"t\"],\"Interval\":1000000000,\"Retries\":3},\"OnBuild\":["
    "\"RUN "
    "x\"],\"Shell\":[\"/bin/"
    "sh\",\"-c\"],\"Memory\":7},\"created\":\"2020-01-01T00:00:00Z\",\"history\":[{"
    "\"created\":\"2020-01-01T00:00:00Z\",\"created_by\":\"x\",\"comment\":\"c\",\"empty_layer\":"
    "true}],"
    "\"moby.buildkit.x\":{\"y\":[1,2]},\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_"
    "ids\":["
    "\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"]},\"variant\":"
    "\"v2\"}";

static void config_round_trip_is_exact(void **state)
{
    CONFIG_AUTO(c);
    STR_AUTO(text);
    STR_AUTO(again);
    struct image_config copy;

    (void)state;
    assert_int_equal(config_parse(view_of(full_config), &c, NULL), 0);
    config_print(&c, &text);
    assert_string_equal(text.at, full_config);
    config_clone(&c, &copy);
    config_set_env(&copy, "B", "new");
    config_set_env(&copy, "C", "3");
    assert_string_equal(config_get_env(&copy, "B"), "new");
    assert_string_equal(config_get_env(&c, "B"), "x=y");
    assert_null(config_get_env(&c, "C"));
    config_print(&c, &again);
    assert_string_equal(again.at, full_config);
    str_clear(&again);
    config_print(&copy, &again);
    assert_non_null(strstr(again.at, "\"Env\":[\"A=1\",\"B=new\",\"C=3\"]"));
    assert_non_null(strstr(again.at, "\"Memory\":7"));
    config_done(&copy);
}

/* Zeros are our "not known": a layer that is called so would be anybody's. */
static void a_diff_id_of_zeros_is_refused(void **state)
{
    CONFIG_AUTO(c);
    ERROR_AUTO(err);

    (void)state;
    assert_int_equal(
        config_parse(VIEW("{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":"
                          "\"layers\",\"diff_ids\":[\"sha256:00000000000000000000000000000000000000"
                          "00000000000000000000000000\"]}}"),
                     &c, &err),
        -EINVAL);
    assert_non_null(strstr(err.text, "diff_ids[0]"));
}

static void layers_keep_what_they_are_in_other_words(void **state)
{
#define FOREIGN "application/vnd.oci.image.layer.nondistributable.v1.tar"
#define DOCKER_FOREIGN "application/vnd.docker.image.rootfs.foreign.diff.tar"
    static const struct {
        const char *type, *oci, *docker;
    } rows[] = {
        {MEDIA_DOCKER_LAYER_GZIP, MEDIA_OCI_LAYER_GZIP, MEDIA_DOCKER_LAYER_GZIP},
        {MEDIA_OCI_LAYER_ZSTD, MEDIA_OCI_LAYER_ZSTD, NULL},
        {FOREIGN, FOREIGN, DOCKER_FOREIGN},
        {DOCKER_FOREIGN ".gzip", FOREIGN "+gzip", DOCKER_FOREIGN ".gzip"},
        {FOREIGN "+zstd", FOREIGN "+zstd", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *docker = media_layer_as(rows[i].type, true);

        assert_string_equal(media_layer_as(rows[i].type, false), rows[i].oci);
        assert_string_equal(docker ? docker : "", rows[i].docker ? rows[i].docker : "");
    }
}

static const struct {
    const char *text;
    int64_t seconds;
    bool good;
} times[] = {
    {"1970-01-01T00:00:00Z", 0, true},
    {"2015-10-31T22:22:56.015925234Z", 1446330176, true},
    {"2015-10-31T23:22:56+01:00", 1446330176, true},
    {"2015-10-31T21:52:56-00:30", 1446330176, true},
    {"0001-01-01T00:00:00Z", -62135596800, true},
    {"2024-02-29T00:00:00z", 1709164800, true},
    {"2000-12-31T23:59:59.9+00:00", 978307199, true},
    {"2023-02-29T00:00:00Z", 0, false}, /* no days, none is meant */
    {"2015-02-31T22:22:56Z", 0, false},
    {"2015-04-31T22:22:56Z", 0, false},
    {"2015-00-10T22:22:56Z", 0, false},
    {"2015-13-10T22:22:56Z", 0, false},
    {"2015-10-00T22:22:56Z", 0, false},
    {"2015-10-31T24:00:00Z", 0, false},
    {"2015-10-31T22:60:00Z", 0, false},
    {"2016-12-31T23:59:60Z", 0, false}, /* as for Go */
    {"2015-1-1T2:2:5Z", 0, false},
    {" 2015-10-31T22:22:56Z", 0, false},
    {"-015-10-31T22:22:56Z", 0, false},
    {"2015-10-31 22:22:56Z", 0, false},
    {"2015-10-31T22:22:56.Z", 0, false},
    {"2015-10-31T22:22:56+24:00", 0, false},
    {"2015-10-31T22:22:56+01:60", 0, false},
    {"2015-10-31T22:22:56+1:00", 0, false},
    {"2015-10-31T22:22:56+-1:00", 0, false},
    {"2015-10-31T22:22:56+01:+9", 0, false},
    {"2015-10-31T22:22:56+ 1:00", 0, false},
    {"2015-10-31", 0, false},
    {"2015-10-31T22:22:56", 0, false},
    {"2015-10-31T22:22:56Zx", 0, false},
    {"", 0, false},
};

static void times_are_rfc3339(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        int64_t got = 0;

        print_message("# '%s'\n", times[i].text);
        assert_int_equal(config_time_parse(times[i].text, &got), times[i].good);
        if (times[i].good)
            assert_int_equal(got, times[i].seconds);
    }
}

static void times_have_years_of_four_digits(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } made[] = {{0, "1970-01-01T00:00:00Z"},
                {253402300799, "9999-12-31T23:59:59Z"},
                {253402300800, "9999-12-31T23:59:59Z"},
                {INT64_MAX, "9999-12-31T23:59:59Z"},
                {INT64_MIN, "1000-01-01T00:00:00Z"}};
    char text[CONFIG_TIME_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(made); i++)
        assert_string_equal(config_time_format(made[i].seconds, text), made[i].text);
}

UNIT_MAIN(cmocka_unit_test(schema_verdicts_hold), cmocka_unit_test(docker_s_documents_are_read),
          cmocka_unit_test(chain_ids_are_right), cmocka_unit_test(hostile_manifests_are_refused),
          cmocka_unit_test(manifests_with_too_many_layers_are_refused),
          cmocka_unit_test(what_others_write_is_read), cmocka_unit_test(index_gives_the_platform),
          cmocka_unit_test(config_round_trip_is_exact),
          cmocka_unit_test(a_diff_id_of_zeros_is_refused),
          cmocka_unit_test(layers_keep_what_they_are_in_other_words),
          cmocka_unit_test(times_are_rfc3339), cmocka_unit_test(times_have_years_of_four_digits))
