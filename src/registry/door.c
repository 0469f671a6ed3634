/* Whether a registry is there, and lets us in. */
#include <errno.h>

#include "registry/internal.h"

static int take_door(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    if (call_ok(a))
        return 1;
    if (a->failure != REGISTRY_ANSWERED || a->status == 401 || a->status == 403)
        return problem_set(c->s, "login", a, err);
    (void)error_set(err, -EPROTO, "%s answers with %d to what every registry knows", c->s->host,
                    a->status);
    return error_hint(err, -EPROTO, "is there a registry at https://%s/v2/ ?", c->s->api_host);
}

static const struct call_row row_door = {"the door", take_door};

struct registry_call *registry_door(struct registry_session *s)
{
    struct registry_call *c = call_new(&row_door, s, NULL);

    exchange_init(&c->x, s, "GET", xstrdup("/v2/"));
    return c;
}
