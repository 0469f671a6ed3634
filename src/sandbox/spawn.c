#include "sandbox/spawn.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/internal.h"

/* ---- ports ---- */

/* For main's terminal, at once: a server's other notes would come when it has ended. */
static void tell(const struct launch *l, const char *key, const char *text)
{
    json_t *message = json_object();

    doc_set_text(message, key, text);
    job_progress(l->ctx, message);
}

/* What comes from other machines is pasta's where there is pasta: it keeps their addresses. */
static bool is_pastas(const struct launch *l, const struct port *p)
{
    return l->network == SPAWN_NETWORK_PRIVATE &&
           (p->udp || (!port_is_loopback(p) && port_outside(p) != 0));
}

static int check_port(const struct launch *l, const struct port *p, struct error *err)
{
    int r;

    if (!p->udp)
        return 0;
    if (l->network == SPAWN_NETWORK_NONE) {
        r = error_set(err, -EOPNOTSUPP, "UDP port %u cannot be published on network none",
                      p->inside);
        return error_hint(err, r, "UDP goes through pasta: --network private");
    }
    return port_outside(p) != 0
               ? 0
               : error_set(err, -EINVAL, "UDP port %u wants a port of the host: HOST:%u/udp",
                           p->inside, p->inside);
}

static int listen_to_ports(struct launch *l, struct error *err)
{
    int r;

    vec_each (port, &l->ports.list)
        if ((r = check_port(l, port, err)) < 0 ||
            (!is_pastas(l, port) && port->listener < 0 && (r = port_listen(port, err)) < 0))
            return r;
    return 0;
}

static int open_ports(struct launch *l, struct error *err)
{
    const struct strings *texts = &l->plan->ports;
    int r;

    if (texts->size > 0 && l->network == SPAWN_NETWORK_HOST)
        return error_set(err, -EINVAL, "the host's network has no ports to publish: all are there");
    for (size_t i = 0; i < texts->size; i++)
        if ((r = ports_parse(texts->at[i], &l->ports, err)) < 0)
            return r;
    return listen_to_ports(l, err);
}

static int publish(struct launch *l, struct error *err)
{
    vec_each (port, &l->ports.list) {
        char address[PORT_TEXT_MAX];
        cleanup_free char *text =
            xasprintf("%s is port %u of the container%s", port_format(port, address), port->inside,
                      port->udp ? " (UDP)" : "");

        tell(l, "note", text);
    }
    return forward_start(&l->ports, &l->box, &l->forwarder, err);
}

/* ---- the box ---- */

static int overlay_maps_ids(void) /* Linux 5.19 */
{
    struct utsname u;
    unsigned major = 0, minor = 0;

    return uname(&u) == 0 && sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
           (major > 5 || (major == 5 && minor >= 19));
}

/* A service that can be asked but cannot ask is more than none. */
static int go_without_pasta(struct launch *l, const char *why, struct error *err)
{
    vec_each (port, &l->ports.list)
        if (port->udp) {
            const int r = error_set(err, -ENETUNREACH, "UDP port %u cannot be published: %s",
                                    port->inside, why);

            return error_hint(err, r, "UDP goes through pasta (package passt, and /dev/net/tun)");
        }
    l->network = SPAWN_NETWORK_NONE;
    cleanup_free char *text = xasprintf(
        "the container answers on its ports but cannot reach anything: no private network (%s)",
        why);
    tell(l, "warning", text);
    return listen_to_ports(l, err);
}

static int make_box(struct launch *l, bool private_ids, struct spawn_result *result,
                    struct error *err)
{
    ERROR_AUTO(why);
    int r = box_make(l->ctx, l->network, &l->ports, private_ids, &l->box, &why);
    const bool no_pasta =
        l->network == SPAWN_NETWORK_PRIVATE && (r == -ENETUNREACH || r == -ENOENT);

    if (!no_pasta || (l->plan->network_required && l->ports.list.size == 0))
        return r == 0 ? 0 : error_move(err, &why);
    if (!l->plan->network_required) {
        l->network = SPAWN_NETWORK_HOST;
        if (l->ports.gateway)
            (void)snprintf(l->gateway, sizeof(l->gateway), "127.0.0.1");
        strings_take(&result->notes,
                     xasprintf("no private network, using the host's: %s%s%s", why.text,
                               why.hint ? "; " : "", why.hint ? why.hint : ""));
    } else if ((r = go_without_pasta(l, why.text, err)) < 0) {
        return r;
    }
    return box_make(l->ctx, l->network, &l->ports, private_ids, &l->box, err);
}

/* Before the box is made: which address is this machine's. What falls back to the host's network finds it there too. */
static int find_gateway(struct launch *l, struct error *err)
{
    for (size_t i = 0; i < l->plan->hosts.size; i++)
        if (asks_gateway(l->plan->hosts.at[i])) {
            l->ports.gateway = l->network == SPAWN_NETWORK_PRIVATE;
            (void)snprintf(l->gateway, sizeof(l->gateway), "127.0.0.1");
            return l->ports.gateway ? net_gateway(l->gateway, err) : 0;
        }
    return 0;
}

/* Where a box of this kind is kept between containers, or NULL. */
static struct box *box_slot(const struct launch *l)
{
    return l->plan->ports.size > 0 || l->ports.gateway ? NULL : &l->ctx->boxes[l->network];
}

static void keep_box(struct launch *l)
{
    struct box *slot = box_slot(l);

    if (slot && slot->life_fd < 0 && box_is_clean(&l->box)) {
        *slot = l->box;
        l->box = BOX_INIT;
    }
}

static void close_directory(const struct launch *l, int fd)
{
    for (size_t i = 0; i < l->attach_count; i++)
        if (l->attach[i] == fd)
            return; /* a mount of its own, closed with the others */
    if (fd >= 0)
        (void)close(fd);
}

static void layers_done(const struct launch *l, struct layers *layers)
{
    for (size_t i = 0; i < layers->count; i++)
        close_directory(l, layers->lowers[i]);
    close_directory(l, layers->upper);
    close_directory(l, layers->work);
    free(layers->lowers);
}

static void launch_done(struct launch *l)
{
    layers_done(l, &l->root);
    for (size_t i = 0; l->views && i < l->plan->mount_count; i++)
        layers_done(l, &l->views[i]);
    for (size_t i = 0; i < l->attach_count; i++)
        (void)close(l->attach[i]);
    for (size_t i = 0; l->sources && i < l->plan->mount_count; i++)
        if (l->sources[i] >= 0)
            (void)close(l->sources[i]);
    const int rest[] = {l->root_mount, l->sync, l->pidfd};
    for (size_t i = 0; i < ARRAY_SIZE(rest); i++)
        if (rest[i] >= 0)
            (void)close(rest[i]);
    free(l->views);
    free(l->sources);
    forward_stop(&l->forwarder);
    ports_done(&l->ports);
    box_done(&l->box);
}

static void launch_init(struct launch *l, const struct job_context *ctx, const struct spawn_plan *p)
{
    *l = (struct launch){.ctx = ctx,
                         .plan = p,
                         .network = p->network,
                         .box = BOX_INIT,
                         .forwarder = FORWARDER_INIT,
                         .root_mount = -1,
                         .root = {.upper = -1, .work = -1},
                         .sync = -1,
                         .pid = -1,
                         .pidfd = -1,
                         .root_fd = -1,
                         .scratch_fd = -1};
}

static int prepare(struct launch *l, bool private_ids, struct spawn_result *result,
                   struct error *err)
{
    int r = find_gateway(l, err);

    struct box *slot = box_slot(l);
    if (r < 0 || (r = open_ports(l, err)) < 0)
        return r;
    if (slot && slot->life_fd >= 0) {
        l->box = *slot;
        *slot = BOX_INIT;
    } else if ((r = make_box(l, private_ids, result, err)) < 0) {
        return r;
    }
    r = detach_root(l, err);
    return r < 0 ? r : detach_sources(l, err);
}

/* ---- the start ---- */

/* Programs open /dev/stdout again; a pipe is its maker's alone, and only its holders can name
 * it. */
static void open_up_pipes(const struct spawn_plan *p)
{
    for (int i = 0; i < 3; i++) {
        struct stat st;

        if (p->stdio_fds[i] >= 0 && fstat(p->stdio_fds[i], &st) == 0 && S_ISFIFO(st.st_mode))
            (void)fchmod(p->stdio_fds[i], 0666);
    }
}

static int run_once(const struct job_context *ctx, const struct spawn_plan *p, bool private_ids,
                    struct spawn_result *result, struct error *err)
{
    struct launch l;

    launch_init(&l, ctx, p);
    int r = prepare(&l, private_ids, result, err);
    if (r == 0)
        r = publish(&l, err);
    if (r == 0) {
        open_up_pipes(p);
        r = watch_child(&l, result, err);
    }
    if (r == 0)
        keep_box(&l);
    launch_done(&l);
    return r;
}

int spawn_run(const struct job_context *ctx, const struct spawn_plan *p, struct spawn_result *ret,
              struct error *err)
{
    struct spawn_result result = {0};
    const bool private_ids =
        ctx->ids.kind == IDENTITY_ROOT && overlay_maps_ids() && box_has_private_ids();
    int r = run_once(ctx, p, private_ids, &result, err);

    if (r == -EXDEV && private_ids && (!err || err->code == 0)) {
        strings_add(&result.notes, "this file system cannot map ids: root of the container has the "
                                   "id of root outside, in a user namespace of its own");
        r = run_once(ctx, p, false, &result, err);
    }
    if (r < 0)
        spawn_result_done(&result);
    else
        *ret = result;
    return r;
}
