#include "image/output.h"
#include "unit.h"

static const struct {
    const char *text;
    int type;         /* -1: refused */
    const char *rest; /* dest where it is good; a piece of message or hint where not */
} cases[] = {
    {"type=image", OUTPUT_IMAGE, NULL},
    {"type=oci,dest=d", OUTPUT_OCI, "d"},
    {"type=oci,dest=-", OUTPUT_OCI_ARCHIVE, "-"},
    {"type=oci,dest=x,tar=true", OUTPUT_OCI_ARCHIVE, "x"},
    {"type=oci-archive,dest=x", OUTPUT_OCI_ARCHIVE, "x"},
    {"dest=x,type=docker", OUTPUT_DOCKER_ARCHIVE, "x"},
    {"type=tar,dest=a=b", OUTPUT_TAR, "a=b"},
    {"\"type=local\",\"dest=a,\"\"b\"", OUTPUT_LOCAL, "a,\"b"},
    {"out", OUTPUT_LOCAL, "out"},
    {"-", OUTPUT_TAR, "-"},
    {"type=oci,dest=d,compression=zstd,compression-level=3", OUTPUT_OCI, "d"},
    {"", -1, "empty"},
    {"dest=d", -1, "type is missing"},
    {"type=oci", -1, "dest=DIR"},
    {"type=tar", -1, "dest=FILE"},
    {"type=tar,dest=", -1, "dest is empty"},
    {"type=local,dest=-", -1, "type=tar,dest=-"},
    {"type=docker-archve,dest=d", -1, "did you mean 'type=docker-archive'"},
    {"type=oci,dst=d", -1, "did you mean 'dest'"},
    {"type=oci,dest=d,", -1, "not key=value"},
    {"type=oci,dest=d,tar=maybe", -1, "true or false"},
    {"type=oci,dest=d,compression=lzw", -1, "gzip, zstd"},
    {"type=oci,dest=d,compression=xz", -1, "gzip, zstd"},
    {"type=oci,dest=d,compression=gzip,compression-level=22", -1, "levels from"},
    {"\"type=oci", -1, "not closed"},
    {"\"type=oci\"x", -1, "behind a closing quote"},
};

static void outputs_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct output o = {0};
        ERROR_AUTO(err);
        const int r = output_parse(cases[i].text, &o, &err);

        print_message("# %s\n", cases[i].text);
        if (cases[i].type < 0) {
            assert_int_equal(r, -EINVAL);
            assert_true(strstr(err.text, cases[i].rest) ||
                        (err.hint && strstr(err.hint, cases[i].rest)));
            continue;
        }
        assert_int_equal(r, 0);
        assert_int_equal(o.type, cases[i].type);
        if (cases[i].rest)
            assert_string_equal(o.dest, cases[i].rest);
        else
            assert_null(o.dest);
        output_done(&o);
    }
}

static void fields_arrive(void **state)
{
    struct output o;

    (void)state;
    assert_int_equal(
        output_parse("type=oci,dest=d,\"name=a:1,b\",compression=zstd,compression-level=5,"
                     "force-compression=true,oci-mediatypes=false,annotation.k=v=w",
                     &o, NULL),
        0);
    assert_int_equal(o.names.size, 2);
    assert_string_equal(o.names.at[1], "b");
    assert_string_equal(o.codec->name, "zstd");
    assert_int_equal(o.level, 5);
    assert_true(o.force);
    assert_true(o.docker_types);
    assert_string_equal(pairs_get(&o.annotations, "k"), "v=w");
    output_done(&o);
}

UNIT_MAIN(cmocka_unit_test(outputs_are_read), cmocka_unit_test(fields_arrive))
