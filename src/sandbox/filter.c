#include "sandbox/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static const struct sock_filter default_filter[] = {
#include "filter_table.h"
};

static int install(const struct sock_filter *code, size_t size, unsigned flags, struct error *err)
{
    const struct sock_fprog program = {(unsigned short)size, (struct sock_filter *)(uintptr_t)code};
    const long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);

    return r < 0 ? error_sys(err, "install seccomp filter") : (int)r;
}

int filter_install(struct error *err)
{
    return install(default_filter, ARRAY_SIZE(default_filter), 0, err);
}

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define NATIVE_ARCH AUDIT_ARCH_S390X
#endif

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LOW_HALF sizeof(uint32_t)
#else
#define LOW_HALF 0
#endif

static struct sock_filter load(size_t offset)
{
    return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
}

static struct sock_filter jump(uint16_t test, uint32_t value, size_t if_true, size_t if_false)
{
    return (struct sock_filter)BPF_JUMP(BPF_JMP | test | BPF_K, value, (uint8_t)if_true,
                                        (uint8_t)if_false);
}

/* Code is written from its end: distances are then known. The last two are the answers. */
struct code {
    struct sock_filter at[4 * SUPERVISED_MAX + 8];
    size_t first;
};

static void put(struct code *c, struct sock_filter f)
{
    c->at[--c->first] = f;
}

/* From the next instruction that is put. */
static size_t to_notify(const struct code *c)
{
    return ARRAY_SIZE(c->at) - 1 - c->first;
}

static void put_call(struct code *c, struct supervised_call call)
{
    if (call.test == SUPERVISED_ALWAYS) {
        put(c, jump(BPF_JEQ, call.number, to_notify(c), 0));
        return;
    }
    put(c, jump(call.test == SUPERVISED_BITS ? BPF_JSET : BPF_JEQ, call.value, to_notify(c),
                to_notify(c) - 1));
    put(c, load(offsetof(struct seccomp_data, args) + sizeof(uint64_t) * call.arg + LOW_HALF));
    put(c, jump(BPF_JEQ, call.number, 0, 2));
}

/* Programs of another architecture (i386 on x86-64) have other numbers: theirs go unseen. */
int filter_install_listener(enum supervise_kind kind, struct error *err)
{
    struct code c = {.first = ARRAY_SIZE(c.at)};
    unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;

    put(&c, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
    put(&c, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    for (size_t i = supervised_call_count(kind); i-- > 0;)
        put_call(&c, supervised_call(kind, i));
    put(&c, load(offsetof(struct seccomp_data, nr)));
    put(&c, jump(BPF_JEQ, NATIVE_ARCH, 0, to_notify(&c) - 1));
    put(&c, load(offsetof(struct seccomp_data, arch)));
    const size_t size = ARRAY_SIZE(c.at) - c.first;
    /* a signal must not interrupt a call that is half done: it would be done again (Linux 5.19) */
    const int fd = install(c.at + c.first, size,
                           flags | (unsigned)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, NULL);
    return fd >= 0 ? fd : install(c.at + c.first, size, flags, err);
}
