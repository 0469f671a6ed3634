/* audit_image.c - images of the store, and of layouts, archives and registries where they are. */
#include "audit/image.h"
#include "cli/audit.h"
#include "image/place.h"

int audit_image(struct audit_work *w, const char *name, struct error *err)
{
    CLEANUP(wire_access_done) struct wire_access access = {0};
    IMAGE_TOOLS_AUTO(tools);
    CLEANUP(audit_image_freep) struct audit_image *image = NULL;
    const char *platform_text = w->o->platform;
    struct platform platform;
    int r = platform_text ? platform_parse(platform_text, &platform, err) : 0;

    if (r == 0)
        r = access_read(&w->o->access, &access, err);
    if (r == 0)
        r = image_tools_open_store(w->env, &tools, err);
    tools.access = &access;
    if (r == 0)
        r = audit_image_open(&tools, name, platform_text ? &platform : NULL, &image, err);
    if (r < 0)
        return r;
    const struct lint_facts facts = {.image = audit_image_facts(image)};
    audit_judge(w, name, VIEW(""), &facts, 1);
    return 0;
}
