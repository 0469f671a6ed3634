#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fd.h"
#include "base/frame.h"
#include "base/hash.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/proc.h"
#include "base/utf8.h"
#include "unit.h"

static void errors_keep_the_innermost_place(void **state)
{
    ERROR_AUTO(err);

    (void)state;
    errno = ENOENT;
    int r = error_sys(&err, "open '%s'", "x");
    r = error_at(&err, r, "Dockerfile:%d", 3);
    r = error_at(&err, r, "elsewhere");
    r = error_hint(&err, r, "make it");
    r = error_wrap(&err, r, "copy");
    assert_int_equal(r, -ENOENT);
    assert_string_equal(err.text, "copy: open 'x': No such file or directory");
    assert_string_equal(err.where, "Dockerfile:3");
    assert_string_equal(err.hint, "make it");
    assert_int_equal(error_set(NULL, -EINVAL, "nobody listens"), -EINVAL);
}

static void views_cut_and_count(void **state)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t value;
    } numbers[] = {{"0", true, 0},   {"18446744073709551615", true, UINT64_MAX},
                   {"", false, 0},   {"18446744073709551616", false, 0},
                   {"-1", false, 0}, {"1 ", false, 0},
                   {"0x1", false, 0}};
    struct view rest = VIEW("a::b"), part;

    (void)state;
    assert_true(view_cut(&rest, ':', &part) && view_eq_text(part, "a"));
    assert_true(view_cut(&rest, ':', &part) && part.size == 0);
    assert_true(view_cut(&rest, ':', &part) && view_eq_text(part, "b"));
    assert_false(view_cut(&rest, ':', &part));
    assert_true(view_eq_text(view_trim(VIEW(" \t x y\r\n")), "x y"));
    assert_true(view_cmp(VIEW("ab"), VIEW("abc")) < 0 && view_cmp(VIEW("b"), VIEW("abc")) > 0);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        uint64_t n = 7;

        print_message("# '%s'\n", numbers[i].text);
        assert_int_equal(view_to_u64(view_of(numbers[i].text), &n), numbers[i].good);
        if (numbers[i].good)
            assert_true(n == numbers[i].value);
    }
}

static void strings_grow_and_stay_terminated(void **state)
{
    STR_AUTO(s);

    (void)state;
    assert_string_equal(s.at, "");
    for (int i = 0; i < 1000; i++)
        str_printf(&s, "%d,", i % 10);
    assert_int_equal(s.size, 2000);
    assert_int_equal(s.at[s.size], 0);
    str_truncate(&s, 4);
    assert_string_equal(s.at, "0,1,");
    char *taken = str_take(&s);
    assert_string_equal(taken, "0,1,");
    assert_string_equal(s.at, "");
    free(taken);
}

static void base64_has_one_form(void **state)
{
    static const struct {
        const char *text;
        bool good, url;
    } rows[] = {
        {"", true, true},        {"Zg==", true, false},    {"Zm8=", true, false},
        {"Zm9v", true, true},    {"Zg", false, true},      {"Zm8", false, true},
        {"Zh==", false, false},  {"Zm9=", false, false},   {"Zh", false, false},
        {"Z", false, false},     {"Z===", false, false},   {"====", false, false},
        {"+/==", false, false},  {"+/+/", true, false},    {"-_-_", false, true},
        {"Zm 9v", false, false}, {"Zm9v\n", false, false}, {"Zg==Zg==", false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        STR_AUTO(bytes);
        STR_AUTO(again);

        print_message("# '%s'\n", rows[i].text);
        str_add_text(&bytes, "x");
        assert_int_equal(str_add_unbase64url(&bytes, view_of(rows[i].text)), rows[i].url);
        str_truncate(&bytes, 1);
        assert_int_equal(str_add_unbase64(&bytes, view_of(rows[i].text)), rows[i].good);
        assert_int_equal(bytes.at[0], 'x');
        if (rows[i].good)
            str_add_base64(&again, view_make(bytes.at + 1, bytes.size - 1));
        else
            assert_int_equal(bytes.size, 1);
        assert_string_equal(again.at, rows[i].good ? rows[i].text : "");
    }
}

static void maps_keep_order_and_replace(void **state)
{
    struct map m = {0};
    char key[32];
    static int values[5000];

    (void)state;
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        map_set(&m, view_of(key), &values[i]);
    }
    map_set(&m, VIEW("key-7"), &values[0]);
    assert_int_equal(m.size, 5000);
    assert_ptr_equal(map_get(&m, VIEW("key-7")), &values[0]);
    assert_ptr_equal(map_get(&m, VIEW("key-4999")), &values[4999]);
    assert_null(map_get(&m, VIEW("key-5000")));
    assert_true(view_eq_text(m.items[42].key, "key-42"));
    map_done(&m);
}

static void arenas_align_and_hold_large_objects(void **state)
{
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 1; i < 200; i++) {
        const char *text = arena_strndup(a, "xxxxxxxxxx", i % 10);
        const uint64_t *object = arena_alloc(a, i * 997);

        assert_int_equal((uintptr_t)object % sizeof(*object), 0);
        assert_int_equal(object[0], 0);
        assert_int_equal(strlen(text), i % 10);
    }
    arena_free(a);
}

static void sha256_is_sha256(void **state)
{
    static const uint8_t want[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};
    uint8_t got[SHA256_SIZE];
    struct hash a, b;

    (void)state;
    hash_of(VIEW("abc"), got);
    assert_memory_equal(got, want, sizeof(want));
    uint8_t x[SHA256_SIZE], y[SHA256_SIZE];
    hash_init(&a), hash_add_field(&a, VIEW("ab")), hash_add_field(&a, VIEW("c")), hash_done(&a, x);
    hash_init(&b), hash_add_field(&b, VIEW("a")), hash_add_field(&b, VIEW("bc")), hash_done(&b, y);
    assert_memory_not_equal(x, y, sizeof(x)); /* fields do not run together */
}

/* Streams of many lengths, in parts of many lengths, are hashed side by side as they are alone. */
static void hashes_side_by_side_are_the_same(void **state)
{
    static const size_t counts[] = {1, HASH_LANES_MIN - 1, HASH_LANES_MIN, HASH_LANES, 11};
    static const size_t firsts[] = {0, 1, 63, 64, 65, 640, 1000};
    static uint8_t bytes[11][9000];
    uint32_t x = 1;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i / sizeof(bytes[0])][i % sizeof(bytes[0])] = (uint8_t)((x = x * 1664525 + 1) >> 24);
    for (size_t c = 0; c < ARRAY_SIZE(counts); c++) {
        struct hash hashes[11];
        struct hash_part parts[11];
        size_t at[11] = {0};

        for (size_t i = 0; i < counts[c]; i++)
            hash_init(&hashes[i]);
        for (size_t round = 0; round < 8; round++) {
            for (size_t i = 0; i < counts[c]; i++) {
                const size_t n = firsts[(i * 3 + round) % ARRAY_SIZE(firsts)] + (round == 5) * 512;

                parts[i] = (struct hash_part){&hashes[i], {(char *)bytes[i] + at[i], n}};
                at[i] += n;
            }
            hash_add_each(parts, counts[c]);
        }
        for (size_t i = 0; i < counts[c]; i++) {
            uint8_t got[SHA256_SIZE], want[SHA256_SIZE];

            hash_done(&hashes[i], got);
            hash_of(view_make((char *)bytes[i], at[i]), want);
            assert_memory_equal(got, want, SHA256_SIZE);
        }
    }
}

static void json_is_read_strictly(void **state)
{
    static const struct {
        const char *name, *text;
        bool good;
    } cases[] = {
        {"object", "{\"a\":1}", true},
        {"duplicate key", "{\"a\":1,\"a\":2}", false},
        {"trailing bytes", "{} x", false},
        {"integer of 20 digits", "{\"a\":99999999999999999999}", false},
        {"NUL in a string", "{\"a\":\"\\u0000\"}", false},
        {"single quotes", "{'a':1}", false},
        {"empty", "", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        json_t *doc = NULL;

        print_message("# %s\n", cases[i].name);
        assert_int_equal(doc_parse(view_of(cases[i].text), 100, "it", &doc, NULL) == 0,
                         cases[i].good);
        doc_unref(doc);
    }
    STR_AUTO(deep);
    for (int i = 0; i < 100000; i++)
        str_add_char(&deep, '[');
    json_t *doc = NULL;
    assert_int_equal(doc_parse(str_view(&deep), 1 << 20, "bomb", &doc, NULL), -EINVAL);
    assert_int_equal(doc_parse(str_view(&deep), 1000, "bomb", &doc, NULL), -EDQUOT);
}

static void json_getters_name_the_key(void **state)
{
    json_t *doc = NULL;
    const char *text = "unset";
    int64_t n = 5;
    ERROR_AUTO(err);

    (void)state;
    assert_int_equal(doc_parse(VIEW("{\"t\":\"x\",\"n\":3,\"z\":null}"), 100, "it", &doc, NULL), 0);
    assert_int_equal(doc_text(doc, "z", &text, NULL), 0);
    assert_string_equal(text, "unset");
    assert_int_equal(doc_need_text(doc, "t", &text, NULL), 0);
    assert_string_equal(text, "x");
    assert_int_equal(doc_int(doc, "t", &n, &err), -EINVAL);
    assert_non_null(strstr(err.text, "'t'"));
    assert_int_equal(doc_need_int(doc, "absent", &n, NULL), -ENOENT);
    doc_unref(doc);
    doc = doc_new_text("a\xff\xe2\x82\xac\xed\xa0\x80z");
    assert_string_equal(json_string_value(doc),
                        "a\xEF\xBF\xBD\xe2\x82\xac\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz");
    doc_unref(doc);
}

static void characters_have_one_form_in_utf8(void **state)
{
    static const struct {
        uint32_t c;
        struct view bytes;
    } good[] = {
        {0, VIEW("\0")},
        {0x7f, VIEW("\x7f")},
        {0x80, VIEW("\xc2\x80")},
        {0x7ff, VIEW("\xdf\xbf")},
        {0x800, VIEW("\xe0\xa0\x80")},
        {0xd7ff, VIEW("\xed\x9f\xbf")},
        {0xe000, VIEW("\xee\x80\x80")},
        {0xffff, VIEW("\xef\xbf\xbf")},
        {0x10000, VIEW("\xf0\x90\x80\x80")},
        {0x10ffff, VIEW("\xf4\x8f\xbf\xbf")},
    };
    static const char *const bad[] = {
        "\x80",         "\xbf",         "\xc0\x80",         "\xc1\xbf",
        "\xc2",         "\xc2z",        "\xe0\x9f\xbf",     "\xed\xa0\x80",
        "\xed\xbf\xbf", "\xe2\x82",     "\xe2\x82z",        "\xff",
        "\xf8\x88",     "\xf0\x9f\x98", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xfe",
    };
    size_t size;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        STR_AUTO(text);

        print_message("# U+%04X\n", good[i].c);
        assert_int_equal(utf8_char(good[i].bytes, &size), good[i].c);
        assert_int_equal(size, good[i].bytes.size);
        utf8_add(&text, good[i].c);
        assert_true(view_eq(str_view(&text), good[i].bytes));
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(utf8_char(view_of(bad[i]), &size), UTF8_NONE);
        assert_int_equal(size, 1);
    }
}

static void files_stay_below_their_root(void **state)
{
    char dir[] = "/tmp/cooper-unit-XXXXXX";
    STR_AUTO(text);

    (void)state;
    assert_non_null(mkdtemp(dir));
    const int fd = fd_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0, NULL);
    assert_true(fd >= 0);
    assert_int_equal(fd_make_dirs(fd, "a/b/c", 0755, NULL), 0);
    assert_int_equal(fd_make_dirs(fd, "a/b/c", 0755, NULL), 0);
    assert_int_equal(fd_replace_file(fd, "a/b/file", VIEW("hello"), 0644, NULL), 0);
    /* nothing is written into a file that lay there already, under whatever other name */
    cleanup_free char *laid = xasprintf("a/b/file.%d.tmp", getpid());
    assert_int_equal(linkat(fd, "a/b/file", fd, laid, 0), 0);
    assert_int_equal(linkat(fd, "a/b/file", fd, "a/b/other", 0), 0);
    assert_int_equal(fd_replace_file(fd, "a/b/file", VIEW("secret"), 0600, NULL), 0);
    assert_int_equal(fd_read_file(fd, "a/b/other", 100, &text, NULL), 0);
    assert_string_equal(text.at, "hello");
    assert_int_equal(fd_replace_file(fd, "a/b/file", VIEW("hello"), 0644, NULL), 0);
    assert_int_equal(unlinkat(fd, "a/b/other", 0), 0);
    str_clear(&text);
    assert_int_equal(symlinkat("/a/b", fd, "inside"), 0);
    assert_int_equal(symlinkat("../../../etc", fd, "outside"), 0);

    const int in_root = fd_open_in_root(fd, "inside/file", O_RDONLY, 0, NULL);
    assert_true(in_root >= 0);
    assert_int_equal(fd_read_all(in_root, 4, &text, NULL), -EDQUOT);
    close(in_root);
    assert_int_equal(fd_open_in_root(fd, "outside/passwd", O_RDONLY, 0, NULL), -ENOENT);
    assert_int_equal(fd_open_beneath(fd, "inside/file", O_RDONLY, 0, NULL), -ELOOP);
    assert_int_equal(fd_open_beneath(fd, "../x", O_RDONLY, 0, NULL), -EXDEV);
    assert_int_equal(fd_read_file(fd, "a/b/file", 100, &text, NULL), 0);
    assert_string_equal(text.at, "hello");
    assert_int_equal(fchmodat(fd, "a/b", 0500, 0), 0);
    close(fd);
    assert_int_equal(fd_remove_tree(AT_FDCWD, dir, NULL), 0);
    assert_int_equal(access(dir, F_OK), -1);
    assert_int_equal(fd_remove_tree(AT_FDCWD, dir, NULL), 0);
}

/* A directory with a chain of `depth` directories below it, a file and an unwritable one in each. */
static void make_deep(const char *dir, int depth)
{
    int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    for (int i = 0; i < depth; i++) {
        assert_true(at >= 0);
        assert_int_equal(mknodat(at, ".deep-0", S_IFREG | 0600, 0),
                         0); /* the names that we move to */
        assert_int_equal(mkdirat(at, "locked", 0), 0);
        assert_int_equal(mkdirat(at, "d", 0700), 0);
        const int next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(fchmod(at, 0500), 0);
        close(at);
        at = next;
    }
    close(at);
}

static void any_depth_is_removed_with_few_descriptors(void **state)
{
    static const int depths[] = {31, 32, 33, 34, 65, 66, 1000};
    char name[] = "/tmp/cooper-unit-XXXXXX";
    const char *dir = mkdtemp(name);
    struct rlimit old, few = {64, 64};

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    few.rlim_max = old.rlim_max;
    for (size_t i = 0; i < ARRAY_SIZE(depths); i++) {
        ERROR_AUTO(err);

        assert_true(i == 0 || mkdir(dir, 0700) == 0);
        make_deep(dir, depths[i]);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        assert_int_equal(fd_remove_tree(AT_FDCWD, dir, &err), 0);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
        assert_int_equal(access(dir, F_OK), -1);
    }
}

/* More names than one look into a directory gives, of files and of directories, empty and not. */
static void any_width_is_removed(void **state)
{
    char name[] = "/tmp/cooper-unit-XXXXXX", path[64];
    const char *dir = mkdtemp(name);
    ERROR_AUTO(err);

    (void)state;
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (int i = 0; i < 900; i++) {
        (void)snprintf(path, sizeof(path), "directory-%d", i / 3);
        assert_true(mkdirat(fd, path, 0700) == 0 || errno == EEXIST);
        (void)snprintf(path, sizeof(path), i % 3 ? "directory-%d/file-%d" : "file-%d-%d", i / 6 * 2,
                       i);
        assert_int_equal(close(openat(fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
    }
    assert_int_equal(close(fd), 0);
    assert_int_equal(fd_remove_tree(AT_FDCWD, dir, &err), 0);
    assert_int_equal(access(dir, F_OK), -1);
}

static void frames_carry_bytes_and_descriptors(void **state)
{
    int pair[2], got[FRAME_FDS_MAX];
    size_t count = 0;
    STR_AUTO(text);

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(frame_send(pair[0], VIEW("one"), (int[]){0, 1}, 2, NULL), 0);
    assert_int_equal(frame_send(pair[0], VIEW(""), NULL, 0, NULL), 0);
    assert_int_equal(frame_recv(pair[1], &text, got, &count, NULL), 1);
    assert_string_equal(text.at, "one");
    assert_int_equal(count, 2);
    close(got[0]), close(got[1]);
    assert_int_equal(frame_recv(pair[1], &text, NULL, NULL, NULL), 1);
    assert_int_equal(text.size, 0);
    const uint32_t lie = 0xFFFFFFFF;
    assert_int_equal(write(pair[0], &lie, sizeof(lie)), sizeof(lie));
    assert_int_equal(frame_recv(pair[1], &text, NULL, NULL, NULL), -EPROTO);
    assert_int_equal(write(pair[0], "\5\0\0\0ab", 6), 6);
    close(pair[0]);
    assert_int_equal(frame_recv(pair[1], &text, NULL, NULL, NULL), -EPROTO);
    close(pair[1]);
}

static void programs_run_and_report(void **state)
{
    struct proc_options o = PROC_OPTIONS_INIT;
    STR_AUTO(out);
    ERROR_AUTO(err);

    (void)state;
    const int r =
        proc_run((const char *[]){"sh", "-c", "echo out; exit 3", NULL}, &o, 100, &out, &err);
    assert_int_equal(r, 3);
    assert_string_equal(out.at, "out\n");
    assert_int_equal(proc_run((const char *[]){"/nonexistent", NULL}, &o, 100, NULL, &err),
                     -ENOENT);
    assert_non_null(strstr(err.text, "/nonexistent"));
    assert_int_equal(proc_run((const char *[]){"sh", "-c", "kill -9 $$", NULL}, &o, 0, NULL, NULL),
                     137);
    assert_int_equal(proc_run((const char *[]){"yes", NULL}, &o, 1000, &out, NULL), -EDQUOT);
    assert_true(proc_have("sh"));
    assert_false(proc_have("no-such-program-here"));
}

struct seen {
    struct loop *loop;
    int timers, signals;
    char text[8];
    int fd;
    struct loop_watch *watch;
};

static void on_data(void *ctx, short revents)
{
    struct seen *s = ctx;

    (void)revents;
    if (read(s->fd, s->text, sizeof(s->text)) == 0)
        loop_remove(s->loop, s->watch);
}

static void on_timer(void *ctx)
{
    ((struct seen *)ctx)->timers++;
    (void)kill(getpid(), SIGUSR1);
}

static void on_signal(void *ctx, int signo)
{
    assert_int_equal(signo, SIGUSR1);
    ((struct seen *)ctx)->signals++;
    close(((struct seen *)ctx)->fd + 1);
}

static void the_loop_ends_when_nothing_is_watched(void **state)
{
    struct seen s = {.loop = loop_new()};
    int ends[2];

    (void)state;
    assert_int_equal(fd_pipe(ends, NULL), 0);
    s.fd = fcntl(ends[0], F_DUPFD_CLOEXEC, 100);
    const int writer = fcntl(ends[1], F_DUPFD_CLOEXEC, s.fd + 1);
    assert_int_equal(writer, s.fd + 1); /* on_signal closes it, which ends the pipe */
    close(ends[0]), close(ends[1]);
    assert_int_equal(write(writer, "abc", 3), 3);
    s.watch = loop_add_fd(s.loop, s.fd, POLLIN, on_data, &s);
    loop_add_timer(s.loop, 1, on_timer, &s);
    assert_int_equal(loop_add_signal(s.loop, SIGUSR1, on_signal, &s, NULL), 0);
    assert_int_equal(loop_run(s.loop, NULL), 0);
    assert_int_equal(s.timers, 1);
    assert_int_equal(s.signals, 1);
    assert_memory_equal(s.text, "abc", 3);
    loop_free(s.loop);
    close(s.fd);
}

UNIT_MAIN(cmocka_unit_test(errors_keep_the_innermost_place), cmocka_unit_test(views_cut_and_count),
          cmocka_unit_test(strings_grow_and_stay_terminated), cmocka_unit_test(base64_has_one_form),
          cmocka_unit_test(maps_keep_order_and_replace),
          cmocka_unit_test(arenas_align_and_hold_large_objects), cmocka_unit_test(sha256_is_sha256),
          cmocka_unit_test(hashes_side_by_side_are_the_same),
          cmocka_unit_test(json_is_read_strictly), cmocka_unit_test(json_getters_name_the_key),
          cmocka_unit_test(characters_have_one_form_in_utf8),
          cmocka_unit_test(files_stay_below_their_root),
          cmocka_unit_test(any_depth_is_removed_with_few_descriptors),
          cmocka_unit_test(any_width_is_removed),
          cmocka_unit_test(frames_carry_bytes_and_descriptors),
          cmocka_unit_test(programs_run_and_report),
          cmocka_unit_test(the_loop_ends_when_nothing_is_watched))
