#include <sys/mman.h>
#include <unistd.h>

#include "net/sink.h"
#include "unit.h"

#define COUNT 9 /* one more than go side by side */
#define FRONT 1000
#define SIZE_MAX_OF_TEST (3u * SINK_WINDOW)

static char body[SIZE_MAX_OF_TEST + COUNT];

struct body {
    struct sink sink;
    int fd;
    size_t begin, size, came; /* begin: of what was there before */
};

static void make_body(void)
{
    uint32_t x = 7;

    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (char)((x = x * 1664525 + 1013904223) >> 24);
}

static void bring(struct body *b, size_t i, size_t size)
{
    const size_t n = MIN(size, b->size - b->came);

    assert_int_equal(sink_add(&b->sink, view_make(body + i + b->came, n), NULL), 0);
    b->came += n;
}

static void check(struct body *b, size_t i)
{
    uint8_t got[SHA256_SIZE], want[SHA256_SIZE];

    assert_int_equal(b->sink.at, b->size);
    assert_int_equal(sink_digest(&b->sink, got, NULL), 0);
    hash_of(view_make(body + i, b->size), want);
    assert_memory_equal(got, want, SHA256_SIZE);
    sink_close(&b->sink);
    close(b->fd);
}

static void open_body(struct body *b, struct sinks *all, size_t i, size_t size)
{
    *b = (struct body){.fd = memfd_create("sink", MFD_CLOEXEC), .size = size};
    if (i % 3 == 1) { /* goes on with what another process left */
        b->begin = b->came = FRONT;
        assert_int_equal(write(b->fd, body + i, FRONT), FRONT);
    }
    sink_expect(&b->sink, all);
    assert_int_equal(sink_open(&b->sink, all, b->fd, -1, b->begin, true, NULL), 0);
}

/* However many there are, and in whatever turns they come. */
static void digests_that_lag_are_the_same(void **state)
{
    static const size_t counts[] = {1, HASH_LANES_MIN, COUNT};
    static const size_t sizes[] = {FRONT, SINK_WINDOW, SIZE_MAX_OF_TEST, 2 * SINK_PIECE + 77};

    (void)state;
    make_body();
    for (size_t c = 0; c < ARRAY_SIZE(counts); c++) {
        const size_t count = counts[c];
        struct sinks all = {0};
        struct body bodies[COUNT];

        for (size_t i = 0; i < count; i++)
            open_body(&bodies[i], &all, i, sizes[(i + c) % ARRAY_SIZE(sizes)]);
        for (size_t turn = 0; turn < 64; turn++) {
            bring(&bodies[turn % count], turn % count, 12345 * (turn % 7 + 1));
            if (sinks_are_due(&all, 0))
                sinks_hash(&all);
        }
        for (size_t i = 0; i < count; i++) {
            bring(&bodies[i], i, SIZE_MAX);
            assert_int_equal(sink_flush(&bodies[i].sink, NULL), 0);
        }
        if (count >= HASH_LANES_MIN && hash_has_lanes())
            assert_true(all.lag > 0);
        else
            assert_int_equal(all.lag, 0);
        for (size_t i = 0; i < count; i++) {
            if (i % 2)
                sinks_hash(&all);
            check(&bodies[i], i);
        }
        assert_int_equal(all.lag, 0);
        assert_int_equal(all.expected.size, 0);
        sinks_done(&all);
    }
}

/* Eight that never stop do not keep the ninth from its digest. */
static void each_has_its_turn(void **state)
{
    struct sinks all = {0};
    struct body bodies[COUNT];

    (void)state;
    make_body();
    for (size_t i = 0; i < COUNT; i++)
        open_body(&bodies[i], &all, i, SIZE_MAX_OF_TEST);
    for (size_t i = 0; i < COUNT; i++) {
        bring(&bodies[i], i, SIZE_MAX);
        assert_int_equal(sink_flush(&bodies[i].sink, NULL), 0);
    }
    for (size_t turn = 0; turn < 2; turn++)
        sinks_hash(&all);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(bodies[i].sink.hashed >= SINK_WINDOW);
        check(&bodies[i], i);
    }
    sinks_done(&all);
}

/* Others that come slowly, and never stop, do not hold back one that is all there. */
static void one_that_ended_waits_for_nobody_for_long(void **state)
{
    struct sinks all = {0};
    struct body bodies[HASH_LANES_MIN], *fast = &bodies[1];

    (void)state;
    make_body();
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
        open_body(&bodies[i], &all, i, SIZE_MAX_OF_TEST);
    bring(fast, 1, SIZE_MAX);
    for (int done = 0; hash_has_lanes() && !done; done = sink_is_hashed(&fast->sink)) {
        for (size_t i = 2; i < ARRAY_SIZE(bodies); i++)
            bring(&bodies[i], i, SINK_PIECE / 2);
        assert_false(sinks_are_due(&all, 0));
        assert_int_equal(sinks_are_due(&all, SINK_PATIENCE_MS), fast->sink.ended);
        assert_int_equal(sink_end(&fast->sink, NULL), 0);
        assert_true(sinks_are_due(&all, SINK_PATIENCE_MS));
        sinks_hash(&all);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        bring(&bodies[i], i, SIZE_MAX);
        assert_int_equal(sink_end(&bodies[i].sink, NULL), 0);
        check(&bodies[i], i);
    }
    sinks_done(&all);
}

/* One that went away takes nothing from the others, and one whose file cannot be read says so. */
static void a_file_that_is_gone_is_an_error_of_its_own(void **state)
{
    struct sinks all = {0};
    struct body bodies[HASH_LANES_MIN], *last = &bodies[HASH_LANES_MIN - 1];
    uint8_t got[SHA256_SIZE];
    ERROR_AUTO(err);

    (void)state;
    make_body();
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        open_body(&bodies[i], &all, i, SINK_PIECE);
        bring(&bodies[i], i, SIZE_MAX);
        assert_int_equal(sink_flush(&bodies[i].sink, NULL), 0);
    }
    if (hash_has_lanes()) { /* the last one lags */
        assert_int_equal(ftruncate(last->fd, 0), 0);
        assert_int_equal(sink_digest(&last->sink, got, &err), -EPROTO);
        assert_non_null(strstr(err.text, "read what was fetched"));
    }
    sink_close(&last->sink);
    sink_close(&last->sink);
    close(last->fd);
    for (size_t i = 0; i < HASH_LANES_MIN - 1; i++)
        check(&bodies[i], i);
    sinks_done(&all);
}

UNIT_MAIN(cmocka_unit_test(digests_that_lag_are_the_same), cmocka_unit_test(each_has_its_turn),
          cmocka_unit_test(one_that_ended_waits_for_nobody_for_long),
          cmocka_unit_test(a_file_that_is_gone_is_an_error_of_its_own))
