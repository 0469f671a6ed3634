/* test_registry_upload.c - blobs on their way in: in one piece, in chunks, and what another process began. */
#include "registry_fixture.h"

static struct registry_call *put_empty(struct registry_session *s, const char *from)
{
    struct registry_blob b = {.size = 2, .fd = -1, .bytes = VIEW("{}"), .from = from};

    assert_int_equal(digest_parse(SHA, &b.digest, NULL), 0);
    return registry_blob_put(s, "a", &b);
}

static void an_upload_follows_its_location(void **state)
{
    const char *head = "HEAD https://h/v2/a/blobs/" SHA;
    const struct line plain[] = {
        {head, NULL, 404, NULL, "", 0},
        {"POST https://h/v2/a/blobs/uploads/", NULL, 202, "Location: /up/1?state=x", "", 0},
        {"PUT https://h/up/1?state=x&digest=" SHA, NULL, 0, NULL, "", 0}, /* broke */
        {head, NULL, 404, NULL, "", 0},
        {"POST https://h/v2/a/blobs/uploads/", NULL, 202, "Location: https://h/up/2", "", 0},
        {"PUT https://h/up/2?digest=" SHA, NULL, 201, NULL, "", 0},
    };
    const struct line mount[] = {
        {head, NULL, 404, NULL, "", 0},
        {"POST https://h/v2/a/blobs/uploads/?mount=" SHA "&from=b", NULL, 405, NULL, "", 0},
        {"POST https://h/v2/a/blobs/uploads/", NULL, 202, "Location: /up/1", "", 0},
        {"PUT https://h/up/1?digest=" SHA, NULL, 201, NULL, "", 0},
    };
    const struct line arrived[] = {
        {head, NULL, 404, NULL, "", 0},
        {"POST https://h/v2/a/blobs/uploads/", NULL, 202, "Location: /up/1", "", 0},
        {"PUT https://h/up/1?digest=" SHA, NULL, 0, NULL, "", 0}, /* its answer broke off */
        {head, NULL, 200, "Content-Length: 2", "", 0},
    };
    const struct line there[] = {{head, NULL, 200, "Content-Length: 2", "", 0}};
    CLEANUP(registry_session_freep) struct registry_session *s = session(NULL, false);
    CLEANUP(registry_call_freep) struct registry_call *a = put_empty(s, NULL);
    CLEANUP(registry_call_freep) struct registry_call *b = put_empty(s, "b");
    CLEANUP(registry_call_freep) struct registry_call *c = put_empty(s, NULL);
    CLEANUP(registry_call_freep) struct registry_call *d = put_empty(s, NULL);

    (void)state;
    assert_int_equal(play(a, plain, ARRAY_SIZE(plain), NULL), 0);
    assert_int_equal(play(b, mount, ARRAY_SIZE(mount), NULL), 0);
    assert_int_equal(play(c, there, ARRAY_SIZE(there), NULL), 0);
    assert_true(registry_call_result(c)->existed);
    assert_int_equal(play(d, arrived, ARRAY_SIZE(arrived), NULL), 0);
}

#define UP "https://h/v2/a/blobs/uploads/"
#define MIB 1048576
#define LARGE (2 * MIB + 600000)

struct noted {
    struct registry_keeper keeper;
    unsigned times;
    bool over;
    uint64_t have, until;
};

static void note(struct registry_keeper *k, const struct registry_upload *u)
{
    struct noted *n = (struct noted *)k;

    n->times++;
    n->over = !*u->location;
    n->have = u->have;
    n->until = u->until;
}

static struct registry_call *put_large(struct registry_session *s, struct noted *n,
                                       const char *location, uint64_t have, uint64_t until)
{
    struct registry_blob b = {.size = LARGE, .fd = 9, .keeper = &n->keeper};

    assert_int_equal(digest_parse(SHA, &b.digest, NULL), 0);
    n->keeper.keep = note;
    if (location)
        n->keeper.upload = (struct registry_upload){xstrdup(location), have, until, 0};
    return registry_blob_put(s, "a", &b);
}

#define HEAD_LINE                                                                                  \
    {                                                                                              \
        "HEAD https://h/v2/a/blobs/" SHA, NULL, 404, NULL, "", 0                                   \
    }
#define THERE_LINE                                                                                 \
    {                                                                                              \
        "HEAD https://h/v2/a/blobs/" SHA, NULL, 200, "Content-Length: 2697152", "", 0              \
    }
#define POST_LINE(headers)                                                                         \
    {                                                                                              \
        "POST " UP, NULL, 202, headers, "", 0                                                      \
    }
#define PATCH_LINE(n, status, headers)                                                             \
    {                                                                                              \
        "PATCH https://h/up/" n, NULL, status, headers, "", 0                                      \
    }
#define STATUS_LINE(n, status, headers)                                                            \
    {                                                                                              \
        "GET https://h/up/" n, NULL, status, headers, "", 0                                        \
    }
#define PUT_LINE(n, status)                                                                        \
    {                                                                                              \
        "PUT https://h/up/" n "?digest=" SHA, NULL, status, NULL, "", 0                            \
    }
#define LOCATION(n) "Location: /up/" n
#define SECOND PATCH_LINE("2", 202, "Range: 0-2097151\n" LOCATION("3"))

#define FRESH NULL, 0, 0 /* nothing was sent before */

static const struct {
    const char *name, *location; /* location: of an upload that another process began */
    uint64_t have, until;
    struct line lines[12];
} chunks[] = {
    {"as it should be",
     FRESH,
     {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")),
      SECOND, PUT_LINE("3", 201)}},
    {"it never says more than 0-0",
     FRESH,
     {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 202, "Range: 0-0\n" LOCATION("2")),
      PATCH_LINE("2", 202, "Range: 0-0\n" LOCATION("3")), PUT_LINE("3", 201)}},
    {"half a chunk is lost",
     FRESH,
     {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 202, "Range: 0-99\n" LOCATION("4")),
      PATCH_LINE("4", 202, "Range: 0-1048675\n" LOCATION("5")),
      PATCH_LINE("5", 202, "Range: 0-2097251\n" LOCATION("6")), PUT_LINE("6", 201)}},
    {"more than was sent",
     FRESH,
     {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 202, "Range: 0-1048576\n" LOCATION("2")),
      POST_LINE(LOCATION("8")), PUT_LINE("8", 201)}},
    {"201 for a chunk",
     FRESH,
     {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 201, "Range: 0-1048575\n" LOCATION("2")),
      POST_LINE(LOCATION("8")), PUT_LINE("8", 201)}},
    {"no chunks at all",
     FRESH,
     {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 405, NULL), POST_LINE(LOCATION("8")),
      PUT_LINE("8", 201)}},
    {"the least chunk is larger",
     FRESH,
     {HEAD_LINE, POST_LINE(LOCATION("1") "\nOCI-Chunk-Min-Length: 9000000"), PUT_LINE("1", 201)}},
    {"the least chunk is larger than any number",
     FRESH,
     {HEAD_LINE, POST_LINE(LOCATION("1") "\nOCI-Chunk-Min-Length: 12297829382473034411"),
      PUT_LINE("1", 201)}},
    {"the least chunk is a little larger",
     FRESH,
     {HEAD_LINE, POST_LINE(LOCATION("1") "\nOCI-Chunk-Min-Length: 1500000"),
      PATCH_LINE("1", 202, "Range: 0-1499999\n" LOCATION("2")), PUT_LINE("2", 201)}},
    {"broken, and part of it is there",
     FRESH,
     {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 0, NULL),
      STATUS_LINE("1", 204, "Range: 0-1048565\n" LOCATION("2")),
      PATCH_LINE("2", 202, "Range: 0-2097141\n" LOCATION("3")), PUT_LINE("3", 201)}},
    {"broken, and all is there",
     FRESH,
     {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 500, NULL),
      STATUS_LINE("1", 204, "Range: 0-1048575\n" LOCATION("2")), SECOND, PUT_LINE("3", 201)}},
    {"out of order",
     FRESH,
     {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 416, "Range: 0-0"),
      STATUS_LINE("1", 204, "Range: 0-0"), PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")),
      SECOND, PUT_LINE("3", 201)}},
    {"broken and forgotten",
     FRESH,
     {HEAD_LINE, POST_LINE(LOCATION("7")), PATCH_LINE("7", 0, NULL), STATUS_LINE("7", 404, NULL),
      POST_LINE(LOCATION("1")), PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")), SECOND,
      PUT_LINE("3", 201)}},
    {"the end breaks",
     FRESH,
     {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")),
      SECOND, PUT_LINE("3", 0), STATUS_LINE("3", 204, "Range: 0-2697151\n" LOCATION("4")),
      PUT_LINE("4", 201)}},
    {"the end breaks, and arrived",
     FRESH,
     {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")),
      SECOND, PUT_LINE("3", 0), STATUS_LINE("3", 404, NULL), THERE_LINE}},
    {"the end breaks, and was forgotten",
     FRESH,
     {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")),
      SECOND, PUT_LINE("3", 0), STATUS_LINE("3", 404, NULL), HEAD_LINE, POST_LINE(LOCATION("1")),
      PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")), SECOND, PUT_LINE("3", 201)}},
    {"it is not what was sent",
     FRESH,
     {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")),
      SECOND, PUT_LINE("3", 400), POST_LINE(LOCATION("8")), PUT_LINE("8", 201)}},
    {"gone on with",
     "https://h/up/1",
     MIB,
     2 * MIB,
     {HEAD_LINE, STATUS_LINE("1", 204, "Range: 0-1048575\n" LOCATION("2")), SECOND,
      PUT_LINE("3", 201)}},
    {"gone on with, what was on its way is there",
     "https://h/up/1",
     MIB,
     2 * MIB,
     {HEAD_LINE, STATUS_LINE("1", 204, "Range: 0-2097151\n" LOCATION("3")), PUT_LINE("3", 201)}},
    {"they have less than they said",
     "https://h/up/7",
     MIB,
     2 * MIB,
     {HEAD_LINE, STATUS_LINE("7", 204, "Range: 0-99\n" LOCATION("9")), POST_LINE(LOCATION("1")),
      PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")), SECOND, PUT_LINE("3", 201)}},
    {"they have more than was sent",
     "https://h/up/7",
     MIB,
     MIB + 9,
     {HEAD_LINE, STATUS_LINE("7", 204, "Range: 0-2097151\n" LOCATION("9")),
      POST_LINE(LOCATION("1")), PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")), SECOND,
      PUT_LINE("3", 201)}},
    {"it ran out",
     "https://h/up/7",
     MIB,
     2 * MIB,
     {HEAD_LINE, STATUS_LINE("7", 404, NULL), POST_LINE(LOCATION("1")),
      PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")), SECOND, PUT_LINE("3", 201)}},
    {"it came after all", "https://h/up/7", MIB, 2 * MIB, {THERE_LINE}},
    {"it comes while we ask",
     "https://h/up/3",
     2 * MIB,
     LARGE,
     {HEAD_LINE, STATUS_LINE("3", 204, "Range: 0-2697151\n" LOCATION("4")), PUT_LINE("4", 404),
      STATUS_LINE("4", 404, NULL), THERE_LINE}},
};

static void chunks_are_counted_by_both_sides(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(chunks); i++) {
        CLEANUP(registry_session_freep) struct registry_session *s = session(NULL, false);
        struct noted n = {0};
        CLEANUP(registry_call_freep)
        struct registry_call *c =
            put_large(s, &n, chunks[i].location, chunks[i].have, chunks[i].until);
        size_t count = 0;

        print_message("# %s\n", chunks[i].name);
        while (count < 12 && chunks[i].lines[count].want)
            count++;
        assert_int_equal(play(c, chunks[i].lines, count, NULL), 0);
        assert_true(n.times && n.over);
    }
}

static void a_registry_that_forgets_gets_it_whole(void **state)
{
    const struct line lines[] = {
        HEAD_LINE,
        POST_LINE(LOCATION("1")),
        PATCH_LINE("1", 0, NULL),
        STATUS_LINE("1", 404, NULL),
        POST_LINE(LOCATION("1")),
        PATCH_LINE("1", 0, NULL),
        STATUS_LINE("1", 404, NULL),
        POST_LINE(LOCATION("1")),
        PATCH_LINE("1", 0, NULL),
        STATUS_LINE("1", 404, NULL),
        POST_LINE(LOCATION("8")),
        PUT_LINE("8", 201),
    };
    CLEANUP(registry_session_freep) struct registry_session *s = session(NULL, false);
    struct noted n = {0};
    CLEANUP(registry_call_freep) struct registry_call *c = put_large(s, &n, NULL, 0, 0);

    (void)state;
    assert_int_equal(play(c, lines, ARRAY_SIZE(lines), NULL), 0);
}

static void an_answer_that_nobody_took_is_taken_later(void **state)
{
    static const struct {
        const char *headers, *location;
        int status;
        uint64_t have;
    } cases[] = {
        {"Location: /up/2\nRange: 0-199", "https://h/up/2", 202, 200},
        {"Location: /up/2\nRange: 0-149", "https://h/up/2", 202, 150},
        {"Location: /up/2\nRange: 0-0", "https://h/up/2", 202, 200},
        {"Location: /up/2\nRange: 0-200", "https://h/up/1", 202, 100},
        {"Location: /up/2\nRange: 0-9", "https://h/up/1", 202, 100},
        {"Location: file:///up/2\nRange: 0-199", "https://h/up/1", 202, 100},
        {"Location: /up/2", "https://h/up/1", 404, 100},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct registry_upload u = {xstrdup("https://h/up/1"), 100, 200, 0};
        const struct line l = {"", NULL, cases[i].status, cases[i].headers, "", 0};
        struct registry_answer a = answer_of(&l);

        print_message("# %s\n", cases[i].headers);
        registry_upload_take(&u, a.status, &a.headers);
        assert_string_equal(u.location, cases[i].location);
        assert_int_equal(u.have, cases[i].have);
        registry_answer_done(&a);
        registry_upload_done(&u);
    }
}

UNIT_MAIN(cmocka_unit_test(an_upload_follows_its_location),
          cmocka_unit_test(chunks_are_counted_by_both_sides),
          cmocka_unit_test(a_registry_that_forgets_gets_it_whole),
          cmocka_unit_test(an_answer_that_nobody_took_is_taken_later))
