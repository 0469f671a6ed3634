/* audit_image.c - images of the store, and of layouts and archives where they are. */
#include "audit/image.h"
#include "cli/audit.h"

int audit_image(struct audit_work *w, const char *name, struct error *err)
{
    IMAGE_TOOLS_AUTO(tools);
    CLEANUP(audit_image_freep) struct audit_image *image = NULL;
    int r = image_tools_open_store(w->env, &tools, err);

    if (r == 0)
        r = audit_image_open(&tools, name, NULL, &image, err);
    if (r < 0)
        return r;
    const struct lint_facts facts = {.image = audit_image_facts(image)};
    audit_judge(w, name, VIEW(""), &facts, 1);
    return 0;
}
