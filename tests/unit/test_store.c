#include "store/store.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/time.h>

#include "store/cache.h"
#include "store_fixture.h"

static void a_new_store_opens_again(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, "/tmp");
    store_close(fixture_open(&f));
    struct store *s = fixture_open(&f);
    const struct digest tree = make_tree(s, "hello"), blob = make_blob(s, "blob");
    assert_true(store_tree_has(s, &tree));
    store_close(s);

    s = fixture_open(&f);
    ERROR_AUTO(err);
    STR_AUTO(text);
    uint64_t size = 0;
    cleanup_close int dir = store_tree_open(s, &tree, &err),
                      fd = store_blob_open(s, &blob, &size, &err);
    check(dir, &err);
    check(fd, &err);
    check(fd_read_file(dir, "fs/file", 100, &text, &err), &err);
    assert_string_equal(text.at, "hello");
    assert_int_equal(size, 4);
    check(store_tree_size(s, &tree, &size, &err), &err);
    assert_int_equal(size, 5);
    store_close(s);
    assert_int_equal(count_names(&f, "leases"), 0);
    assert_int_equal(count_names(&f, "tmp"), 0);
    fixture_done(&f);
}

static void a_store_of_others_is_refused(void **state)
{
    static const struct {
        const char *name, *file, *text, *complaint;
        int code;
    } cases[] = {
        {"newer format", "s/store.json", "{\"format\":99,\"owner\":0}", "has format 99", -EINVAL},
        {"another user", "s/store.json", "{\"format\":1,\"owner\":4242}", "made by user 4242",
         -EPERM},
        {"not JSON", "s/store.json", "{\"format\":", "not valid JSON", -EINVAL},
        {"no owner", "s/store.json", "{\"format\":1}", "'owner' is missing", -ENOENT},
        {"somebody's files", "s/letter.txt", "dear", "not a store and not empty", -ENOTEMPTY},
        {"a file", "s", "text", "Not a directory", -ENOTDIR},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fixture f;
        struct store *s = NULL;
        ERROR_AUTO(err);

        print_message("# %s\n", cases[i].name);
        fixture_init(&f, "/tmp");
        cleanup_close int dir = open(f.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (strcmp(cases[i].file, "s") != 0)
            assert_int_equal(mkdir(f.root, 0700), 0);
        check(fd_replace_file(dir, cases[i].file, view_of(cases[i].text), 0600, &err), &err);
        assert_int_equal(store_open(&f.env, &s, &err), cases[i].code);
        assert_non_null(strstr(err.text, cases[i].complaint));
        if (strcmp(cases[i].file, "s/letter.txt") == 0)
            assert_int_equal(count_names(&f, "."), 1);
        fixture_done(&f);
    }
}

static void one_identity_a_store(void **state)
{
    struct fixture f;
    ERROR_AUTO(err);

    (void)state;
    fixture_init(&f, "/tmp");
    struct store *s = fixture_open(&f);
    check(store_set_identity(s, "subids 0:1000:1 1:100000:65536", &err), &err);
    check(store_set_identity(s, "subids 0:1000:1 1:100000:65536", &err), &err);
    store_close(s);
    s = fixture_open(&f);
    assert_int_equal(store_set_identity(s, "single", &err), -EPERM);
    assert_non_null(err.hint);
    store_close(s);
    fixture_done(&f);
}

/* --- blobs --- */

static void a_blob_is_what_it_is_called_or_is_not_there(void **state)
{
    struct digest want = digest_of_text("payload"), other = digest_of_text("other"), got;
    const struct {
        const char *name;
        const struct digest *want;
        uint64_t size;
        bool lent;
        int code;
    } cases[] = {
        {"right", &want, 7, false, 0},
        {"again", &want, 7, false, 0},
        {"lent", &want, 7, true, 0},
        {"no expectation", NULL, UINT64_MAX, false, 0},
        {"wrong digest", &other, 7, false, -EPROTO},
        {"wrong size", &want, 8, false, -EPROTO},
        {"lent, wrong digest", &other, UINT64_MAX, true, -EPROTO},
    };
    struct fixture f;

    (void)state;
    fixture_init(&f, "/tmp");
    struct store *s = fixture_open(&f);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct store_blob_writer *w;
        uint64_t size = 0;
        ERROR_AUTO(err);

        print_message("# %s\n", cases[i].name);
        check(store_blob_begin(s, &w, &err), &err);
        if (cases[i].lent)
            assert_int_equal(write(store_blob_writer_fd(w), "payload", 7), 7);
        else
            check(store_blob_write(w, VIEW("payload"), &err), &err);
        assert_int_equal(store_blob_commit(s, w, cases[i].want, cases[i].size, &got, &size, &err),
                         cases[i].code);
        if (cases[i].code == 0) {
            assert_true(digest_eq(&got, &want));
            assert_int_equal(size, 7);
        }
    }
    assert_int_equal(count_names(&f, "blobs/sha256"), 1);
    assert_false(store_blob_has(s, &other));
    ERROR_AUTO(err);
    assert_int_equal(store_blob_open(s, &other, NULL, &err), -ENOENT);
    store_close(s);
    fixture_done(&f);
}

/* --- trees --- */

static void the_first_commit_of_a_tree_stays(void **state)
{
    struct fixture f;
    struct store_tree *t;
    STR_AUTO(text);
    ERROR_AUTO(err);

    (void)state;
    fixture_init(&f, "/tmp");
    struct store *s = fixture_open(&f);
    const struct digest tree = make_tree(s, "one");
    check(store_tree_begin(s, &t, &err), &err);
    check(fd_replace_file(store_tree_fs_fd(t), "file", VIEW("late"), 0644, &err), &err);
    check(store_tree_commit(s, t, &tree, 4, &err), &err);
    cleanup_close int dir = store_tree_open(s, &tree, &err);
    check(fd_read_file(dir, "fs/file", 10, &text, &err), &err);
    assert_string_equal(text.at, "one");

    check(store_tree_begin(s, &t, &err), &err);
    store_tree_abort(t);
    assert_int_equal(count_names(&f, "trees"), 1);
    assert_int_equal(count_names(&f, "tmp"), 0);
    store_close(s);
    fixture_done(&f);
}

/* Runs call in a child; returns its pid, or waits when told. */
static pid_t child(void (*call)(struct fixture *f, int arg), struct fixture *f, int arg)
{
    const pid_t pid = fork();

    if (pid == 0) {
        call(f, arg);
        _exit(0);
    }
    assert_true(pid > 0);
    return pid;
}

static void must_end_well(pid_t pid)
{
    int status = -1;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void die_in_the_middle(struct fixture *f, int arg)
{
    struct store *s;
    struct store_tree *t;
    struct store_blob_writer *w;
    ERROR_AUTO(err);

    (void)arg;
    if (store_open(&f->env, &s, &err) < 0 || store_lease(s, &err) < 0 ||
        store_tree_begin(s, &t, &err) < 0 || store_blob_begin(s, &w, &err) < 0 ||
        mkdirat(store_tree_fs_fd(t), "etc", 0) < 0)
        _exit(1);
    (void)raise(SIGKILL);
}

static void what_the_dead_left_is_swept(void **state)
{
    struct fixture f;
    struct store_tree *t;
    int status;
    ERROR_AUTO(err);

    (void)state;
    fixture_init(&f, "/tmp");
    store_close(fixture_open(&f));
    const pid_t pid = child(die_in_the_middle, &f, 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(count_names(&f, "tmp"), 1);
    assert_int_equal(count_names(&f, "leases"), 1);

    struct store *s = fixture_open(&f);
    check(store_tree_begin(s, &t, &err), &err); /* ours stays, the dead one's goes */
    assert_int_equal(count_names(&f, "tmp"), 1);
    check(store_sweep(s, NULL, &err), &err);
    assert_int_equal(count_names(&f, "tmp"), 1);
    store_tree_abort(t);
    store_close(s);
    fixture_done(&f);
}

/* --- key locks --- */

static void on_signal(int signo)
{
    (void)signo;
}

static void must_be_busy(struct fixture *f, int arg)
{
    struct store *s;
    struct store_key *k;
    const struct digest key = digest_of_text("key");

    (void)arg;
    if (store_open(&f->env, &s, NULL) < 0 || store_key_lock(s, &key, false, &k, NULL) != -EAGAIN)
        _exit(1);
}

static void must_be_interrupted(struct fixture *f, int arg)
{
    struct store *s;
    struct store_key *k;
    const struct digest key = digest_of_text("key");
    const struct sigaction action = {.sa_handler = on_signal};
    const struct itimerval soon = {{0, 1000},
                                   {0, 1000}}; /* again, should the first come too early */

    (void)arg;
    if (sigaction(SIGALRM, &action, NULL) < 0 || store_open(&f->env, &s, NULL) < 0 ||
        setitimer(ITIMER_REAL, &soon, NULL) < 0 ||
        store_key_lock(s, &key, true, &k, NULL) != -EINTR)
        _exit(1);
}

/* Reads, adds one, writes: loses counts unless the key is held by one at a time. */
static void count_under_lock(struct fixture *f, int rounds)
{
    struct store *s;
    const struct digest key = digest_of_text("counter");
    cleanup_free char *path = xasprintf("%s/counter", f->dir);

    if (store_open(&f->env, &s, NULL) < 0)
        _exit(1);
    for (int i = 0; i < rounds; i++) {
        struct store_key *k;
        int n = 0;

        if (store_key_lock(s, &key, true, &k, NULL) < 0)
            _exit(2);
        const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || pread(fd, &n, sizeof(n), 0) < 0)
            _exit(3);
        n++;
        if (pwrite(fd, &n, sizeof(n), 0) != sizeof(n))
            _exit(4);
        close(fd);
        store_key_unlock(k);
    }
    store_close(s);
}

static void one_process_has_a_key(void **state)
{
    const struct digest key = digest_of_text("key");
    struct store_key *k;
    struct fixture f;
    pid_t pids[4];
    int n = 0;
    ERROR_AUTO(err);

    (void)state;
    fixture_init(&f, "/tmp");
    struct store *s = fixture_open(&f);
    check(store_key_lock(s, &key, false, &k, &err), &err);
    must_end_well(child(must_be_busy, &f, 0));
    must_end_well(child(must_be_interrupted, &f, 0));
    store_key_unlock(k);
    for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
        pids[i] = child(count_under_lock, &f, 300);
    for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
        must_end_well(pids[i]);
    cleanup_free char *path = xasprintf("%s/counter", f.dir);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
    assert_int_equal(n, 1200);
    assert_int_equal(count_names(&f, "keys"), 0);
    store_close(s);
    fixture_done(&f);
}

/* --- many at once, killed at any moment --- */

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16;
}

/* One random thing to do; returns a failure that is not an answer. */
static int do_something(struct fixture *f, struct store *s, struct cache *c, unsigned n,
                        struct error *err)
{
    char text[16], name[48];
    struct digest tree, blob;
    struct usage u = {0};
    STR_AUTO(value);
    const struct prune_policy policy = {.until_s = INT64_MAX};

    (void)f;
    snprintf(text, sizeof(text), "t%u", n / 8 % 16);
    snprintf(name, sizeof(name), "docker.io/library/i:%u", n / 8 % 4);
    tree = digest_of_text(text);
    int r;
    switch (n % 8) {
    case 0:
        r = store_usage_read(s, &u, err);
        if (r == 0) {
            (void)prune_plan(&u, &policy);
            r = store_remove(s, &u, err);
        }
        usage_done(&u);
        return r < 0 ? r : store_sweep(s, NULL, err);
    case 1:
        r = store_image_remove(s, name, NULL, NULL);
        return r == -ENOENT ? 0 : r;
    case 2:
        r = cache_get(c, &tree, &value, err);
        return r;
    case 3:
        r = try_tree(s, text, &tree, err);
        return r < 0 ? r : cache_put(c, &tree, view_of(text), &tree, 1, err);
    default:
        r = try_tree(s, text, &tree, err);
        if (r == 0)
            r = store_blob_put(s, VIEW("blob"), &blob, err);
        return r < 0 ? r : try_image(s, name, text, &tree, &blob, err);
    }
}

static void do_much(struct fixture *f, int arg)
{
    struct store *s;
    struct cache *c;
    unsigned seed = (unsigned)arg;
    const int rounds = arg < 0 ? INT32_MAX : 60;
    ERROR_AUTO(err);

    if (store_open(&f->env, &s, &err) < 0 || cache_open(&f->env, s, &c, &err) < 0) {
        fprintf(stderr, "# %s\n", err.text);
        _exit(1);
    }
    for (int i = 0; i < rounds; i++)
        if (do_something(f, s, c, next(&seed), &err) < 0) {
            fprintf(stderr, "# %s\n", err.text);
            _exit(2);
        }
    cache_close(c);
    store_close(s);
}

static void must_be_sound(struct fixture *f)
{
    const struct verify v = {.found = print_finding};
    struct store *s = fixture_open(f);
    ERROR_AUTO(err);
    const int findings = store_verify(s, &v, &err);

    check(findings, &err);
    assert_int_equal(findings, 0);
    store_close(s);
}

static void many_processes_see_one_store(void **state)
{
    struct fixture f;
    pid_t pids[4];

    (void)state;
    fixture_init(&f, "/tmp"); /* not made yet: they race for that too */
    for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
        pids[i] = child(do_much, &f, (int)i + 1);
    for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
        must_end_well(pids[i]);
    must_be_sound(&f);
    assert_int_equal(f.said_size, 0);
    fixture_done(&f);
}

static void a_kill_at_any_moment_leaves_a_sound_store(void **state)
{
    struct fixture f;
    unsigned seed = (unsigned)getpid();

    (void)state;
    fixture_init(&f, "/tmp");
    print_message("# seed %u\n", seed);
    for (int i = 0; i < 40; i++) {
        pid_t pids[2] = {child(do_much, &f, -1 - (int)next(&seed)),
                         child(do_much, &f, -1 - (int)next(&seed))};

        for (size_t n = 0; n < ARRAY_SIZE(pids); n++) {
            int status;

            (void)poll(NULL, 0, (int)(next(&seed) % 12)); /* the random moment */
            assert_int_equal(kill(pids[n], SIGKILL), 0);
            assert_int_equal(waitpid(pids[n], &status, 0), pids[n]);
            assert_true(WIFSIGNALED(status));
        }
        must_be_sound(&f);
    }
    must_end_well(child(do_much, &f, 7));
    must_be_sound(&f);
    fixture_done(&f);
}

/* --- a full disk --- */

static int fill_until_it_fails(struct store *s, struct error *err)
{
    char *much = xcalloc(1, 20000);
    int r = 0;

    memset(much, 'x', 19999);
    for (int i = 0; r == 0 && i < 1000; i++) {
        struct digest d;

        much[0] = (char)('a' + i % 26);
        much[1] = (char)('a' + i / 26);
        r = i % 2 ? try_tree(s, much, &d, err) : store_blob_put(s, view_of(much), &d, err);
    }
    free(much);
    return r;
}

static void fill_a_small_disk(struct fixture *f, int arg)
{
    struct fixture small;
    struct store *s;
    struct cache *c;
    struct usage u = {0};
    const struct prune_policy all = {.until_s = INT64_MAX};
    const struct digest key = digest_of_text("key");
    STR_AUTO(value);
    ERROR_AUTO(err);

    (void)arg;
    if (mount("tmpfs", f->dir, "tmpfs", 0, "size=1m") < 0)
        _exit(77);
    fixture_init(&small, f->dir);
    s = fixture_open(&small);
    const struct digest kept = make_tree(s, "kept");
    make_image(s, "docker.io/library/kept:1", "{}", &kept, NULL);
    check(cache_open(&small.env, s, &c, &err), &err);
    check(cache_put(c, &key, VIEW("v"), &kept, 1, &err), &err);
    assert_int_equal(fill_until_it_fails(s, &err), -ENOSPC);
    error_done(&err);
    cleanup_free char *more = xcalloc(1, 1u << 20);
    struct digest d;
    assert_int_equal(store_blob_put(s, view_make(more, 1u << 20), &d, &err), -ENOSPC);
    assert_non_null(strstr(err.hint, "cooper prune"));
    error_done(&err);
    assert_int_equal(cache_get(c, &key, &value, &err), 1); /* hits need no room */
    assert_int_equal(count_names(&small, "tmp"), 0);
    cache_close(c);
    store_close(s);
    must_be_sound(&small);
    s = fixture_open(&small);
    struct store_image image;
    check(store_image_get(s, "docker.io/library/kept:1", &image, &err), &err);
    store_image_done(&image);
    check(store_usage_read(s, &u, &err), &err);
    assert_true(prune_plan(&u, &all) > 500000);
    check(store_remove(s, &u, &err), &err);
    check(store_sweep(s, NULL, &err), &err);
    usage_done(&u);
    (void)make_tree(s, "room again");
    store_close(s);
    must_be_sound(&small);
    fixture_done(&small);
    (void)umount(f->dir);
}

static void a_full_disk_loses_work_not_truth(void **state)
{
    struct fixture f;
    int status;

    (void)state;
    fixture_init(&f, "/tmp");
    const pid_t pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
            _exit(77);
        fill_a_small_disk(&f, 0);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    fixture_done(&f);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("# may not mount a tmpfs here\n");
        skip();
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

UNIT_MAIN(cmocka_unit_test(a_new_store_opens_again), cmocka_unit_test(a_store_of_others_is_refused),
          cmocka_unit_test(one_identity_a_store),
          cmocka_unit_test(a_blob_is_what_it_is_called_or_is_not_there),
          cmocka_unit_test(the_first_commit_of_a_tree_stays),
          cmocka_unit_test(what_the_dead_left_is_swept), cmocka_unit_test(one_process_has_a_key),
          cmocka_unit_test(many_processes_see_one_store),
          cmocka_unit_test(a_kill_at_any_moment_leaves_a_sound_store),
          cmocka_unit_test(a_full_disk_loses_work_not_truth))
