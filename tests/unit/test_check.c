#include <sys/stat.h>
#include <sys/xattr.h>

#include "layer/check.h"
#include "trees.h"

static void make(int fd)
{
    put_dir(fd, "d", 0750);
    put_file(fd, "d/a", "hello", 0640);
    assert_int_equal(linkat(fd, "d/a", fd, "again", 0), 0);
    assert_int_equal(symlinkat("d/a", fd, "link"), 0);
    assert_int_equal(mkfifoat(fd, "pipe", 0600), 0);
}

static void change(int fd, int which)
{
    const int dir = openat(fd, "d", O_RDONLY | O_CLOEXEC);

    switch (which) {
    case 1:
        put_file(fd, "d/a", "HELLO", 0640);
        break;
    case 2:
        put_file(fd, "d/a", "hello!", 0640);
        break;
    case 3:
        assert_int_equal(fchmod(dir, 0700), 0);
        break;
    case 4:
        put_file(fd, "d/b", "", 0644);
        break;
    case 5:
        assert_int_equal(unlinkat(fd, "pipe", 0), 0);
        break;
    case 6:
        assert_int_equal(unlinkat(fd, "link", 0), 0);
        assert_int_equal(symlinkat("d/b", fd, "link"), 0);
        break;
    case 7:
        assert_int_equal(fsetxattr(dir, "user.overlay.opaque", "y", 1, 0), 0);
        break;
    case 8:
        assert_int_equal(fsetxattr(dir, "user.x", "y", 1, 0), 0);
        break;
    case 9:
        assert_int_equal(unlinkat(fd, "again", 0), 0);
        put_file(fd, "again", "hello", 0640);
        break;
    case 10:
        assert_int_equal(unlinkat(fd, "pipe", 0), 0);
        put_file(fd, "pipe", "", 0600);
        break;
    }
    close(dir);
}

static void every_difference_is_found(void **state)
{
    static const char *const complaints[] = {
        NULL,
        "the content of 'again'",
        "the content of 'again'",
        "the mode of 'd'",
        "'d/b' is not in the index",
        "'pipe' is missing",
        "the link of 'link'",
        "the opaque mark of 'd'",
        "the extended attributes of 'd'",
        "the type of 'd/a'",
        "the type of 'pipe'",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(complaints); i++) {
        SCRATCH_AUTO(t);
        CLEANUP(index_freep) struct index *ix = NULL;
        const struct scan_options o = SCAN_OPTIONS_INIT;
        ERROR_AUTO(err);

        print_message("# %s\n", complaints[i] ? complaints[i] : "as it was");
        make(t.fd);
        assert_int_equal(scan_tree(t.fd, &o, &ix, &err), 0);
        change(t.fd, (int)i);
        assert_int_equal(check_tree(t.fd, ix, OWNER_REAL, &err), complaints[i] ? -EPROTO : 0);
        if (complaints[i])
            assert_non_null(strstr(err.text, complaints[i]));
    }
}

UNIT_MAIN(cmocka_unit_test(every_difference_is_found))
