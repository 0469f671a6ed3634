/* pasta, and what a container reads about names. */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "sandbox/internal.h"

#define RESOLV_SIZE_MAX (64u << 10)
#define PASTA_WORDS_MAX 4096 /* of its error output */

const char NET_DNS_FORWARD[] = "169.254.0.53";

static bool is_loopback(struct view address)
{
    return view_starts(address, "127.") || view_eq_text(address, "::1");
}

/* The address of a "nameserver" line; false for other lines. */
static bool nameserver_of(struct view line, struct view *ret)
{
    line = view_trim(line);
    if (!view_starts(line, "nameserver") || line.size < 11 || !strchr(" \t", line.at[10]))
        return false;
    *ret = view_trim((struct view){line.at + 10, line.size - 10});
    return true;
}

/* Any nameserver that a container of its own network can reach. */
static bool has_reachable(struct view text)
{
    struct view line, address;

    while (view_cut(&text, '\n', &line))
        if (nameserver_of(line, &address) && !is_loopback(address))
            return true;
    return false;
}

static bool read_host_file(const char *path, struct str *ret)
{
    str_clear(ret);
    return fd_read_file(AT_FDCWD, path, RESOLV_SIZE_MAX, ret, NULL) == 0;
}

/* The host's resolv.conf, or what systemd-resolved itself asks. False: only loopback resolvers. */
static bool host_resolvers(struct str *ret)
{
    if (read_host_file("/etc/resolv.conf", ret) && has_reachable(str_view(ret)))
        return true;
    if (read_host_file("/run/systemd/resolve/resolv.conf", ret) && has_reachable(str_view(ret)))
        return true;
    (void)read_host_file("/etc/resolv.conf", ret);
    return false;
}

bool net_needs_dns_forward(void)
{
    STR_AUTO(text);

    return !host_resolvers(&text);
}

void net_resolv_conf(enum spawn_network network, struct str *ret)
{
    STR_AUTO(host);
    struct view rest, line, address;

    if (network == SPAWN_NETWORK_NONE)
        return;
    if (network == SPAWN_NETWORK_HOST) {
        (void)read_host_file("/etc/resolv.conf", ret);
        return;
    }
    const bool reachable = host_resolvers(&host);
    rest = str_view(&host);
    while (view_cut(&rest, '\n', &line))
        if (line.size > 0 && !(nameserver_of(line, &address) && is_loopback(address)))
            str_printf(ret, "%.*s\n", VIEW_ARG(line));
    if (!reachable)
        str_printf(ret, "nameserver %s\n", NET_DNS_FORWARD);
}

/* "eth0 00000000 010200C0 ...": interface, destination, gateway, as the kernel keeps the four bytes. */
static bool default_route(struct view line, char ret[static 16])
{
    struct view word[3] = {0};
    uint32_t number = 0;

    for (size_t i = 0; i < ARRAY_SIZE(word); i++)
        if (!view_cut(&line, '\t', &word[i]))
            return false;
    word[1] = view_trim(word[1]);
    word[2] = view_trim(word[2]);
    if (!view_eq_text(word[1], "00000000") || word[2].size != 8 ||
        view_eq_text(word[2], "00000000"))
        return false;
    cleanup_free char *hex = view_dup(word[2]);
    number = (uint32_t)strtoul(hex, NULL, 16);
    return inet_ntop(AF_INET, &number, ret, 16) != NULL;
}

int net_gateway(char ret[static 16], struct error *err)
{
    STR_AUTO(text);

    if (fd_read_file(AT_FDCWD, "/proc/net/route", RESOLV_SIZE_MAX, &text, NULL) == 0)
        for (struct view rest = str_view(&text), line; view_cut(&rest, '\n', &line);)
            if (default_route(line, ret))
                return 0;
    (void)error_set(err, -ENETUNREACH, "host-gateway: this machine has no default route");
    return error_hint(err, -ENETUNREACH, "on its own network it is 127.0.0.1: --network host");
}

/* Those that are not ours to listen on. pasta keeps the clients' addresses, which we cannot. */
static void add_ports(struct strings *argv, const struct ports *ports)
{
    bool tcp = false, udp = false;

    vec_each (port, &ports->list) {
        char address[PORT_TEXT_MAX];

        if (port->listener >= 0)
            continue;
        strings_add(argv, port->udp ? "-u" : "-t");
        strings_take(argv, xasprintf("%s/%u:%u", port_address(port, address), port_outside(port),
                                     port->inside));
        *(port->udp ? &udp : &tcp) = true;
    }
    /* its default forwards every port that the container opens */
    if (!tcp)
        strings_add(argv, "-t"), strings_add(argv, "none");
    if (!udp)
        strings_add(argv, "-u"), strings_add(argv, "none");
}

/* Descriptors that it is given: 3 the network, 4 the file for its process id, 5 the users. */
static void add_target(struct strings *argv, const struct job_context *ctx, const struct box *b)
{
    /* As root, pasta would become nobody, who may not enter the namespace. */
    if (ctx->ids.kind == IDENTITY_ROOT) {
        strings_add(argv, "--runas");
        strings_add(argv, "0:0");
    }
    strings_add(argv, "--pid");
    strings_add(argv, "/proc/self/fd/4");
    if (b->user_fd >= 0) {
        strings_add(argv, "--userns");
        strings_add(argv, "/proc/self/fd/5");
    }
    strings_add(argv, "--netns");
    strings_add(argv, "/proc/self/fd/3");
}

/* The last line that it said, without its complaints about syslog. */
static int explain(int words_fd, int status, struct error *err)
{
    char text[PASTA_WORDS_MAX];
    const ssize_t n = pread(words_fd, text, sizeof(text), 0);
    struct view rest = {text, n > 0 ? (size_t)n : 0}, line, last = {0};

    while (view_cut(&rest, '\n', &line))
        if (view_trim(line).size > 0 && !view_starts(line, "Failed to send "))
            last = view_trim(line);
    const int r =
        last.size > 0
            ? error_set(err, -ENETUNREACH, "pasta: %.*s", (int)MIN(last.size, 200u), last.at)
            : error_set(err, -ENETUNREACH, "pasta ended with status %d", status);
    if (access("/dev/net/tun", R_OK | W_OK) < 0)
        return error_hint(err, r,
                          errno == EACCES
                              ? "/dev/net/tun is closed to this user: as root, `chmod 0666 "
                                "/dev/net/tun`; or choose --network none or host"
                              : "there is no /dev/net/tun: as root, `modprobe tun`; or choose "
                                "--network none or host");
    return error_hint(err, r, "choose --network none or host");
}

static int run_pasta(struct strings *argv, const struct box *b, int pid_file, struct error *err)
{
    const int keep[] = {b->net_fd, pid_file, b->user_fd};
    struct proc_options o = PROC_OPTIONS_INIT;
    struct process process;
    cleanup_close int words = fd_of_bytes("pasta", VIEW(""), err);
    int r;

    if (words < 0)
        return words;
    o.out = o.err = words;
    o.keep = keep;
    o.keep_count = b->user_fd >= 0 ? 3 : 2;
    r = proc_spawn((const char *const *)strings_argv(argv), &o, &process, err);
    if (r == -ENOENT) {
        error_done(err);
        r = error_set(err, -ENOENT, "pasta is not installed");
    }
    if (r < 0)
        return error_hint(err, r, "install the package passt, or choose --network none or host");
    const int status = proc_wait(&process); /* it goes on in the background when it is ready */
    return status == 0 ? 0 : explain(words, status, err);
}

/* The anchor ends it with the box. */
static int hand_to_anchor(int pid_file, const struct box *b, struct error *err)
{
    char text[16] = "";
    const ssize_t n = pread(pid_file, text, sizeof(text) - 1, 0);
    const pid_t pid = n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;

    if (pid <= 0)
        return error_set(err, -ENETUNREACH, "pasta did not say its process id");
    if (write(b->life_fd, &pid, sizeof(pid)) != sizeof(pid))
        return error_sys(err, "watch over pasta");
    return 0;
}

int pasta_start(const struct job_context *ctx, const struct ports *ports, const struct box *b,
                struct error *err)
{
    struct strings argv = {0};
    static const char *const always[] = {"pasta", "-q", "--config-net",
                                         /* nothing of the host's loopback is reachable inside */
                                         "-T", "none", "-U", "none"};

    cleanup_close int pid_file = fd_of_bytes("pasta", VIEW(""), err);
    if (pid_file < 0)
        return pid_file;
    for (size_t i = 0; i < ARRAY_SIZE(always); i++)
        strings_add(&argv, always[i]);
    if (!ports->gateway)
        strings_add(&argv, "--no-map-gw");
    if (net_needs_dns_forward()) {
        strings_add(&argv, "--dns-forward");
        strings_add(&argv, NET_DNS_FORWARD);
    }
    add_ports(&argv, ports);
    add_target(&argv, ctx, b);
    int r = run_pasta(&argv, b, pid_file, err);
    if (r == 0)
        r = hand_to_anchor(pid_file, b, err);
    strings_done(&argv);
    return r;
}
