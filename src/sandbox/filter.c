#include "sandbox/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "sandbox/supervise.h"

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

int filter_install_listener(struct error *err)
{
    struct sock_filter code[SUPERVISED_MAX + 5];
    size_t size = 0;
    const size_t count = supervised_call_count;

    code[size++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < count; i++)
        code[size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, supervised_call(i),
                                                    (uint8_t)(count - i), 0);
    code[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    return install(code, size, SECCOMP_FILTER_FLAG_NEW_LISTENER, err);
}
