#include "base/fd.h"
#include "image/members.h"
#include "unit.h"

#define BLOCK 512

/* One header with its checksum, then data in whole blocks. */
static void put(struct str *to, const char *name, char type, const char *link, struct view data,
                uint64_t claimed)
{
    char h[BLOCK] = {0};
    unsigned sum = 0;

    snprintf(h, 100, "%s", name);
    snprintf(h + 124, 12, "%011o", (unsigned)(claimed & 0777777777));
    memset(h + 148, ' ', 8);
    h[156] = type;
    if (link)
        snprintf(h + 157, 100, "%s", link);
    memcpy(h + 257,
           "ustar\0"
           "00",
           8);
    for (size_t i = 0; i < BLOCK; i++)
        sum += (unsigned char)h[i];
    snprintf(h + 148, 8, "%06o", sum);
    str_add(to, view_make(h, BLOCK));
    str_add(to, data);
    while (to->size % BLOCK)
        str_add_char(to, '\0');
}

static void put_file(struct str *to, const char *name, const char *data)
{
    put(to, name, '0', NULL, view_of(data), strlen(data));
}

static int read_all(const struct str *archive, struct members *ret, struct error *err)
{
    cleanup_close int fd = fd_of_bytes("archive", str_view(archive), NULL);

    return members_read(fd, 10, ret, err);
}

static void members_are_found_through_links(void **state)
{
    STR_AUTO(archive);
    struct members m = {0};
    const struct member *a;

    (void)state;
    put_file(&archive, "./a/layer.tar", "one");
    put_file(&archive, "a/layer.tar", "second");
    put(&archive, "b/layer.tar", '2', "../a/layer.tar", VIEW(""), 0);
    put(&archive, "hard", '1', "a/layer.tar", VIEW(""), 0);
    put(&archive, "loop", '2', "loop", VIEW(""), 0);
    put(&archive, "out", '2', "../../etc/passwd", VIEW(""), 0);
    put(&archive, "dangling", '2', "nothing", VIEW(""), 0);
    put(&archive, "../escape", '0', NULL, VIEW("x"), 1);
    assert_int_equal(read_all(&archive, &m, NULL), 0);
    a = members_find(&m, "a/layer.tar");
    assert_non_null(a);
    assert_int_equal(a->size, 6); /* the last of a name */
    assert_ptr_equal(members_find(&m, "b/layer.tar"), a);
    assert_ptr_equal(members_find(&m, "/b//./layer.tar"), a);
    assert_ptr_equal(members_find(&m, "hard"), a);
    assert_null(members_find(&m, "loop"));
    assert_null(members_find(&m, "out"));
    assert_null(members_find(&m, "dangling"));
    assert_null(members_find(&m, "../escape"));
    assert_null(members_find(&m, "escape"));
    assert_null(members_find(&m, ""));
    members_done(&m);
}

static void long_names_and_sizes_come_from_records(void **state)
{
    STR_AUTO(archive);
    struct members m = {0};
    const struct member *found;

    (void)state;
    put(&archive, "pax", 'x', NULL, VIEW("17 path=pax/name\n9 size=3\n"), 26);
    put(&archive, "short", '0', NULL, VIEW("abc"), 0);
    put(&archive, "gnu", 'L', NULL, VIEW("gnu/name\0"), 9);
    put_file(&archive, "short", "de");
    assert_int_equal(read_all(&archive, &m, NULL), 0);
    found = members_find(&m, "pax/name");
    assert_non_null(found);
    assert_int_equal(found->size, 3);
    assert_non_null(members_find(&m, "gnu/name"));
    assert_null(members_find(&m, "short"));
    members_done(&m);
}

static void damage_is_told(void **state)
{
    STR_AUTO(archive);
    struct members m = {0};

    (void)state;
    put(&archive, "lie", '0', NULL, VIEW("x"), 100000);
    {
        ERROR_AUTO(err);
        assert_int_equal(read_all(&archive, &m, &err), -EPROTO);
        assert_non_null(strstr(err.text, "cut short: 'lie' needs 100000 bytes, 512 are left"));
    }
    archive.at[3] ^= 1;
    {
        ERROR_AUTO(err);
        assert_int_equal(read_all(&archive, &m, &err), -EPROTO);
        assert_non_null(strstr(err.text, "damaged header at byte 0"));
    }
    str_clear(&archive);
    for (size_t i = 0; i < 12; i++)
        put_file(&archive, "x", "");
    assert_int_equal(read_all(&archive, &m, NULL), -EDQUOT);
    str_clear(&archive);
    put(&archive, "pax", 'x', NULL, VIEW("99 path=x\n"), 10);
    assert_int_equal(read_all(&archive, &m, NULL), -EPROTO);
    str_clear(&archive);
    put(&archive, "long", 'L', NULL, VIEW(""), 2 << 20);
    assert_true(read_all(&archive, &m, NULL) < 0);
}

UNIT_MAIN(cmocka_unit_test(members_are_found_through_links),
          cmocka_unit_test(long_names_and_sizes_come_from_records),
          cmocka_unit_test(damage_is_told))
