#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/bundle.h"
#include "image/output.h"
#include "trees.h"
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
    {"type=oci,dest=x.tar", OUTPUT_OCI_ARCHIVE, "x.tar"},
    {"type=oci,dest=x.tar,tar=false", OUTPUT_OCI, "x.tar"},
    {"type=oci-archive,dest=x,tar=false", OUTPUT_OCI, "x"},
    {"type=docker", OUTPUT_IMAGE, NULL},
    {"type=docker,dest=x,tar=false", OUTPUT_DOCKER_ARCHIVE, "x"},
    {"type=cacheonly", OUTPUT_CACHEONLY, NULL},
    {"store=false,type=image", OUTPUT_CACHEONLY, NULL},
    {"type=image,push=false,unpack=true,store=true", OUTPUT_IMAGE, NULL},
    {"type=local,dest=d,mode=delete", OUTPUT_LOCAL, "d"},
    {"type=oci,dest=d,compression-level=max", OUTPUT_OCI, "d"},
    {"type=oci,dest=d,compression=zstd,compression-level=0", OUTPUT_OCI, "d"},
    {"type=oci,dest=d,compression=gzip,compression-level=-1", OUTPUT_OCI, "d"},
    {"type=oci,dest=d,annotation-index[linux/amd64].k=v", -1, "no platform"},
    {"type=oci,dest=d,annotation-idnex.k=v", -1, "did you mean 'index'"},
    {"type=oci,dest=d,annotation-manifest=v", -1, "behind a dot"},
    {"type=oci,dest=d,annotation.a b=v", -1, "without blanks"},
    {"type=oci,dest=d,mode=delete", -1, "type=local"},
    {"type=local,dest=d,mode=sync", -1, "copy or delete"},
    {"type=docker,dest=-,tar=false", -1, "standard output"},
    {"type=docker-archive", OUTPUT_DOCKER_ARCHIVE, "-"},
    {"type=oci,dest=d,compression-level=min", -1, "neither max nor"},
    {"type=oci-archive,dest=x", OUTPUT_OCI_ARCHIVE, "x"},
    {"dest=x,type=docker", OUTPUT_DOCKER_ARCHIVE, "x"},
    {"type=tar,dest=a=b", OUTPUT_TAR, "a=b"},
    {"\"type=local\",\"dest=a,\"\"b\"", OUTPUT_LOCAL, "a,\"b"},
    {"out", OUTPUT_LOCAL, "out"},
    {"-", OUTPUT_TAR, "-"},
    {"type=oci,dest=d,compression=zstd,compression-level=3", OUTPUT_OCI, "d"},
    {"type=registry,name=a", OUTPUT_REGISTRY, NULL},
    {"type=image,name=a,push=true", OUTPUT_IMAGE, NULL},
    {"", -1, "empty"},
    {"dest=d", -1, "type is missing"},
    {"type=oci", OUTPUT_OCI_ARCHIVE, "-"},
    {"type=oci,tar=false", -1, "dest=DIR"},
    {"type=tar", OUTPUT_TAR, "-"},
    {"type=local", -1, "dest=DIR"},
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
            assert_true(r == -EINVAL || r == -ENOTSUP);
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
                     "force-compression=true,rewrite-timestamp=true,annotation.k=v=w,annotation-"
                     "manifest-descriptor[linux/"
                     "arm64].d.e=f",
                     &o, NULL),
        0);
    assert_int_equal(o.names.size, 2);
    assert_string_equal(o.names.at[1], "b");
    assert_string_equal(o.codec->name, "zstd");
    assert_int_equal(o.level, 5);
    assert_true(o.force);
    assert_true(o.rewrite_timestamp);
    assert_int_equal(o.annotations.size, 2);
    assert_int_equal(o.annotations.at[0].place, ANNOTATE_MANIFEST);
    assert_string_equal(o.annotations.at[0].key, "k");
    assert_string_equal(o.annotations.at[0].value, "v=w");
    assert_int_equal(o.annotations.at[1].place, ANNOTATE_MANIFEST_DESCRIPTOR);
    assert_true(o.annotations.at[1].has_platform);
    assert_string_equal(o.annotations.at[1].key, "d.e");
    output_done(&o);
    assert_int_equal(output_parse("type=oci,dest=d,oci-mediatypes=0", &o, NULL), 0);
    assert_true(o.docker_types);
    output_done(&o);
    assert_int_equal(
        output_parse("compression-level=max,type=oci,dest=d,compression=zstd", &o, NULL), 0);
    assert_int_equal(o.level, 22);
    output_done(&o);
}

static void levels_beyond_a_codec_are_refused(void **state)
{
    static const char *const rows[] = {"type=oci,dest=d,compression-level=10",
                                       "type=oci,dest=d,compression=gzip,compression-level=22",
                                       "type=image,compression=gzip,compression-level=12"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct output o;
        ERROR_AUTO(err);

        assert_int_equal(output_parse(rows[i], &o, &err), -EINVAL);
        assert_non_null(strstr(err.text, "has levels from"));
    }
}

static void only_one_takes_standard_output(void **state)
{
    static const struct {
        const char *texts[3];
        int code;
        bool takes;
    } rows[] = {
        {{"type=tar,dest=-", "type=oci,dest=d", "type=image"}, 0, true},
        {{"-", "type=cacheonly", "type=docker-archive,dest=-"}, -EINVAL, false},
        {{"type=oci,dest=d", "type=oci,dest=e", "type=image"}, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(strings_done) struct strings texts = {0};
        CLEANUP(outputs_done) struct outputs all = {0};

        for (size_t k = 0; k < 3; k++)
            strings_add(&texts, rows[i].texts[k]);
        assert_int_equal(outputs_parse(&texts, &all, NULL), rows[i].code);
        assert_int_equal(all.size, rows[i].code == 0 ? 3 : 0);
        assert_int_equal(outputs_take_stdout(&all), rows[i].takes);
    }
}

static void annotations_have_places(void **state)
{
    static const struct {
        const char *text;
        int count; /* or -1: refused */
        enum annotation_place last;
    } rows[] = {
        {"a=b", 1, ANNOTATE_MANIFEST},
        {"a.b=", 1, ANNOTATE_MANIFEST},
        {"index:a=b:c=d", 1, ANNOTATE_INDEX},
        {"manifest[linux/amd64],index-descriptor:a=b", 2, ANNOTATE_INDEX_DESCRIPTOR},
        {"manifest-descriptor:a=b", 1, ANNOTATE_MANIFEST_DESCRIPTOR},
        {"a", -1, 0},
        {"=b", -1, 0},
        {"indx:a=b", -1, 0},
        {"index:=b", -1, 0},
        {"index[linux]:a=b", -1, 0},
        {"manifest[linux:a=b", -1, 0},
        {"manifest[li nux]:a=b", -1, 0},
        {"\xff=b", -1, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(annotations_done) struct annotations a = {0};
        const int r = annotations_add_text(&a, rows[i].text, NULL);

        print_message("# %s\n", rows[i].text);
        assert_int_equal(r, rows[i].count < 0 ? -EINVAL : 0);
        if (r == 0) {
            assert_int_equal(a.size, rows[i].count);
            assert_int_equal(vec_last(&a)->place, rows[i].last);
        }
    }
}

static void annotations_go_where_they_belong(void **state)
{
    CLEANUP(annotations_done) struct annotations a = {0};
    struct platform arm, amd;
    cleanup_doc json_t *doc = NULL;

    (void)state;
    assert_int_equal(platform_parse("linux/arm64", &arm, NULL), 0);
    assert_int_equal(platform_parse("linux/amd64", &amd, NULL), 0);
    assert_int_equal(annotations_add_text(&a, "k=all", NULL), 0);
    assert_int_equal(annotations_add_text(&a, "manifest[linux/arm64]:k=arm", NULL), 0);
    assert_int_equal(annotations_add_text(&a, "index:k=index", NULL), 0);
    annotations_set(&a, ANNOTATE_INDEX_DESCRIPTOR, NULL, &doc);
    assert_null(doc);
    annotations_set(&a, ANNOTATE_MANIFEST, &amd, &doc);
    assert_string_equal(json_string_value(json_object_get(doc, "k")), "all");
    annotations_set(&a, ANNOTATE_MANIFEST, &arm, &doc);
    assert_string_equal(json_string_value(json_object_get(doc, "k")), "arm");
    assert_true(annotations_have(&a, ANNOTATE_INDEX));
    assert_false(annotations_have(&a, ANNOTATE_INDEX_DESCRIPTOR));
}

/* ---- archives that are written while a blob comes into being ---- */

enum { GROWN_FIRST = 3 << 20, GROWN = GROWN_FIRST + 12345 };

static void grow(int fd, const char *bytes, size_t size)
{
    assert_int_equal(fd_write_all(fd, view_make(bytes, size), NULL), 0);
}

/* The archive must have it behind two directories and a head. */
static void must_hold(const char *path, const char *bytes)
{
    STR_AUTO(archive);

    assert_int_equal(fd_read_file(AT_FDCWD, path, 8 << 20, &archive, NULL), 0);
    assert_true(archive.size > 3 * TAR_BLOCK + GROWN);
    assert_memory_equal(archive.at + (size_t)(2 * TAR_BLOCK), "blobs/sha256/", 13);
    assert_memory_equal(archive.at + (size_t)(3 * TAR_BLOCK), bytes, GROWN);
}

static void put_growing(int from, const char *path, const char *bytes)
{
    struct bundle b;
    struct bundle_blob c;
    struct digest digest;
    int r;

    assert_int_equal(bundle_open_archive(path, &b, NULL), 0);
    assert_int_equal(bundle_blob_begin_growing(&b, dup(from), &c, NULL), 0);
    grow(from, bytes, GROWN_FIRST);
    while ((r = bundle_blob_follow(&c, NULL)) > 0)
        ;
    assert_int_equal(r, 0);
    assert_true(c.done > 0);
    grow(from, bytes + GROWN_FIRST, GROWN - GROWN_FIRST);
    digest_of(view_make(bytes, GROWN), &digest);
    assert_int_equal(bundle_blob_settle(&c, &digest, GROWN, NULL), 0);
    while ((r = bundle_blob_step(&c, NULL)) > 0)
        ;
    assert_int_equal(r, 0);
    bundle_blob_done(&c);
    assert_int_equal(bundle_finish(&b, NULL), 0);
    bundle_done(&b);
}

/* The kernel copies within a file system only: from one in memory to the disk the bytes go through ours. */
static void a_growing_blob_is_whole_from_any_file_system(void **state)
{
    (void)state;
    char *bytes = xmalloc(GROWN);

    for (size_t i = 0; i < GROWN; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        SCRATCH_AUTO(t);
        cleanup_free char *path = xasprintf("%s/archive.tar", t.path);
        cleanup_close int from = in_memory
                                     ? memfd_create("blob", MFD_CLOEXEC)
                                     : openat(t.fd, "blob", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        assert_true(from >= 0);
        put_growing(from, path, bytes);
        must_hold(path, bytes);
    }
    free(bytes);
}

UNIT_MAIN(cmocka_unit_test(outputs_are_read), cmocka_unit_test(fields_arrive),
          cmocka_unit_test(levels_beyond_a_codec_are_refused),
          cmocka_unit_test(only_one_takes_standard_output),
          cmocka_unit_test(annotations_have_places),
          cmocka_unit_test(annotations_go_where_they_belong),
          cmocka_unit_test(a_growing_blob_is_whole_from_any_file_system))
