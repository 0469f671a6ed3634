#include "build/internal.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/map.h"
#include "build/emulator.h"

struct machine {
    const char *architecture;
    uint16_t number;
    bool is_32_bit, is_big_endian;
};

static const struct machine machines[] = {
    {"amd64", EM_X86_64, false, false},  {"arm64", EM_AARCH64, false, false},
    {"arm", EM_ARM, true, false},        {"386", EM_386, true, false},
    {"riscv64", EM_RISCV, false, false}, {"ppc64le", EM_PPC64, false, false},
    {"s390x", EM_S390, false, true},     {"mips64le", EM_MIPS, false, false},
    {"mips64", EM_MIPS, false, true},    {"loong64", 258, false, false},
};

static const struct machine *machine_of(const struct platform *p)
{
    for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
        if (strcmp(p->architecture, machines[i].architecture) == 0)
            return &machines[i];
    return NULL;
}

static void put_16(unsigned char *at, uint16_t n, bool big)
{
    at[big ? 1 : 0] = (unsigned char)n;
    at[big ? 0 : 1] = (unsigned char)(n >> 8);
}

/* As much of a static program as binfmt_misc looks at; there is nothing to run in it. */
static void make_header(const struct machine *m, unsigned char ret[static sizeof(Elf64_Ehdr)])
{
    memset(ret, 0, sizeof(Elf64_Ehdr));
    memcpy(ret, ELFMAG, SELFMAG);
    ret[EI_CLASS] = m->is_32_bit ? ELFCLASS32 : ELFCLASS64;
    ret[EI_DATA] = m->is_big_endian ? ELFDATA2MSB : ELFDATA2LSB;
    ret[EI_VERSION] = EV_CURRENT;
    put_16(ret + 16, ET_EXEC, m->is_big_endian);
    put_16(ret + 18, m->number, m->is_big_endian);
}

_Noreturn static void be_program(int fd)
{
    char name[] = "probe", *const argv[] = {name, NULL}, *const none[] = {NULL};
    const int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int i = 0; i < 3; i++)
        (void)dup2(null_fd, i);
    (void)syscall(SYS_execveat, fd, "", argv, none, AT_EMPTY_PATH);
    _exit(errno == ENOEXEC ? 1 : 0);
}

bool emulator_is_missing(const struct platform *p)
{
    const struct machine *m = machine_of(p);
    unsigned char header[sizeof(Elf64_Ehdr)];
    cleanup_close int fd = m ? memfd_create("probe", MFD_CLOEXEC) : -1;
    int status = 0;

    if (fd < 0)
        return false; /* nobody knows: then it is tried */
    make_header(m, header);
    if (fd_write_all(fd, view_make(header, sizeof(header)), NULL) < 0)
        return false;
    const pid_t pid = fork();
    if (pid == 0)
        be_program(fd);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

/* Not an error: images are known that say otherwise than their programs are. */
static void warn(struct build *b, const struct op *op)
{
    const struct platform host = platform_host();
    char text[PLATFORM_TEXT_MAX];

    env_warn(
        b->env,
        "%s: stage %s is for %s, for which no emulator is registered with binfmt_misc: its RUN "
        "can start no programs but those of %s",
        op->where ? op->where : "RUN", op->stage, op->u.exec.foreign, platform_format(&host, text));
}

void emulators_check(struct build *b)
{
    struct map seen = {0};

    for (size_t i = 0; i < b->graph->ops.size; i++) {
        const struct op *op = b->graph->ops.at[i];
        struct platform p;

        if (op->kind != OP_EXEC || !op->u.exec.foreign || !solver_waits_for(b->solver, op) ||
            map_has(&seen, view_of(op->u.exec.foreign)) ||
            platform_parse(op->u.exec.foreign, &p, NULL) < 0)
            continue;
        map_set(&seen, view_of(op->u.exec.foreign), b);
        if (emulator_is_missing(&p))
            warn(b, op);
    }
    map_done(&seen);
}
