#include "image/site.h"

#include <errno.h>

void site_close(struct site *s)
{
    if (!s)
        return;
    free(s->name);
    free(s->repository);
    s->kind->close(s);
}

int site_open(struct wire *w, const char *text, bool write, struct site **ret, struct error *err)
{
    PLACE_AUTO(place);
    int r = place_parse(text, &place, err);

    if (r < 0)
        return r;
    if (place.kind == PLACE_REGISTRY)
        r = site_open_registry(w, &place.reference, write, ret, err);
    else if (place.kind == PLACE_OCI)
        r = site_open_layout(&place, ret, err);
    else
        r = error_hint(err,
                       error_set(err, -ENOTSUP, "nothing can lie beside an image in an archive"),
                       "a registry or a layout directory (oci:DIR) has room for signatures");
    if (r == 0 && !(*ret)->name)
        (*ret)->name = xstrdup(text);
    return r;
}
