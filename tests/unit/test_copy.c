#include "layer/copy.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "layer/scan.h"
#include "trees.h"

/* A copy session over layers in words (top first), and what it made. */
struct session {
    struct scratch source, target;
    struct index *lower;
    struct merge *below;
    struct copy *copy;
    struct copy_options o;
};

static void session_begin(struct session *s, const char *below)
{
    const struct index *layers[1];

    *s = (struct session){.source = scratch_new(), .target = scratch_new()};
    if (below) {
        layers[0] = s->lower = index_of(below);
        s->below = merge_new(layers, 1);
    }
    s->o = (struct copy_options){
        .fs = s->target.fd, .below = s->below, .now_s = 1234567890, .threads = 2};
    assert_int_equal(copy_begin(&s->o, &s->copy, NULL), 0);
}

static void session_done(struct session *s)
{
    copy_free(s->copy);
    merge_free(s->below);
    index_free(s->lower);
    scratch_done(&s->source);
    scratch_done(&s->target);
}

/* The index says what a scan of the new directory says: the strongest statement about a copy. */
static struct index *session_finish(struct session *s)
{
    struct scan_options so = SCAN_OPTIONS_INIT;
    struct index *ix = NULL;
    CLEANUP(index_freep) struct index *again = NULL;
    struct digest a, b;
    ERROR_AUTO(err);
    STR_AUTO(left);
    STR_AUTO(right);

    if (copy_finish(s->copy, &ix, NULL, &err) < 0)
        fail_msg("finish: %s", err.text);
    so.owner = s->o.owner;
    if (scan_tree(s->target.fd, &so, &again, &err) < 0)
        fail_msg("scan: %s", err.text);
    words_of_index(ix, &left);
    words_of_index(again, &right);
    assert_string_equal(left.at, right.at);
    index_tree_id(ix, &a);
    index_tree_id(again, &b);
    assert_true(digest_eq(&a, &b));
    for (size_t i = 0; i < index_count(ix); i++)
        if (index_at(ix, i)->type != ENTRY_WHITEOUT)
            assert_true(index_at(ix, i)->mtime_s == index_at(again, i)->mtime_s);
    return ix;
}

static void assert_made(struct session *s, const char *want)
{
    CLEANUP(index_freep) struct index *ix = session_finish(s);
    STR_AUTO(got);

    words_of_index(ix, &got);
    assert_string_equal(got.at, want);
}

static struct copy_source from(const struct session *s, const char *path, const char *dest)
{
    return (struct copy_source){.dir = s->source.fd, .path = path, .dest = dest};
}

static void put_tree(int fd)
{
    put_dir(fd, "app", 0750);
    put_dir(fd, "app/lib", 0700);
    put_file(fd, "app/lib/x", "xx", 0640);
    put_file(fd, "app/run", "#!/bin/sh\n", 0755);
    assert_int_equal(symlinkat("lib/x", fd, "app/link"), 0);
    put_file(fd, "one", "1", 0644);
}

static const struct {
    const char *name, *below, *path, *dest, *want; /* want: NULL for an error */
    int r;
} copies[] = {
    {"a file", NULL, "one", "a", "a=1", 0},
    {"a file into new directories", NULL, "one", "a/b/c", "a/ a/b/ a/b/c=1", 0},
    {"a directory gives its contents", NULL, "app", "srv",
     "srv/ srv/lib/ srv/lib/x=2 srv/link>lib/x srv/run=10", 0},
    {"a directory into the root", NULL, "app", "", "lib/ lib/x=2 link>lib/x run=10", 0},
    {"everything", NULL, "", "w",
     "w/ w/app/ w/app/lib/ w/app/lib/x=2 w/app/link>lib/x w/app/run=10 w/one=1", 0},
    {"over a file below", "a=333", "one", "a", "a=1", 0},
    {"over a link below", "a>b b=1", "one", "a", "a=1", 0},
    {"a file over a directory", "a/ a/x=1", "one", "a", NULL, -EISDIR},
    {"a file over a nested directory", "srv/ srv/run/", "app", "srv", NULL, -EISDIR},
    {"a directory over a file", "srv=1", "app", "srv", NULL, -ENOTDIR},
    {"a nested directory over a file", "srv/ srv/lib=1", "app", "srv", NULL, -ENOTDIR},
    {"a nested directory over a link", "srv/ srv/lib>usr", "app", "srv", NULL, -ENOTDIR},
    {"below a file", "a=1", "one", "a/b", NULL, -ENOTDIR},
    {"merged", "srv/ srv/lib/ srv/lib/old=1", "app", "srv",
     "srv/ srv/lib/ srv/lib/x=2 srv/link>lib/x srv/run=10", 0},
    {"nothing there", NULL, "none", "a", NULL, -ENOENT},
    {"through a link", NULL, "app/link/x", "a", NULL, -ELOOP},
};

static void copies_follow_the_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(copies); i++) {
        struct session s;
        ERROR_AUTO(err);

        print_message("# %s\n", copies[i].name);
        session_begin(&s, copies[i].below);
        put_tree(s.source.fd);
        const struct copy_source src = from(&s, copies[i].path, copies[i].dest);
        const int r = copy_add(s.copy, &src, &err);
        if (r < 0 && r != copies[i].r)
            print_message("# %s\n", err.text);
        assert_int_equal(r, copies[i].r);
        if (r == 0)
            assert_made(&s, copies[i].want);
        session_done(&s);
    }
}

static void attributes_are_as_documented(void **state)
{
    (void)state;
    struct session s;

    session_begin(&s, "srv/ srv/lib/");
    put_tree(s.source.fd);
    if (geteuid() == 0)
        assert_int_equal(fchownat(s.source.fd, "app/run", 1000, 1000, 0), 0);
    const struct timespec old[2] = {{1500000000, 7}, {1500000000, 7}};
    assert_int_equal(utimensat(s.source.fd, "app", old, 0), 0);
    struct copy_source src = from(&s, "app", "srv");
    assert_int_equal(copy_add(s.copy, &src, NULL), 0);
    src.dest = "new/deep";
    if (geteuid() == 0)
        src.parent_uid = src.parent_gid = 5;
    assert_int_equal(copy_add(s.copy, &src, NULL), 0);
    CLEANUP(index_freep) struct index *ix = session_finish(&s);

    assert_int_equal(index_find(ix, VIEW("srv"))->mode, 0755); /* as below, not 0750 */
    assert_int_equal(index_find(ix, VIEW("srv"))->mtime_s, 1500000000);
    assert_int_equal(index_find(ix, VIEW("srv"))->mtime_ns, 7);
    assert_int_equal(index_find(ix, VIEW("srv/lib"))->mode, 0700);
    assert_int_equal(index_find(ix, VIEW("srv/lib/x"))->mode, 0640);
    assert_int_equal(index_find(ix, VIEW("srv/lib/x"))->mtime_ns, 5);
    assert_int_equal(index_find(ix, VIEW("srv/run"))->uid, 0);
    assert_int_equal(index_find(ix, VIEW("new"))->mtime_s, 1234567890);
    assert_int_equal(index_find(ix, VIEW("new"))->mode, 0755);
    assert_int_equal(index_find(ix, VIEW("new/deep"))->mode, 0755);
    assert_int_equal(index_find(ix, VIEW("new/deep"))->mtime_s, 1500000000);
    if (geteuid() == 0)
        assert_int_equal(index_find(ix, VIEW("new/deep"))->uid, 5);
    session_done(&s);
}

static void owner_and_mode_can_be_given(void **state)
{
    (void)state;
    for (int recorded = 0; recorded < 2; recorded++) {
        struct session s;
        struct chmod mode;

        if (!recorded && geteuid() != 0)
            continue;
        session_begin(&s, NULL);
        copy_free(s.copy);
        s.o.owner = recorded ? OWNER_RECORDED : OWNER_REAL;
        assert_int_equal(copy_begin(&s.o, &s.copy, NULL), 0);
        put_tree(s.source.fd);
        struct copy_source src = from(&s, "app", "srv");
        assert_int_equal(chmod_parse("u=rX,go=", &mode, NULL), 0);
        src.chmod = &mode;
        src.chown = true;
        src.uid = 1001;
        src.gid = 7;
        assert_int_equal(copy_add(s.copy, &src, NULL), 0);
        if (recorded) { /* owners of links are in the index only: no scan can tell */
            assert_int_equal(copy_remove(s.copy, "srv/link", NULL), 0);
        }
        CLEANUP(index_freep) struct index *ix = session_finish(&s);
        const struct entry *e = index_find(ix, VIEW("srv/lib/x"));
        assert_int_equal(e->uid, 1001);
        assert_int_equal(e->gid, 7);
        assert_int_equal(e->mode, 0400);
        assert_int_equal(index_find(ix, VIEW("srv/run"))->mode, 0500);
        assert_int_equal(index_find(ix, VIEW("srv/lib"))->mode, 0500);
        session_done(&s);
    }
}

static void links_within_one_action_stay(void **state)
{
    (void)state;
    struct session s;

    session_begin(&s, NULL);
    put_dir(s.source.fd, "d", 0755);
    put_file(s.source.fd, "d/z", "zz", 0644);
    assert_int_equal(linkat(s.source.fd, "d/z", s.source.fd, "b", 0), 0);
    assert_int_equal(linkat(s.source.fd, "d/z", s.source.fd, "d/c", 0), 0);
    struct copy_source src = from(&s, "", "");
    assert_int_equal(copy_add(s.copy, &src, NULL), 0);
    src.dest = "again";
    assert_int_equal(copy_add(s.copy, &src, NULL), 0);
    assert_made(&s,
                "again/ again/b=2 again/d/ again/d/c<again/b again/d/z<again/b b=2 d/ d/c<b d/z<b");
    session_done(&s);
}

static void a_replaced_file_leaves_its_links(void **state)
{
    (void)state;
    struct session s;

    session_begin(&s, NULL);
    put_file(s.source.fd, "a", "aa", 0644);
    put_file(s.source.fd, "new", "333", 0644);
    assert_int_equal(linkat(s.source.fd, "a", s.source.fd, "b", 0), 0);
    assert_int_equal(linkat(s.source.fd, "a", s.source.fd, "c", 0), 0);
    struct copy_source src = from(&s, "", "");
    assert_int_equal(copy_add(s.copy, &src, NULL), 0);
    src = from(&s, "new", "a");
    assert_int_equal(copy_add(s.copy, &src, NULL), 0);
    assert_made(&s, "a=3 b=2 c<b new=3");
    session_done(&s);
}

static void later_actions_see_earlier_ones(void **state)
{
    (void)state;
    struct session s;
    struct copy_source src;

    session_begin(&s, "etc/ etc/old=1 etc/dir/ etc/dir/x=1 keep/ keep/y=1");
    put_tree(s.source.fd);
    assert_int_equal(copy_mkdir(s.copy, "work/dir", 0755, 0, 0, NULL), 0);
    assert_int_equal(copy_mkdir(s.copy, "keep", 0700, 0, 0, NULL), 0);
    assert_int_equal(copy_write(s.copy, "work/file", VIEW("hello"), 0644, 0, 0, NULL), 0);
    assert_int_equal(copy_write(s.copy, "work/file", VIEW("again!"), 0600, 0, 0, NULL), 0);
    assert_int_equal(copy_write(s.copy, "work/dir", VIEW("x"), 0644, 0, 0, NULL), -EISDIR);
    assert_int_equal(copy_remove(s.copy, "etc/old", NULL), 0);
    assert_int_equal(copy_remove(s.copy, "etc/none", NULL), -ENOENT);
    assert_int_equal(copy_remove(s.copy, "etc/dir", NULL), 0);
    assert_int_equal(copy_remove(s.copy, "etc/dir", NULL), -ENOENT);
    src = from(&s, "app", "etc/dir");
    assert_int_equal(copy_add(s.copy, &src, NULL), 0);
    src = from(&s, "one", "etc/dir/run");
    assert_int_equal(copy_add(s.copy, &src, NULL), 0);
    src = from(&s, "app", "etc/dir");
    assert_int_equal(copy_add(s.copy, &src, NULL), 0);
    src = from(&s, "app", "work/file");
    assert_int_equal(copy_add(s.copy, &src, NULL), -ENOTDIR);
    assert_int_equal(index_find(s.lower, VIEW("keep"))->mode, 0755);
    assert_made(&s, "etc/ etc/dir! etc/dir/lib/ etc/dir/lib/x=2 etc/dir/link>lib/x etc/dir/run=10 "
                    "etc/old~ keep/ work/ "
                    "work/dir/ work/file=6");
    session_done(&s);
}

static bool skip_lib(void *ctx, const char *rel, bool is_dir, bool *prune)
{
    if (is_dir)
        *prune = ctx != NULL;
    return strcmp(rel, "lib") == 0 || strcmp(rel, "run") == 0 || strcmp(rel, "empty") == 0;
}

static void what_is_skipped_is_left_out(void **state)
{
    (void)state;
    for (int prune = 0; prune < 2; prune++) {
        struct session s;

        session_begin(&s, NULL);
        put_tree(s.source.fd);
        put_dir(s.source.fd, "app/empty", 0755);
        struct copy_source src = from(&s, "app", "o");
        src.skip = skip_lib;
        src.skip_from_path = true;
        src.ctx = prune ? &s : NULL;
        assert_int_equal(copy_add(s.copy, &src, NULL), 0);
        assert_made(&s, prune ? "o/ o/link>lib/x" : "o/ o/lib/ o/lib/x=2 o/link>lib/x");
        session_done(&s);
    }
}

static void big_and_sparse_files_arrive(void **state)
{
    (void)state;
    struct session s;
    static char big[600 * 1024 + 7];
    struct digest want;
    struct stat st;

    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)(i * 2654435761u >> 13);
    session_begin(&s, NULL);
    const int fd = openat(s.source.fd, "big", O_CREAT | O_WRONLY, 0644);
    assert_int_equal(write(fd, big, sizeof(big)), sizeof(big));
    close(fd);
    put_file(s.source.fd, "sparse", "end", 0644);
    const int sp = openat(s.source.fd, "sparse", O_WRONLY);
    assert_int_equal(ftruncate(sp, 64 << 20), 0);
    close(sp);
    struct copy_source src = from(&s, "", "");
    assert_int_equal(copy_add(s.copy, &src, NULL), 0);
    CLEANUP(index_freep) struct index *ix = session_finish(&s);
    digest_of(view_make(big, sizeof(big)), &want);
    assert_true(digest_eq(&index_find(ix, VIEW("big"))->content, &want));
    assert_int_equal(fstatat(s.target.fd, "sparse", &st, 0), 0);
    assert_int_equal(st.st_size, 64 << 20);
    assert_true(st.st_blocks < 4096);
    session_done(&s);
}

static void special_files_and_xattrs_are_kept(void **state)
{
    (void)state;
    struct session s;

    if (geteuid() != 0) {
        print_message("# needs root\n");
        skip();
    }
    session_begin(&s, NULL);
    put_file(s.source.fd, "f", "1", 0755);
    assert_int_equal(mkfifoat(s.source.fd, "p", 0600), 0);
    assert_int_equal(mknodat(s.source.fd, "null", S_IFCHR | 0666, makedev(1, 3)), 0);
    const int fd = openat(s.source.fd, "f", O_RDONLY);
    assert_int_equal(fsetxattr(fd, "user.overlay.opaque", "y", 1, 0), 0);
    assert_int_equal(fsetxattr(fd, "user.a", "b", 1, 0), 0);
    assert_int_equal(fsetxattr(fd, "security.capability",
                               "\x01\x00\x00\x02\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0),
                     0);
    close(fd);
    struct copy_source src = from(&s, "", "");
    assert_int_equal(copy_add(s.copy, &src, NULL), 0);
    CLEANUP(index_freep) struct index *ix = session_finish(&s);
    STR_AUTO(got);
    words_of_index(ix, &got);
    assert_string_equal(got.at, "f=1 null@1:3 p|");
    assert_int_equal(index_find(ix, VIEW("f"))->xattr_count,
                     2); /* the unescaped overlay name was the kernel's */
    session_done(&s);
}

static void layers_are_sources_too(void **state)
{
    (void)state;
    struct session s, t;
    const struct scan_options so = SCAN_OPTIONS_INIT;
    struct index *ix = NULL;

    session_begin(&s, NULL);
    put_tree(s.source.fd);
    assert_int_equal(linkat(s.source.fd, "app/run", s.source.fd, "app/again", 0), 0);
    assert_int_equal(linkat(s.source.fd, "app/run", s.source.fd, "app/zz", 0), 0);
    assert_int_equal(scan_tree(s.source.fd, &so, &ix, NULL), 0);
    const struct index *layers[] = {ix};
    CLEANUP(merge_freep) struct merge *m = merge_new(layers, 1);
    session_begin(&t, "srv/");
    struct copy_source src = {
        .dir = -1, .trees = m, .fs = &s.source.fd, .path = "app", .dest = "srv"};
    assert_int_equal(copy_add(t.copy, &src, NULL), 0);
    src.path = "app/zz";
    src.dest = "bin/zz";
    assert_int_equal(copy_add(t.copy, &src, NULL), 0);
    src.path = "none";
    assert_int_equal(copy_add(t.copy, &src, NULL), -ENOENT);
    assert_made(&t, "bin/ bin/zz=10 srv/ srv/again=10 srv/lib/ srv/lib/x=2 srv/link>lib/x "
                    "srv/run<srv/again srv/zz<srv/again");
    session_done(&t);
    session_done(&s);
    index_free(ix);
}

/* Content that is known is copied by the kernel, which would fill holes. */
static void holes_of_layers_stay_holes(void **state)
{
    (void)state;
    struct session s, t;
    const struct scan_options so = SCAN_OPTIONS_INIT;
    static const off_t ends[] = {64 << 20, (33 << 20) + 4};
    struct stat st;

    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        struct index *ix = NULL;

        session_begin(&s, NULL);
        cleanup_close int fd = openat(s.source.fd, "f", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
        assert_int_equal(pwrite(fd, "one", 3, 1 << 20), 3);
        assert_int_equal(pwrite(fd, "two!", 4, 33 << 20), 4);
        assert_int_equal(ftruncate(fd, ends[i]), 0);
        assert_int_equal(scan_tree(s.source.fd, &so, &ix, NULL), 0);
        const struct index *layers[] = {ix};
        struct merge *m = merge_new(layers, 1);
        session_begin(&t, NULL);
        const struct copy_source src = {
            .dir = -1, .trees = m, .fs = &s.source.fd, .path = "f", .dest = "g"};
        assert_int_equal(copy_add(t.copy, &src, NULL), 0);
        index_free(session_finish(&t));
        assert_int_equal(fstatat(t.target.fd, "g", &st, 0), 0);
        assert_int_equal(st.st_size, ends[i]);
        assert_true(st.st_blocks < 4096);
        merge_free(m);
        session_done(&t);
        session_done(&s);
        index_free(ix);
    }
}

static void too_many_holes_are_refused(void **state)
{
    (void)state;
    struct session s;
    ERROR_AUTO(err);

    session_begin(&s, NULL);
    cleanup_close int fd = openat(s.source.fd, "f", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
    assert_int_equal(pwrite(fd, "data", 4, (off_t)1 << 39), 4);
    const struct copy_source src = from(&s, "", "");
    assert_int_equal(copy_add(s.copy, &src, &err), -EDQUOT);
    assert_non_null(
        strstr(err.text, "'f': sparse file of 1024 GiB with more than 64 GiB of holes"));
    session_done(&s);
}

static bool knows_one(void *ctx, const char *path, size_t number, const struct stat *st,
                      struct digest *ret, bool *ret_plain)
{
    (void)ctx;
    (void)number;
    (void)st;
    memset(ret->sha256, 7, sizeof(ret->sha256));
    return strcmp(path, "one") == 0;
}

static int count_seen(void *ctx, const struct copy_seen *seen, struct error *err)
{
    (void)err;
    assert_non_null(seen->path);
    assert_int_equal(seen->content != NULL, !S_ISDIR(seen->mode));
    __atomic_fetch_add((int *)ctx, 1, __ATOMIC_RELAXED);
    return 0;
}

static void digests_come_and_go_through_callbacks(void **state)
{
    (void)state;
    struct session s;
    struct index *ix = NULL;
    struct copy_stats stats;
    int seen = 0;

    session_begin(&s, NULL);
    put_tree(s.source.fd);
    struct copy_source src = from(&s, "", "");
    src.known = knows_one;
    src.seen = count_seen;
    src.ctx = &seen;
    assert_int_equal(copy_add(s.copy, &src, NULL), 0);
    assert_int_equal(copy_finish(s.copy, &ix, &stats, NULL), 0);
    assert_int_equal(seen, 5); /* all but "one" */
    assert_int_equal(index_find(ix, VIEW("one"))->content.sha256[9], 7);
    assert_int_equal(stats.files, 3);
    assert_int_equal(stats.bytes, 13);
    assert_int_equal(stats.hashed_bytes, 12);
    index_free(ix);
    session_done(&s);
}

static const struct {
    const char *text;
    uint32_t mode;
    bool is_dir;
    uint32_t want;
} modes[] = {
    {"755", 0644, false, 0755},         {"0644", 0777, true, 0644},
    {"4755", 0, false, 04755},          {"u=rwX,go=rX", 0600, false, 0644},
    {"u=rwX,go=rX", 0700, false, 0755}, {"u=rwX,go=rX", 0600, true, 0755},
    {"+x", 0644, false, 0755},          {"a-w", 0777, false, 0555},
    {"g=u", 0750, false, 0770},         {"o=", 0777, false, 0770},
    {"u+s", 0755, false, 04755},        {"g+s,o+t", 0755, true, 03755},
    {"=r", 0777, false, 0444},          {"u+x-w", 0644, false, 0544},
    {"ug=rw,o-rwx", 0777, false, 0660},
};

static void modes_change_as_by_chmod(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        struct chmod c;

        print_message("# %s\n", modes[i].text);
        assert_int_equal(chmod_parse(modes[i].text, &c, NULL), 0);
        assert_int_equal(chmod_apply(&c, modes[i].mode, modes[i].is_dir), modes[i].want);
    }
    for (const char *const *bad =
             (const char *const[]){"", "9", "10000", "u", "u=q", "=r,", "755x", "u~x", NULL};
         *bad; bad++) {
        struct chmod c;

        assert_int_equal(chmod_parse(*bad, &c, NULL), -EINVAL);
    }
}

/* What a key says of a mode is what the copy makes of it; no umask of a checkout shows. */
static void portable_modes_are_what_a_copy_makes(void **state)
{
    struct chmod c;

    (void)state;
    assert_int_equal(chmod_parse(CHMOD_PORTABLE, &c, NULL), 0);
    for (uint32_t mode = 0; mode <= 07777; mode++) {
        assert_int_equal(chmod_apply(&c, mode, false), chmod_portable(mode, false));
        assert_int_equal(chmod_apply(&c, mode, true), chmod_portable(mode, true));
    }
    assert_int_equal(chmod_portable(0600, false), 0644);
    assert_int_equal(chmod_portable(0775, false), 0755);
    assert_int_equal(chmod_portable(02700, true), 0755);
}

UNIT_MAIN(
    cmocka_unit_test(copies_follow_the_rules), cmocka_unit_test(attributes_are_as_documented),
    cmocka_unit_test(owner_and_mode_can_be_given), cmocka_unit_test(links_within_one_action_stay),
    cmocka_unit_test(a_replaced_file_leaves_its_links),
    cmocka_unit_test(later_actions_see_earlier_ones), cmocka_unit_test(what_is_skipped_is_left_out),
    cmocka_unit_test(big_and_sparse_files_arrive), cmocka_unit_test(holes_of_layers_stay_holes),
    cmocka_unit_test(too_many_holes_are_refused),
    cmocka_unit_test(special_files_and_xattrs_are_kept), cmocka_unit_test(layers_are_sources_too),
    cmocka_unit_test(digests_come_and_go_through_callbacks),
    cmocka_unit_test(modes_change_as_by_chmod),
    cmocka_unit_test(portable_modes_are_what_a_copy_makes))
