#include "layer/codec.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/follow.h"
#include "base/hash.h"
#include "unit.h"

#define HELLO "hello, layer\n"

static const uint8_t hello_xz[] = {
    0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x01, 0x69, 0x22, 0xde, 0x36, 0x02, 0x00,
    0x21, 0x01, 0x16, 0x00, 0x00, 0x00, 0x74, 0x2f, 0xe5, 0xa3, 0x01, 0x00, 0x0c, 0x68,
    0x65, 0x6c, 0x6c, 0x6f, 0x2c, 0x20, 0x6c, 0x61, 0x79, 0x65, 0x72, 0x0a, 0x00, 0x00,
    0x00, 0x00, 0x33, 0x31, 0x4d, 0xe6, 0x00, 0x01, 0x21, 0x0d, 0x75, 0xdc, 0xa8, 0xd2,
    0x90, 0x42, 0x99, 0x0d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x01, 0x59, 0x5a};
static const uint8_t hello_bzip2[] = {
    0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, 0x86, 0xdd, 0xac,
    0x0a, 0x00, 0x00, 0x03, 0x51, 0x80, 0x00, 0x10, 0x40, 0x04, 0x22, 0x44, 0x90,
    0x20, 0x20, 0x00, 0x31, 0x00, 0x30, 0x20, 0x03, 0xd2, 0x14, 0x02, 0xde, 0x58,
    0xd0, 0xbc, 0x5d, 0xc9, 0x14, 0xe1, 0x42, 0x42, 0x1b, 0x76, 0xb0, 0x28};

static int add_sink(void *ctx, struct view packed, struct error *err)
{
    (void)err;
    str_add(ctx, packed);
    return 0;
}

/* Text, numbers and noise: what compresses well, a little and not at all. */
static void fill(struct str *s, size_t size)
{
    uint32_t seed = 1;

    while (s->size < size) {
        seed = seed * 1103515245 + 12345;
        if (s->size % 300000 < 100000)
            str_printf(s, "line %u of the text\n", seed % 977);
        else if (s->size % 300000 < 200000)
            str_add(s, view_make(&seed, sizeof(seed)));
        else
            str_add(s, view_make("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16));
    }
    str_truncate(s, size);
}

static void pack(const char *name, int level, unsigned threads, struct view plain, struct str *ret,
                 struct codec_sums *sums)
{
    CLEANUP(codec_writer_freep) struct codec_writer *w = NULL;

    assert_int_equal(codec_writer_new(codec_by_name(name), level, threads, add_sink, ret, &w, NULL),
                     0);
    for (size_t at = 0; at < plain.size;) { /* uneven pieces */
        const size_t n = MIN(plain.size - at, 1 + at % 70001);
        assert_int_equal(codec_write(w, view_make(plain.at + at, n), NULL), 0);
        at += n;
    }
    assert_int_equal(codec_finish(w, sums, NULL), 0);
    assert_int_equal(sums->packed_size, ret->size);
}

/* Reads everything; returns the code. */
static int unpack(struct view packed, unsigned flags, const struct codec_limits *limits,
                  struct str *ret, struct codec_sums *sums, struct error *err)
{
    CLEANUP(codec_closep)
    struct codec_reader *r = codec_open_bytes(packed, flags, limits);
    char buf[10000];
    int n;

    while ((n = codec_read(r, buf, sizeof(buf), err)) > 0)
        str_add(ret, view_make(buf, (size_t)n));
    return n < 0 ? n : codec_drain(r, sums, err);
}

static void bytes_return_and_do_not_depend_on_threads(void **state)
{
    static const struct {
        const char *codec;
        int level;
    } rows[] = {{"none", -1}, {"gzip", -1}, {"gzip", 0}, {"gzip", 1}, {"gzip", 6},
                {"gzip", 9},  {"zstd", -1}, {"zstd", 1}, {"zstd", 9}};
    static const size_t sizes[] = {
        0, 1, 512, CODEC_CHUNK - 1, CODEC_CHUNK, CODEC_CHUNK + 1, 3 * CODEC_CHUNK + 77777};
    STR_AUTO(all);

    (void)state;
    fill(&all, 4 * CODEC_CHUNK);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
            const struct view plain = view_make(all.at, sizes[k]);
            struct codec_sums first = {0}, sums = {0}, back = {0};
            struct digest want;
            STR_AUTO(one);
            STR_AUTO(many);
            STR_AUTO(again);

            pack(rows[i].codec, rows[i].level, 1, plain, &one, &first);
            pack(rows[i].codec, rows[i].level, 2 + (unsigned)k % 5, plain, &many, &sums);
            assert_true(view_eq(str_view(&one), str_view(&many)));
            assert_memory_equal(&first, &sums, sizeof(sums));
            hash_of(plain, want.sha256);
            assert_memory_equal(&want, &sums.plain, sizeof(want));
            hash_of(str_view(&one), want.sha256);
            assert_memory_equal(&want, &sums.packed, sizeof(want));
            for (unsigned ahead = 0; ahead <= CODEC_AHEAD; ahead++) {
                str_clear(&again);
                assert_int_equal(unpack(str_view(&one),
                                        ahead | CODEC_HASH_PLAIN | CODEC_HASH_PACKED, NULL, &again,
                                        &back, NULL),
                                 0);
                assert_true(view_eq(plain, str_view(&again)));
                assert_memory_equal(&back, &sums, sizeof(sums));
            }
        }
    }
}

/* One byte at a time: every state of every decoder must survive the end of its input. */
struct drip {
    struct view left;
};
static int drip(void *ctx, void *buf, size_t size, struct error *err)
{
    struct drip *d = ctx;

    (void)err;
    if (d->left.size == 0 || size == 0)
        return 0;
    *(char *)buf = *d->left.at;
    d->left = view_make(d->left.at + 1, d->left.size - 1);
    return 1;
}

static void input_may_drip(void **state)
{
    static const char *const names[] = {"none", "gzip", "zstd"};
    STR_AUTO(plain);

    (void)state;
    fill(&plain, 150000);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct codec_sums sums = {0};
        STR_AUTO(packed);
        STR_AUTO(back);
        pack(names[i], -1, 1, str_view(&plain), &packed, &sums);
        struct drip d = {str_view(&packed)};
        CLEANUP(codec_closep)
        struct codec_reader *r = codec_open_source(drip, &d, 0, NULL);
        struct view next;
        int e;
        while ((e = codec_next(r, &next, NULL)) > 0)
            str_add(&back, next);
        assert_int_equal(e, 0);
        assert_true(view_eq(str_view(&plain), str_view(&back)));
    }
}

enum growth { GROWS, GROWS_ANEW, GROWS_ANEW_AT_THE_END, IS_LEFT };
static const struct {
    const char *name, *codec;
    unsigned flags;
    enum growth how;
} growths[] = {
    {"to its end", "none", CODEC_AHEAD, GROWS},
    {"to its end, packed", "gzip", CODEC_AHEAD, GROWS},
    {"began anew", "gzip", CODEC_AHEAD, GROWS_ANEW},
    {"began anew and ended before anybody looked", "none", CODEC_AHEAD, GROWS_ANEW_AT_THE_END},
    {"without a thread", "gzip", 0, GROWS_ANEW_AT_THE_END},
    {"the reader loses interest", "gzip", CODEC_AHEAD, IS_LEFT},
};

/* Half of all is there when the first block is asked for. */
static void play_growth(enum growth how, int fd, struct follow *f, unsigned flags, struct view all,
                        const struct codec_sums *want)
{
    const size_t half = all.size / 2;
    struct codec_sums sums = {0};
    struct view next;

    assert_int_equal(fd_write_all(fd, view_make(all.at, half), NULL), 0);
    follow_tell(f->fd, FOLLOW_MORE);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    CLEANUP(codec_closep)
    struct codec_reader *r = codec_open_fd(fd, flags | CODEC_HASH_PLAIN | CODEC_HASH_PACKED, NULL);
    codec_follow(r, f);
    assert_int_equal(codec_next(r, &next, NULL), 1);
    if (how == IS_LEFT)
        return;
    if (how != GROWS)
        follow_tell(f->fd, FOLLOW_AGAIN);
    assert_int_equal(pwrite(fd, all.at + half, all.size - half, (off_t)half), all.size - half);
    if (how != GROWS_ANEW)
        follow_tell(f->fd, FOLLOW_END);
    assert_int_equal(codec_drain(r, &sums, NULL), how == GROWS ? 0 : -ECANCELED);
    if (how == GROWS) {
        assert_true(digest_eq(&sums.packed, &want->packed));
        assert_true(digest_eq(&sums.plain, &want->plain));
    }
}

static void a_file_may_grow(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(growths); i++) {
        cleanup_close int fd = memfd_create("growing", MFD_CLOEXEC);
        cleanup_close int told = follow_open(NULL);
        struct follow f = {.fd = told};
        struct codec_sums want = {0};
        STR_AUTO(plain);
        STR_AUTO(packed);

        print_message("# %s\n", growths[i].name);
        fill(&plain, 3000000);
        pack(growths[i].codec, -1, 1, str_view(&plain), &packed, &want);
        play_growth(growths[i].how, fd, &f, growths[i].flags, str_view(&packed), &want);
        assert_int_equal(f.again,
                         growths[i].how == GROWS_ANEW || growths[i].how == GROWS_ANEW_AT_THE_END);
    }
}

/* want NULL: anything. Junk and padding count for the digest. */
static void must_unpack_to(struct view in, enum codec_id id, const char *want)
{
    struct codec_sums sums = {0};
    struct digest d;
    STR_AUTO(out);

    assert_int_equal(unpack(in, CODEC_HASH_PACKED, NULL, &out, &sums, NULL), 0);
    assert_int_equal(sums.id, id);
    if (want)
        assert_string_equal(out.at, want);
    hash_of(in, d.sha256);
    assert_memory_equal(&d, &sums.packed, sizeof(d));
}

/* Who asks for it is given what stands before the junk. */
static void must_end_in_junk(struct view in, const char *complaint)
{
    struct codec_sums sums = {0};
    STR_AUTO(out);
    ERROR_AUTO(err);

    assert_int_equal(unpack(in, CODEC_HASH_PACKED, NULL, &out, &sums, &err), -EPROTO);
    assert_non_null(strstr(err.text, complaint));
    str_clear(&out);
    assert_int_equal(unpack(in, CODEC_HASH_PACKED | CODEC_TAIL, NULL, &out, &sums, NULL), 0);
    assert_string_equal(out.at, HELLO);
    assert_int_equal(sums.packed_size, in.size);
}

/* What stands behind, between and instead of members (layer-cases a04 to a07). */
static void concatenations(void **state)
{
    static const char skippable[] = "\x5e\x2a\x4d\x18\x05\x00\x00\x00toc!!";
    struct codec_sums sums = {0};
    STR_AUTO(gz);
    STR_AUTO(zs);

    (void)state;
    pack("gzip", -1, 1, VIEW(HELLO), &gz, &sums);
    pack("zstd", -1, 1, VIEW(HELLO), &zs, &sums);
    const struct view g = str_view(&gz), z = str_view(&zs), s = view_make(skippable, 13),
                      x = view_make(hello_xz, sizeof(hello_xz)),
                      b = view_make(hello_bzip2, sizeof(hello_bzip2)), none = {"", 0},
                      zeros = view_make("\0\0\0\0\0\0\0\0\0\0\0\0", 12);
    const struct {
        const char *name;
        struct view parts[3];
        enum codec_id id;
        const char *want, *complaint;
    } rows[] = {
        {"a04 gzip members", {g, g, g}, CODEC_GZIP, HELLO HELLO HELLO, NULL},
        {"a04 gzip and zeros", {g, zeros, none}, CODEC_GZIP, HELLO, NULL},
        {"a04 zeros between members", {g, zeros, g}, CODEC_GZIP, HELLO HELLO, NULL},
        {"a05 gzip and junk", {g, VIEW("junk"), none}, CODEC_GZIP, NULL, "followed by"},
        {"a05 gzip, zeros and junk", {g, zeros, VIEW("junk")}, CODEC_GZIP, NULL, "followed by"},
        {"gzip, junk and gzip", {g, VIEW("j"), g}, CODEC_GZIP, NULL, "followed by"},
        {"a06 zstd frames", {z, z, none}, CODEC_ZSTD, HELLO HELLO, NULL},
        {"a06 zstd skippable first", {s, z, s}, CODEC_ZSTD, HELLO, NULL},
        {"a06 zstd skippable between", {z, s, z}, CODEC_ZSTD, HELLO HELLO, NULL},
        {"zstd and junk", {z, VIEW("junk"), none}, CODEC_ZSTD, NULL, "followed by"},
        {"a07 plain", {VIEW(HELLO), g, none}, CODEC_NONE, NULL, NULL},
        {"xz", {x, none, none}, CODEC_XZ, HELLO, NULL},
        {"xz streams", {x, x, none}, CODEC_XZ, HELLO HELLO, NULL},
        {"bzip2", {b, none, none}, CODEC_BZIP2, HELLO, NULL},
        {"bzip2 streams", {b, b, b}, CODEC_BZIP2, HELLO HELLO HELLO, NULL},
        {"BZh as the begin of a name",
         {VIEW("BZh9/file"), none, none},
         CODEC_NONE,
         "BZh9/file",
         NULL},
        {"nothing", {none, none, none}, CODEC_NONE, "", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        STR_AUTO(in);

        print_message("# %s\n", rows[i].name);
        for (size_t k = 0; k < 3; k++)
            str_add(&in, rows[i].parts[k]);
        if (rows[i].complaint)
            must_end_in_junk(str_view(&in), rows[i].complaint);
        else
            must_unpack_to(str_view(&in), rows[i].id, rows[i].want);
    }
}

static void cut_and_damaged_streams_are_refused(void **state)
{
    struct codec_sums sums = {0};
    STR_AUTO(gz);
    STR_AUTO(zs);

    (void)state;
    pack("gzip", -1, 1, VIEW(HELLO), &gz, &sums);
    pack("zstd", -1, 1, VIEW(HELLO), &zs, &sums);
    const struct view all[] = {str_view(&gz), str_view(&zs), view_make(hello_xz, sizeof(hello_xz)),
                               view_make(hello_bzip2, sizeof(hello_bzip2))};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        for (size_t size = 10; size < all[i].size; size++) {
            STR_AUTO(out);
            assert_int_equal(unpack(view_make(all[i].at, size), (unsigned)size & CODEC_AHEAD, NULL,
                                    &out, &sums, NULL),
                             -EPROTO);
        }
    }
    gz.at[gz.size - 6] ^= 1; /* its checksum */
    STR_AUTO(out);
    ERROR_AUTO(err);
    assert_int_equal(unpack(str_view(&gz), 0, NULL, &out, &sums, &err), -EPROTO);
    assert_non_null(strstr(err.text, "checksum"));
}

/* layer-cases a09 */
static void bombs_are_stopped(void **state)
{
    static const char *const names[] = {"gzip", "zstd"};
    STR_AUTO(zeros);

    (void)state;
    str_reserve(&zeros, 32 << 20);
    memset(zeros.at, 0, 32 << 20);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct codec_sums sums = {0};
        STR_AUTO(packed);
        const struct {
            struct codec_limits limits;
            const char *complaint;
        } rows[] = {{{0, 0, 0}, NULL},
                    {{0, 4 << 20, 100}, "bomb"},
                    {{4 << 20, 0, 0}, "more than 4194304 bytes"}};

        pack(names[i], -1, 2, view_make(zeros.at, 32 << 20), &packed, &sums);
        for (size_t k = 0; k < ARRAY_SIZE(rows); k++) {
            STR_AUTO(out);
            ERROR_AUTO(err);
            const int r =
                unpack(str_view(&packed), CODEC_AHEAD, &rows[k].limits, &out, &sums, &err);
            assert_int_equal(r, rows[k].complaint ? -EDQUOT : 0);
            if (r < 0) {
                assert_non_null(strstr(err.text, rows[k].complaint));
                assert_true(out.size < 6 << 20); /* it did stop */
            }
        }
    }
}

/* The fast level stores what is noise wherever it looks, and nothing else. */
static void noise_is_stored(void **state)
{
    static const struct {
        const char *name;
        size_t size, text_at, text_size; /* text in the noise */
        bool stored;
    } rows[] = {
        {"noise", CODEC_CHUNK, 0, 0, true},
        {"noise of an odd size", CODEC_CHUNK - 4097, 0, 0, true},
        {"noise and then text", CODEC_CHUNK, CODEC_CHUNK / 2, CODEC_CHUNK / 2, false},
        {"text in one sample", CODEC_CHUNK, CODEC_CHUNK / 16 * 5, 5000, false},
        {"text", CODEC_CHUNK, 0, CODEC_CHUNK, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct codec_sums sums, back;
        STR_AUTO(plain);
        STR_AUTO(packed);
        STR_AUTO(again);
        uint64_t seed = 88172645463325252u;

        while (plain.size < rows[i].size) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            str_add_char(&plain, (char)(seed >> 32));
        }
        memset(plain.at + rows[i].text_at, 'a', rows[i].text_size);
        print_message("# %s\n", rows[i].name);
        pack("gzip", 1, 1, str_view(&plain), &packed, &sums);
        const size_t blocks = (rows[i].size + 65534) / 65535;
        assert_int_equal(packed.size == rows[i].size + 18 + 5 * blocks, rows[i].stored);
        assert_int_equal(unpack(str_view(&packed), 0, NULL, &again, &back, NULL), 0);
        assert_true(view_eq(str_view(&plain), str_view(&again)));
    }
}

static int failing_sink(void *ctx, struct view packed, struct error *err)
{
    (void)packed;
    return --*(int *)ctx < 0 ? error_set(err, -ENOSPC, "disk full") : 0;
}

static void a_failing_sink_is_reported(void **state)
{
    STR_AUTO(plain);

    (void)state;
    fill(&plain, 12 * CODEC_CHUNK);
    for (unsigned threads = 1; threads <= 3; threads++) {
        int left = 2, r;
        CLEANUP(codec_writer_freep) struct codec_writer *w = NULL;
        struct codec_sums sums;
        assert_int_equal(
            codec_writer_new(codec_by_name("gzip"), -1, threads, failing_sink, &left, &w, NULL), 0);
        r = codec_write(w, str_view(&plain), NULL);
        assert_int_equal(r, -ENOSPC);
        assert_int_equal(codec_finish(w, &sums, NULL), -ENOSPC);
    }
}

static void rows_are_found(void **state)
{
    CLEANUP(codec_writer_freep) struct codec_writer *w = NULL;
    ERROR_AUTO(err);

    (void)state;
    assert_null(codec_by_name("lz4"));
    assert_string_equal(codec_by_name("uncompressed")->name, "none");
    assert_int_equal(codec_by_media_type("application/vnd.oci.image.layer.v1.tar+zstd")->id,
                     CODEC_ZSTD);
    assert_int_equal(codec_by_media_type("application/vnd.docker.image.rootfs.diff.tar.gzip")->id,
                     CODEC_GZIP);
    assert_int_equal(codec_by_media_type("application/vnd.oci.image.layer.v1.tar")->id, CODEC_NONE);
    assert_int_equal(codec_writer_new(codec_by_name("gzip"), 10, 1, add_sink, NULL, &w, &err),
                     -EINVAL);
    assert_string_equal(err.text, "gzip has no compression level 10: it has 0 to 9");
}

UNIT_MAIN(cmocka_unit_test(bytes_return_and_do_not_depend_on_threads),
          cmocka_unit_test(input_may_drip), cmocka_unit_test(a_file_may_grow),
          cmocka_unit_test(concatenations), cmocka_unit_test(cut_and_damaged_streams_are_refused),
          cmocka_unit_test(bombs_are_stopped), cmocka_unit_test(noise_is_stored),
          cmocka_unit_test(a_failing_sink_is_reported), cmocka_unit_test(rows_are_found))
