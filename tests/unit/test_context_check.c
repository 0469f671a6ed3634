#include "layer/context_check.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "trees.h"

static void put_context(int fd)
{
    put_dir(fd, "src", 0755);
    put_dir(fd, "src/deep", 0755);
    put_file(fd, "src/a.c", "aaa", 0644);
    put_file(fd, "src/deep/b.c", "bbb", 0644);
    put_file(fd, "other", "oo", 0644);
    assert_int_equal(symlinkat("a.c", fd, "src/link"), 0);
    assert_int_equal(linkat(fd, "src/a.c", fd, "src/z.c", 0), 0);
    assert_int_equal(linkat(fd, "src/link", fd, "src/zlink", 0), 0);
}

static void nothing(int fd)
{
    (void)fd;
}
static void same_again(int fd)
{
    put_file(fd, "src/deep/b.c", "bbb", 0644);
}
static void touched(int fd)
{
    assert_int_equal(utimensat(fd, "src/deep", NULL, 0), 0);
    assert_int_equal(utimensat(fd, "src/a.c", NULL, 0), 0);
}
static void content(int fd)
{
    put_file(fd, "src/deep/b.c", "BBB", 0644);
}
static void longer(int fd)
{
    put_file(fd, "src/deep/b.c", "bbbb", 0644);
}
static void file_mode(int fd)
{
    assert_int_equal(fchmodat(fd, "src/deep/b.c", 0600, 0), 0);
}
static void directory_mode(int fd)
{
    assert_int_equal(fchmodat(fd, "src/deep", 0700, 0), 0);
}
static void appeared(int fd)
{
    put_file(fd, "src/deep/c.c", "ccc", 0644);
}
static void vanished(int fd)
{
    assert_int_equal(unlinkat(fd, "src/deep/b.c", 0), 0);
}
static void directory_vanished(int fd)
{
    vanished(fd);
    assert_int_equal(unlinkat(fd, "src/deep", AT_REMOVEDIR), 0);
}
static void link_text(int fd)
{
    assert_int_equal(unlinkat(fd, "src/link", 0), 0);
    assert_int_equal(symlinkat("z.c", fd, "src/link"), 0);
}
static void other_kind(int fd)
{
    assert_int_equal(unlinkat(fd, "src/link", 0), 0);
    put_dir(fd, "src/link", 0755);
}
static void attribute(int fd)
{
    const int file = openat(fd, "src/a.c", O_RDONLY | O_CLOEXEC);

    assert_int_equal(fsetxattr(file, "user.a", "b", 1, 0), 0);
    close(file);
}
static void pipe_for_file(int fd)
{
    assert_int_equal(unlinkat(fd, "src/a.c", 0), 0);
    assert_int_equal(mkfifoat(fd, "src/a.c", 0644), 0);
}
static void outside(int fd)
{
    put_file(fd, "other", "OO", 0644);
    put_file(fd, "new", "n", 0644);
}

#define A_CHANGED "'src/a.c' of the build context changed"
#define B_CHANGED "'src/deep/b.c' of the build context changed"
#define DEEP_CHANGED "'src/deep' of the build context changed"
#define LINK_CHANGED "'src/link' of the build context changed"

enum how { WALKED, LISTED, LISTED_UNREAD, HOWS };

static const struct {
    const char *name;
    void (*change)(int fd);       /* between the walk and the copy */
    const char *complaints[HOWS]; /* NULL: the layer is what the key says */
} changes[] = {
    {"nothing", nothing, {NULL, NULL, NULL}},
    {"written again, the same", same_again, {NULL, NULL, NULL}},
    {"touched", touched, {NULL, NULL, NULL}},
    {"elsewhere", outside, {NULL, NULL, NULL}},
    {"content of the same size", content, {B_CHANGED, B_CHANGED, NULL}},
    {"longer", longer, {B_CHANGED, B_CHANGED, NULL}},
    {"mode of a file", file_mode, {B_CHANGED, B_CHANGED, B_CHANGED}},
    {"mode of a directory", directory_mode, {DEEP_CHANGED, NULL, DEEP_CHANGED}},
    {"new", appeared, {"'src/deep/c.c' of the build context appeared", NULL, NULL}},
    {"gone",
     vanished,
     {"'src/deep/b.c' of the build context vanished", "copy 'src/deep/b.c': file vanished",
      "copy 'src/deep/b.c': file vanished"}},
    {"directory gone",
     directory_vanished,
     {"'src/deep' of the build context vanished", "'src/deep' vanished", "'src/deep' vanished"}},
    {"text of a link", link_text, {LINK_CHANGED, LINK_CHANGED, LINK_CHANGED}},
    {"directory for a link",
     other_kind,
     {LINK_CHANGED, "'src/link' changed", "'src/link' changed"}},
    {"pipe for a file",
     pipe_for_file,
     {A_CHANGED, "copy 'src/a.c': file changed", "copy 'src/a.c': file changed"}},
    {"attribute", attribute, {A_CHANGED, A_CHANGED, NULL}},
};

static bool known(void *ctx, const char *path, size_t number, const struct stat *st,
                  struct digest *ret, bool *ret_plain)
{
    return context_check_known(ctx, path, number, st, ret, ret_plain);
}

static int seen(void *ctx, const struct copy_seen *s, struct error *err)
{
    return context_check_seen(ctx, s, err);
}

static size_t find(void *ctx, const char *path)
{
    return context_check_find(ctx, path);
}

static bool at(void *ctx, size_t i, struct copy_listed *ret)
{
    return context_check_at(ctx, i, ret);
}

static void taken(void *ctx, size_t i)
{
    context_check_taken(ctx, i);
}

static const struct copy_list list = {find, at, taken};

static struct copy_source from_list(int dir, struct context_check *check)
{
    return (struct copy_source){.dir = dir,
                                .list = &list,
                                .path = "src",
                                .dest = "srv",
                                .known = known,
                                .seen = seen,
                                .ctx = check};
}

static int copy_checked(int dir, struct context_check *check, bool listed, struct error *err)
{
    SCRATCH_AUTO(layer);
    const struct copy_options o = {.fs = layer.fd, .threads = 2};
    struct copy_source s = from_list(dir, check);
    CLEANUP(copy_freep) struct copy *copy = NULL;
    int r = copy_begin(&o, &copy, err);

    if (!listed)
        s.list = NULL;
    if (r == 0)
        r = copy_add(copy, &s, err);
    return r < 0 ? r : context_check_end(check, "src", NULL, NULL, err);
}

static void check_change(size_t i, enum how how)
{
    SCRATCH_AUTO(t);
    const struct context_options o = {0};
    CLEANUP(context_freep) struct context *c = NULL;
    CLEANUP(context_check_freep) struct context_check *check = NULL;
    const char *complaint = changes[i].complaints[how];
    struct digest key;
    ERROR_AUTO(err);

    print_message("# %s, %d\n", changes[i].name, how);
    put_context(t.fd);
    assert_int_equal(context_open(t.fd, &o, &c, NULL), 0);
    if (how != LISTED_UNREAD)
        assert_int_equal(context_content(c, VIEW("src"), 0, NULL, NULL, &key, NULL), 0);
    cleanup_close int fd = fd_of_bytes("walked", VIEW(""), NULL);
    assert_int_equal(context_save_all(c, fd, NULL), 0);
    assert_int_equal(context_check_open(fd, &check, NULL), 0);
    changes[i].change(t.fd);
    const int r = copy_checked(t.fd, check, how != WALKED, &err);
    assert_int_equal(r, complaint ? -EAGAIN : 0);
    if (r < 0 && !strstr(err.text, complaint))
        fail_msg("%s", err.text);
}

static void a_copy_is_what_its_key_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
        for (enum how how = WALKED; how < HOWS; how++)
            check_change(i, how);
}

static bool skip_deep(void *ctx, const char *rel, bool is_dir, bool *prune)
{
    (void)ctx;
    return strcmp(rel, "deep") == 0;
}

static void what_is_left_out_need_not_be_met(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    const struct context_options o = {0};
    CLEANUP(context_freep) struct context *c = NULL;
    CLEANUP(context_check_freep) struct context_check *check = NULL;
    static const char *const met[] = {"src/a.c", "src/link", "src/z.c", "src/zlink"};
    struct digest d;
    bool plain;
    struct stat st;

    put_context(t.fd);
    assert_int_equal(context_open(t.fd, &o, &c, NULL), 0);
    assert_int_equal(context_hash(c, VIEW(""), NULL), 0);
    cleanup_close int fd = fd_of_bytes("walked", VIEW(""), NULL);
    assert_int_equal(context_save_all(c, fd, NULL), 0);
    assert_int_equal(context_check_open(fd, &check, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(met); i++) {
        assert_int_equal(fstatat(t.fd, met[i], &st, AT_SYMLINK_NOFOLLOW), 0);
        const struct copy_seen s = {.path = met[i], .mode = st.st_mode, .again = true};
        if (!context_check_known(check, met[i], 0, &st, &d, &plain))
            assert_int_equal(context_check_seen(check, &s, NULL), 0);
    }
    assert_int_equal(context_check_end(check, "src", skip_deep, NULL, NULL), 0);
    assert_int_equal(context_check_end(check, "src", NULL, NULL, NULL), -EAGAIN);
    assert_int_equal(context_check_end(check, "", NULL, NULL, NULL), -EAGAIN);
}

/* A file may even change before the copy: what counts is what was copied. */
static void what_was_not_hashed_is_learnt_from_the_copy(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    const struct context_options o = {0};
    CLEANUP(context_freep) struct context *c = NULL;
    CLEANUP(context_check_freep) struct context_check *check = NULL;
    struct digest d;

    put_context(t.fd);
    assert_int_equal(context_open(t.fd, &o, &c, NULL), 0);
    cleanup_close int fd = fd_of_bytes("walked", VIEW(""), NULL);
    assert_int_equal(context_save_all(c, fd, NULL), 0);
    assert_int_equal(context_check_open(fd, &check, NULL), 0);
    content(t.fd);
    assert_int_equal(copy_checked(t.fd, check, false, NULL), 0);
    content(t.fd); /* nothing is read again */
    put_file(t.fd, "src/a.c", "later", 0644);
    CLEANUP(context_cache_freep) struct context_cache *read = context_cache_load(fd);
    context_adopt(c, read);
    digest_of(VIEW("BBB"), &d);
    assert_true(context_find(c, VIEW("src/deep/b.c"))->known);
    assert_true(digest_eq(&context_find(c, VIEW("src/deep/b.c"))->content, &d));
    digest_of(VIEW("aaa"), &d);
    assert_true(digest_eq(&context_find(c, VIEW("src/a.c"))->content, &d));
    assert_true(context_find(c, VIEW("src/deep"))->known);
    assert_false(context_find(c, VIEW("other"))->known);
    file_mode(t.fd);
    assert_int_equal(copy_checked(t.fd, check, false, NULL), -EAGAIN);
}

/* What comes behind the files of a directory, and what changes its time once more. */
enum behind { NOTHING, HARD_LINK, FILE_OF_LATER_ACTION };

static void put_timed(int fd, enum behind behind)
{
    const struct timespec old[2] = {{1000, 5}, {1000, 5}};
    static const char *const dirs[] = {"src/deep", "src/closed", "src"};

    put_dir(fd, "src", 0755);
    put_dir(fd, "src/closed", 0700);
    put_dir(fd, "src/deep", 0755);
    put_file(fd, "src/closed/a.c", "aaa", 0644);
    put_file(fd, "src/deep/b.c", "bbb", 0644);
    if (behind == HARD_LINK)
        assert_int_equal(linkat(fd, "src/closed/a.c", fd, "src/deep/c.c", 0), 0);
    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
        assert_int_equal(utimensat(fd, dirs[i], old, 0), 0);
}

static void check_times(enum behind behind)
{
    static const char *const dirs[] = {"srv/deep", "srv/closed", "srv"};
    SCRATCH_AUTO(t);
    SCRATCH_AUTO(layer);
    const struct context_options o = {0};
    const struct copy_options to = {.fs = layer.fd, .threads = 2};
    CLEANUP(context_freep) struct context *c = NULL;
    CLEANUP(context_check_freep) struct context_check *check = NULL;
    CLEANUP(copy_freep) struct copy *copy = NULL;
    CLEANUP(index_freep) struct index *ix = NULL;
    struct stat st;

    put_timed(t.fd, behind);
    assert_int_equal(context_open(t.fd, &o, &c, NULL), 0);
    cleanup_close int fd = fd_of_bytes("walked", VIEW(""), NULL);
    assert_int_equal(context_save_all(c, fd, NULL), 0);
    assert_int_equal(context_check_open(fd, &check, NULL), 0);
    const struct copy_source s = from_list(t.fd, check);
    assert_int_equal(copy_begin(&to, &copy, NULL), 0);
    assert_int_equal(copy_add(copy, &s, NULL), 0);
    if (behind == FILE_OF_LATER_ACTION)
        assert_int_equal(copy_write(copy, "srv/deep/new", VIEW("n"), 0644, 0, 0, NULL), 0);
    assert_int_equal(copy_finish(copy, &ix, NULL, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
        assert_int_equal(fstatat(layer.fd, dirs[i], &st, 0), 0);
        assert_int_equal(st.st_mtim.tv_sec, 1000);
        assert_int_equal(st.st_mtim.tv_nsec, 5);
    }
}

static void directories_have_their_times(void **state)
{
    (void)state;
    for (enum behind behind = NOTHING; behind <= FILE_OF_LATER_ACTION; behind++)
        check_times(behind);
}

UNIT_MAIN(cmocka_unit_test(a_copy_is_what_its_key_says),
          cmocka_unit_test(what_is_left_out_need_not_be_met),
          cmocka_unit_test(what_was_not_hashed_is_learnt_from_the_copy),
          cmocka_unit_test(directories_have_their_times))
