/* tests/fuzz/fuzz_audit.c - any bytes as the archives of an image's layers, looked into, and judged. The first 16 bits say
 * where the lower layer ends. */
#include <assert.h>

#include "audit/image.h"
#include "lint/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char config_text[] = "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{"
                                  "\"User\":\"app\",\"Entrypoint\":[\"tini\",\"--\","
                                  "\"e.sh\"],\"Cmd\":[\"x\"],\"WorkingDir\":\"/w\",\"Volumes\":{\"/"
                                  "d\":{}},\"Env\":[\"PATH=/:/bin:/l\"]},"
                                  "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}";

static int add(struct audit_layers *l, struct view bytes)
{
    CLEANUP(codec_closep) struct codec_reader *in = codec_open_bytes(bytes, 0, NULL);

    return audit_layers_add(l, in, NULL);
}

static void judge(const struct image_facts *facts)
{
    const struct lint_options options = {.audit = true};
    CLEANUP(linter_freep) struct linter *l = linter_new(&options);
    CLEANUP(lint_report_done) struct lint_report report = {0};

    lint_audit(l, &(struct lint_facts){.image = facts}, 1, &report);
    vec_each (f, &report)
        assert(f->place && f->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUDIT_LAYERS_AUTO(layers);
    CONFIG_AUTO(config);
    CLEANUP(arena_freep) struct arena *arena = arena_new();
    struct image_facts facts = {.name = "app", .now_s = 1750000000, .base_layers = 1};
    struct strings command = {0};

    if (size < 2)
        return 0;
    const size_t end = MIN((size_t)(data[0] | data[1] << 8), size - 2);
    if (config_parse(VIEW(config_text), &config, NULL) < 0)
        abort();
    config_command(&config, &command);
    picks_name_programs(&layers.picks, &command);
    vec_done(&command);
    const bool lower = add(&layers, view_make(data + 2, end)) == 0;
    const bool upper = add(&layers, view_make(data + 2 + end, size - 2 - end)) == 0;
    if (!lower && !upper)
        return 0;
    const int r = audit_gather(&layers, &config, arena, &facts, NULL);
    assert(r == 0);
    judge(&facts);
    return 0;
}
