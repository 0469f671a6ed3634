#include "layer/tar.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "layer/ar.h"
#include "layer/tar_pax.h"
#include "unit.h"

static int add_sink(void *ctx, struct view data, struct error *err)
{
    (void)err;
    str_add(ctx, data);
    return 0;
}

static void numbers(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        bool good;
        int64_t want;
    } cases[] = {
        {"0000644\0", 8, true, 0644},
        {"   644 \0", 8, true, 0644},
        {"00000000017 ", 12, true, 15},
        {"77777777777\0", 12, true, 077777777777},
        {"777777777777", 12, true, 0777777777777},
        {"\0\0\0\0\0\0\0\0", 8, true, 0},
        {"12\0junk!", 8, true, 012},
        {"0000888\0", 8, false, 0},
        {"-1\0\0\0\0\0\0", 8, false, 0},
        {"\x80\0\0\0\0\x20\0\0", 8, true, 1 << 21},
        {"\x80\0\0\0\0\0\0\0\0\0\0\1", 12, true, 1},
        {"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12, true, INT64_MAX},
        {"\x80\0\0\0\x80\0\0\0\0\0\0\0", 12, false, 0},
        {"\x80\0\0\1\0\0\0\0\0\0\0\0", 12, false, 0},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12, true, -1},
        {"\xff\xff\xff\xff\xff\xff\xff\xfe", 8, true, -2},
        {"\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 12, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t n = 0;
        print_message("# %zu\n", i);
        assert_int_equal(tar_number(cases[i].text, cases[i].size, &n), cases[i].good);
        if (cases[i].good)
            assert_true(n == cases[i].want);
    }
}

static void pax_times(void **state)
{
    static const struct {
        const char *record;
        int64_t s;
        uint32_t ns;
        int want;
    } cases[] = {
        {"13 mtime=1.5\n", 1, 500000000, 0},
        {"12 mtime=-1\n", -1, 0, 0},
        {"15 mtime=-1.25\n", -2, 750000000, 0},
        {"22 mtime=100000000000\n", 100000000000, 0, 0},
        {"22 mtime=1.1234567899\n", 1, 123456789, 0},
        {"11 mtime=x\n", 0, 0, -EINVAL},
        {"14 mtime=1.5x\n", 0, 0, -EINVAL},
        {"32 mtime=99999999999999999999999\n", 0, 0, -EINVAL},
        {"13 mtime=1.5", 0, 0, -EINVAL},   /* no newline */
        {"99 mtime=1.5\n", 0, 0, -EINVAL}, /* longer than the text */
        {"3 m\n", 0, 0, -EINVAL},          /* no '=' */
        {"0 mtime=1.5\n", 0, 0, -EINVAL},  /* no progress */
        {"-13 mtime=1.5\n", 0, 0, -EINVAL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct pax p = {0};
        cleanup_free char *text = xstrdup(cases[i].record);

        print_message("# %s", cases[i].record);
        assert_int_equal(pax_parse(&p, text, strlen(text), NULL), cases[i].want);
        if (cases[i].want == 0) {
            assert_true(p.has_mtime && p.mtime_s == cases[i].s);
            assert_int_equal(p.mtime_ns, cases[i].ns);
        }
        pax_done(&p);
    }
}

static void assert_same_entry(const struct entry *e, const struct entry *want)
{
    assert_string_equal(e->path, want->path);
    assert_int_equal(e->type, want->type);
    assert_int_equal(e->mode, want->mode);
    assert_int_equal(e->uid, want->uid);
    assert_int_equal(e->gid, want->gid);
    assert_true(e->mtime_s == want->mtime_s);
    assert_int_equal(e->major, want->major);
    assert_int_equal(e->minor, want->minor);
    if (want->link)
        assert_string_equal(e->link, want->link);
    assert_int_equal(e->xattr_count, want->xattr_count);
    for (size_t k = 0; k < e->xattr_count; k++) {
        assert_string_equal(e->xattrs[k].name, want->xattrs[k].name);
        assert_true(view_eq(e->xattrs[k].value, want->xattrs[k].value));
    }
}

/* Everything a header can hold, and what it cannot: written, read back, the same. */
static void entries_return(void **state)
{
    char name100[101], name250[251], name600[601], link150[151];
    struct xattr attrs[] = {{"security.capability", {"\1\0\0\2\0\0=\n", 8}}, {"user.a", {"", 0}}};

    (void)state;
    memset(name100, 'n', 100);
    memset(name250, 'p', 250);
    memset(name600, 'q', 600);
    memset(link150, 'l', 150);
    name100[100] = name250[250] = name600[600] = link150[150] = '\0';
    name250[150] = '/';
    name600[200] = name600[400] = '/';
    const struct entry entries[] = {
        {.path = "", .type = ENTRY_DIR, .mode = 0700, .uid = 5},
        {.path = "d", .type = ENTRY_DIR, .mode = 01777, .mtime_s = 1700000000},
        {.path = name100, .type = ENTRY_FILE, .mode = 04755},
        {.path = name250, .type = ENTRY_FILE, .mode = 0644},
        {.path = name600, .type = ENTRY_DIR, .mode = 0755},
        {.path = "ä/\xff\xfe", .type = ENTRY_FILE, .uid = 3000000, .gid = 4000000000},
        {.path = "old", .type = ENTRY_FILE, .mtime_s = -5},
        {.path = "late", .type = ENTRY_FILE, .mtime_s = 100000000000},
        {.path = "s", .type = ENTRY_SYMLINK, .mode = 0777, .link = link150},
        {.path = "u", .type = ENTRY_SYMLINK, .mode = 0777, .link = "zü"},
        {.path = "h", .type = ENTRY_HARDLINK, .link = name250},
        {.path = "c", .type = ENTRY_CHAR, .major = 4095, .minor = 0xfffff},
        {.path = "b", .type = ENTRY_BLOCK, .major = 8, .minor = 1},
        {.path = "p", .type = ENTRY_FIFO},
        {.path = "x", .type = ENTRY_FILE, .xattrs = attrs, .xattr_count = 2},
    };
    STR_AUTO(tar);
    struct tar_writer w = TAR_WRITER_INIT(add_sink, &tar);
    for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
        assert_int_equal(tar_put(&w, &entries[i], NULL), 0);
    assert_int_equal(tar_finish(&w, NULL), 0);
    tar_writer_done(&w);

    CLEANUP(codec_closep) struct codec_reader *in = codec_open_bytes(str_view(&tar), 0, NULL);
    CLEANUP(tar_reader_freep) struct tar_reader *r = tar_reader_new(in);
    for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
        const struct entry *e;

        assert_int_equal(tar_next(r, &e, NULL), 1);
        print_message("# %.20s\n", e->path);
        assert_same_entry(e, &entries[i]);
    }
    const struct entry *e;
    assert_int_equal(tar_next(r, &e, NULL), 0);
}

/* The fields as Go's archive/tar formats them: octal with leading zeros, devices too. */
static void headers_are_as_peers_write_them(void **state)
{
    const struct entry e = {.path = "etc/motd",
                            .type = ENTRY_FILE,
                            .mode = 0644,
                            .uid = 1,
                            .size = 3,
                            .mtime_s = 1700000000,
                            .mtime_ns = 999};
    static const char want[] = "etc/motd";
    STR_AUTO(tar);
    struct tar_writer w = TAR_WRITER_INIT(add_sink, &tar);

    (void)state;
    assert_int_equal(tar_put(&w, &e, NULL), 0);
    assert_int_equal(tar_put_data(&w, VIEW("abc"), NULL), 0);
    assert_int_equal(tar_finish(&w, NULL), 0);
    tar_writer_done(&w);
    assert_int_equal(tar.size, 4 * 512);
    assert_string_equal(tar.at, want);
    assert_memory_equal(tar.at + 100,
                        "0000644\0"
                        "0000001\0"
                        "0000000\0"
                        "00000000003\0"
                        "14524770400\0",
                        48);
    assert_memory_equal(tar.at + 148, "010702\0 0", 9);
    assert_memory_equal(tar.at + 257,
                        "ustar\0"
                        "00",
                        8);
    assert_memory_equal(tar.at + 329,
                        "0000000\0"
                        "0000000\0",
                        16);
}

static void the_writer_counts(void **state)
{
    const struct entry e = {.path = "a", .type = ENTRY_FILE, .size = 2};
    struct xattr bad = {"user.a=b", {"1", 1}};
    const struct entry x = {.path = "a", .type = ENTRY_FILE, .xattrs = &bad, .xattr_count = 1};
    STR_AUTO(tar);
    struct tar_writer w = TAR_WRITER_INIT(add_sink, &tar);

    (void)state;
    assert_int_equal(tar_put(&w, &x, NULL), -EINVAL);
    assert_int_equal(tar_put(&w, &e, NULL), 0);
    assert_int_equal(tar_put_data(&w, VIEW("abc"), NULL), -EINVAL);
    assert_int_equal(tar_put_data(&w, VIEW("a"), NULL), 0);
    assert_int_equal(tar_put(&w, &e, NULL), -EINVAL);
    assert_int_equal(tar_finish(&w, NULL), -EINVAL);
    tar_writer_done(&w);
}

static void read_all(struct tar_reader *r, struct str *ret)
{
    char buf[1000];
    int n;

    while ((n = tar_read(r, buf, sizeof(buf), NULL)) > 0)
        str_add(ret, view_make(buf, (size_t)n));
    assert_int_equal(n, 0);
}

/* False where the program is not there, or cannot do it. */
static bool run_in(const char *dir, const char *command)
{
    int status;
    const pid_t pid = fork();

    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, dir, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status == 0;
}

/* The archive "t" has the file "sparse" of the directory, a link and a file with a long path. */
static void must_be_read(const char *dir)
{
    const struct entry *e;
    STR_AUTO(sparse);
    STR_AUTO(want);
    STR_AUTO(longer);
    cleanup_close int at = open(dir, O_RDONLY | O_DIRECTORY);
    cleanup_close int fd = openat(at, "t", O_RDONLY);
    CLEANUP(codec_closep) struct codec_reader *in = codec_open_fd(fd, 0, NULL);
    CLEANUP(tar_reader_freep) struct tar_reader *r = tar_reader_new(in);

    assert_int_equal(tar_next(r, &e, NULL), 1);
    assert_string_equal(e->path, "sparse");
    assert_int_equal(e->size, 5 << 20);
    read_all(r, &sparse);
    assert_int_equal(fd_read_file(at, "sparse", 8 << 20, &want, NULL), 0);
    assert_true(view_eq(str_view(&sparse), str_view(&want)));
    assert_int_equal(tar_next(r, &e, NULL), 1);
    assert_string_equal(e->path, "link");
    assert_int_equal(strlen(e->link), 361);
    assert_int_equal(tar_next(r, &e, NULL), 1);
    assert_int_equal(e->type, ENTRY_DIR);
    assert_int_equal(strlen(e->path), 180);
    assert_int_equal(tar_next(r, &e, NULL), 1);
    assert_int_equal(strlen(e->path), 361);
    read_all(r, &longer);
    assert_string_equal(longer.at, "long");
    assert_int_equal(tar_next(r, &e, NULL), 0);
}

/* Sparse files in the four forms and long names, as GNU tar and bsdtar write them (x05, p07). */
static void other_programs_archives(void **state)
{
    static const char make[] =
        "set -e; cd \"$0\"; long=$(printf '%0180d' 0); mkdir -p $long; "
        "truncate -s 5M sparse; printf abc | dd of=sparse conv=notrunc bs=1 seek=70000 "
        "status=none; "
        "i=0; while [ $i -lt 30 ]; do printf $i | dd of=sparse conv=notrunc bs=1 "
        "seek=$((i*131072)) 2>/dev/null; i=$((i+1)); done; "
        "printf long > $long/$long; ln -sf $long/$long link; ";
    static const struct {
        const char *name, *command;
    } cases[] = {
        {"old GNU", "tar -S --format=gnu -cf t sparse link $long"},
        {"pax 0.0", "tar -S --format=pax --sparse-version=0.0 -cf t sparse link $long"},
        {"pax 0.1", "tar -S --format=pax --sparse-version=0.1 -cf t sparse link $long"},
        {"pax 1.0", "tar -S --format=pax --sparse-version=1.0 -cf t sparse link $long"},
        {"bsdtar", "bsdtar --format=pax -cf t sparse link $long"},
        {"bsdtar gnutar", "bsdtar --format=gnutar -cf t sparse link $long"},
    };
    char dir[] = "/var/tmp/cooper-tar-XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_free char *command = xasprintf("%s%s", make, cases[i].command);

        print_message("# %s\n", cases[i].name);
        if (run_in(dir, command))
            must_be_read(dir);
        else
            print_message("# left out: the program is not there or cannot do it\n");
    }
    assert_int_equal(fd_remove_tree(AT_FDCWD, dir, NULL), 0);
}

/* CVE-2025-58183 and its kin: maps that ask for memory or lie. */
static void sparse_maps_that_lie(void **state)
{
    static const struct {
        const char *name, *pax, *data, *complaint;
    } cases[] = {
        {"count", "GNU.sparse.major=1 GNU.sparse.realsize=9", "999999999\n", "pieces"},
        {"cut", "GNU.sparse.major=1 GNU.sparse.realsize=9", "3\n1\n", "within its map"},
        {"order", "GNU.sparse.size=9 GNU.sparse.map=5,1,0,1", "ab", "out of order"},
        {"beyond", "GNU.sparse.size=1 GNU.sparse.map=5,2", "ab", "beyond its end"},
        {"sum", "GNU.sparse.size=9 GNU.sparse.map=5,3", "ab", "do not agree"},
        {"no size", "GNU.sparse.map=5,2", "ab", "without its size"},
        {"huge", "GNU.sparse.size=9 GNU.sparse.map=1,18446744073709551615", "ab", "out of order"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        STR_AUTO(tar);
        ERROR_AUTO(err);
        const struct entry *e;
        struct tar_writer w = TAR_WRITER_INIT(add_sink, &tar);
        struct view rest = view_of(cases[i].pax), record;
        STR_AUTO(records);
        while (view_cut(&rest, ' ', &record)) /* lengths of two digits */
            str_printf(&records, "%zu %.*s\n", record.size + 4, VIEW_ARG(record));
        const struct entry pax = {.path = "p", .type = ENTRY_FILE, .size = records.size};
        const struct entry file = {.path = "f", .type = ENTRY_FILE, .size = strlen(cases[i].data)};

        print_message("# %s\n", cases[i].name);
        assert_int_equal(tar_put(&w, &pax, NULL), 0);
        tar.at[156] = 'x'; /* 'x' - '0' more in the checksum, which has room for it */
        snprintf(tar.at + 148, 7, "%06lo", strtoul(tar.at + 148, NULL, 8) + 'x' - '0');
        assert_int_equal(tar_put_data(&w, str_view(&records), NULL), 0);
        assert_int_equal(tar_put(&w, &file, NULL), 0);
        assert_int_equal(tar_put_data(&w, view_of(cases[i].data), NULL), 0);
        tar_writer_done(&w);
        CLEANUP(codec_closep) struct codec_reader *in = codec_open_bytes(str_view(&tar), 0, NULL);
        CLEANUP(tar_reader_freep) struct tar_reader *r = tar_reader_new(in);
        assert_true(tar_next(r, &e, &err) < 0);
        if (!strstr(err.text, cases[i].complaint))
            print_message("# %s", err.text);
        assert_non_null(strstr(err.text, cases[i].complaint));
    }
}

static void ar_members(void **state)
{
#define AR "!<arch>\n"
#define MEMBER(name, size) name "0           0     0     100644  " size "`\n"
    static const struct {
        const char *name, *data, *want, *complaint;
    } cases[] = {
        {"deb",
         AR MEMBER("debian-binary   ", "4         ") "2.0\n" MEMBER("data.tar/       ",
                                                                    "3         ") "abc\n",
         "debian-binary=2.0\n data.tar=abc ", NULL},
        {"no last pad", AR MEMBER("a               ", "1         ") "x", "a=x ", NULL},
        {"empty", AR, "", NULL},
        {"magic", "!<arch>", "", "not an ar archive"},
        {"cut header", AR "abc", "", "within a header"},
        {"cut member", AR MEMBER("a               ", "9         ") "x", "", "within a member"},
        {"size", AR MEMBER("a               ", "-1        ") "x", "", "bad header"},
        {"big", AR MEMBER("a               ", "9999999999") "x", "", "within a member"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_close int fd = fd_of_bytes("ar", view_of(cases[i].data), NULL);
        STR_AUTO(seen);
        ERROR_AUTO(err);
        struct ar_reader r;
        struct ar_member m;
        char buf[3];
        int n, e;

        print_message("# %s\n", cases[i].name);
        ar_init_fd(&r, fd);
        while ((e = ar_next(&r, &m, &err)) > 0) {
            str_printf(&seen, "%s=", m.name);
            while ((n = ar_read(&r, buf, sizeof(buf), &err)) > 0)
                str_add(&seen, view_make(buf, (size_t)n));
            str_add_char(&seen, ' ');
            if ((e = n) < 0)
                break;
        }
        assert_true((e < 0) == (cases[i].complaint != NULL));
        if (e < 0)
            assert_non_null(strstr(err.text, cases[i].complaint));
        else
            assert_string_equal(seen.at, cases[i].want);
    }
}

static void archives_are_told_by_their_first_header(void **state)
{
    static const char zeros[4 * TAR_BLOCK];
    static const char *const names[] = {"file", "../x", "a/../../x", "/"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const struct entry e = {.path = names[i], .type = ENTRY_FILE};
        STR_AUTO(tar);
        struct tar_writer w = TAR_WRITER_INIT(add_sink, &tar);

        assert_int_equal(tar_put(&w, &e, NULL), 0);
        tar_writer_done(&w);
        cleanup_close int fd = fd_of_bytes("tar", str_view(&tar), NULL);
        assert_true(tar_is_archive(fd));
        assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    }
    const struct view others[] = {VIEW(""), VIEW("#!/bin/sh\n"), view_make(zeros, sizeof(zeros)),
                                  VIEW("\x1f\x8b\x08 no gzip")};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        cleanup_close int fd = fd_of_bytes("other", others[i], NULL);

        print_message("# %zu\n", i);
        assert_false(tar_is_archive(fd));
        assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    }
    cleanup_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_false(tar_is_archive(null));
}

UNIT_MAIN(cmocka_unit_test(numbers), cmocka_unit_test(pax_times), cmocka_unit_test(entries_return),
          cmocka_unit_test(headers_are_as_peers_write_them), cmocka_unit_test(the_writer_counts),
          cmocka_unit_test(other_programs_archives), cmocka_unit_test(sparse_maps_that_lie),
          cmocka_unit_test(ar_members), cmocka_unit_test(archives_are_told_by_their_first_header))
