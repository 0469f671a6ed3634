/* runconfig_image.c - what an image brings into the way it is run. */
#include "audit/runconfig.h"
#include "oci/config.h"

void runconfig_join(struct run_list *l, struct run_facts *f, const struct image_config *image)
{
    const struct healthcheck *h = &image->healthcheck;
    const char **exposed = arena_alloc(l->arena, (image->ports.size + 1) * sizeof(*exposed));
    struct strings command = {0};

    for (size_t i = 0; i < image->ports.size; i++)
        exposed[i] = arena_strdup(l->arena, image->ports.at[i]);
    f->about_image = (struct run_image){
        .known = true,
        .user = arena_strdup(l->arena, image->user ? image->user : ""),
        .health = h->set && h->test.size > 0 && strcmp(h->test.at[0], "NONE") != 0,
        .exposed = exposed,
    };
    if (f->command.size > 0)
        return;
    config_command(image, &command);
    vec_each (word, &command)
        vec_push(&f->command, (struct run_text){RUN_YES, arena_strdup(l->arena, *word), f->at});
    vec_done(&command);
}
