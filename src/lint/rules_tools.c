/* rules_tools.c - programs that do not belong into the image that ships. */
#include "lint/image.h"
#include "lint/run.h"

static bool is_attack_tool(struct view name)
{
    return lint_in_list(name, "netcat netcat-openbsd netcat-traditional nc ncat nmap nmap-ncat "
                              "telnet inetutils-telnet telnet-server tcpdump gdb strace ltrace "
                              "openssh-server sshd dropbear ftp lftp tnftp vsftpd proftpd socat "
                              "tshark wireshark hping3 busybox-extras rsh-client rsh-server") ||
           view_starts(name, "telnetd");
}

static bool is_build_tool(struct view name)
{
    return lint_in_list(name, "gcc g++ make cmake clang llvm build-essential build-base autoconf "
                              "automake libtool bison flex gcc-c++ rustc cargo golang golang-go "
                              "go gdb-headless default-jdk default-jdk-headless maven gradle "
                              "ninja-build meson gfortran musl-dev linux-headers kernel-devel") ||
           view_ends(name, "-dev") || view_ends(name, "-devel") || view_ends(name, "-jdk") ||
           view_ends(name, "-jdk-headless");
}

/* Behind the last call that takes packages away again: what stands before it is not meant to stay. */
static size_t behind_removal(const struct lint_run *run)
{
    for (size_t i = run->call_count; i-- > 0;)
        if (call_is(&run->calls[i], "apt-get apt aptitude apk yum dnf microdnf zypper") &&
            call_has(&run->calls[i], "purge remove autoremove del erase rm"))
            return i;
    return 0;
}

static void check_packages(struct lint *l, const struct lint_run *run, bool (*is)(struct view),
                           const char *text)
{
    for (size_t i = behind_removal(run); i < run->call_count; i++) {
        const struct lint_call *c = &run->calls[i];
        const struct lint_arg *a;
        struct view name;
        size_t at = 0;

        while ((a = call_package(c, &at, &name)))
            if (is(name)) {
                lint_add(l, lint_arg_span(l, run, c, a), "'%.*s' ships with the image%s",
                         LINT_CUT(name), text);
                return;
            }
    }
}

static void check_attack_tool(struct lint *l, const struct lint_run *run)
{
    if ((run->stage->final || run->stage->extended) && !run->trigger)
        check_packages(l, run, is_attack_tool, ": a tool for whoever breaks in");
}

static void check_build_tool(struct lint *l, const struct lint_run *run)
{
    if (run->stage->final && !run->trigger)
        check_packages(l, run, is_build_tool,
                       ", which only its build needs: build in a stage of its own");
}

static bool is_builder_image(struct view image)
{
    struct view name = lint_base_name(image), tag = name;

    (void)view_cut(&tag, ':', &name);
    return lint_in_list(name, "golang maven gradle rust gcc sdk buildpack-deps haskell swift "
                              "dart elixir-build openjdk-sdk");
}

/* A stage that ships, begins with an image of compilers, and compiles. */
static void check_builder_image(struct lint *l, const struct lint_stage *s)
{
    if (!s->final || !s->from || !is_builder_image(s->image))
        return;
    for (size_t i = 0; i < s->count; i++) {
        const struct lint_run *run =
            s->at[i].kind == INSTRUCTION_RUN ? lint_run_get(l, s, &s->at[i]) : NULL;

        for (size_t j = 0; run && j < run->call_count; j++)
            if (call_is(&run->calls[j], "go cargo mvn gradle make dotnet gcc g++ ghc swift")) {
                lint_add(l, s->from->words[0].span,
                         "'%.*s' with its compilers ships: COPY --from= what it builds into a "
                         "small image",
                         LINT_CUT(s->image));
                return;
            }
    }
}

static const struct lint_row rows[] = {
    {
        .id = "CP354",
        .name = "unneeded-tool",
        .aliases = {NULL, "DB-4.3"},
        .title = "a tool of attackers ships with the image",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "Network and debugging tools are what somebody who broke in would have to bring "
               "along. A running container can be looked at from outside.",
        .fix = "Leave it out; debug with an image of its own in the container's namespaces.",
        .bad = "FROM alpine:3.20.1\nRUN apk add --no-cache nmap=7.95-r0\n",
        .good = "FROM alpine:3.20.1\nRUN apk add --no-cache ca-certificates=20240705-r0\n"
                "USER 1001\n",
        .run = check_attack_tool,
        .image = lint_image_tools,
    },
    {
        .id = "CP355",
        .name = "build-tools-in-final",
        .aliases = {NULL, "DB-4.3"},
        .title = "compilers and headers ship with the image",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "They are often most of its bytes and most of its known holes, and nothing of them "
               "runs.",
        .fix = "Compile in a stage of its own and COPY --from= what it made; or remove them in the "
               "same RUN (apk del).",
        .bad = "FROM alpine:3.20.1\nRUN apk add --no-cache build-base=0.5-r3\n",
        .good = "FROM golang:1.22.3 AS b\nRUN go build -o /app .\nFROM scratch\nCOPY --from=b /app "
                "/app\nUSER 1001\nCMD [\"/app\"]\n",
        .run = check_build_tool,
        .stage = check_builder_image,
        .image = lint_image_build_tools,
    },
};

const struct lint_table lint_tools = {rows, ARRAY_SIZE(rows)};
