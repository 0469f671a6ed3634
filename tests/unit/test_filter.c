#include <asm/unistd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/filter.h"
#include "unit.h"

/* What a call answers under the filter: 0 (or any success) or the errno; made in a child, since
 * filters stay. */
static int errno_under_filter(long number, long a, long b)
{
    const pid_t pid = fork();
    int status = 0;

    assert_true(pid >= 0);
    if (pid == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || filter_install(NULL) < 0)
            _exit(200);
        const long r = syscall(number, a, b, 0, 0, 0, 0);
        _exit(r < 0 ? errno : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static const struct {
    const char *name;
    long number, a, b;
    int want; /* errno; 0: allowed */
} cases[] = {
    {"getpid", __NR_getpid, 0, 0, 0},
    {"socket of the internet", __NR_socket, AF_INET, SOCK_STREAM, 0},
    {"socket AF_ALG", __NR_socket, 38, SOCK_SEQPACKET, EPERM},
    {"socket AF_VSOCK", __NR_socket, 40, SOCK_STREAM, EPERM},
    {"socket AF_ALG with an upper half", __NR_socket, 38 | 1l << 40, SOCK_SEQPACKET, EPERM},
    {"unshare user namespace", __NR_unshare, 0x10000000, 0, EPERM},
    {"clone into a user namespace", __NR_clone, 0x10000000 | 17, 0, EPERM},
    {"clone3", __NR_clone3, 0, 0, ENOSYS},
    {"personality query", __NR_personality, 0xffffffff, 0, 0},
    {"personality without address randomisation", __NR_personality, 0x0040000, 0, EPERM},
    {"keyctl", __NR_keyctl, 0, 0, EPERM},
    {"bpf", __NR_bpf, 0, 0, EPERM},
    {"io_uring", __NR_io_uring_setup, 1, 0, EPERM},
    {"userfaultfd", __NR_userfaultfd, 0, 0, EPERM},
    {"mount", __NR_mount, 0, 0, EPERM},
    {"fsopen", __NR_fsopen, 0, 0, EPERM},
    {"open_by_handle_at", __NR_open_by_handle_at, 0, 0, EPERM},
    {"kexec_load", __NR_kexec_load, 0, 0, EPERM},
    {"newest known, not allowed", 467, 0, 0, EPERM},
    {"unknown newer", 468, 0, 0, ENOSYS},
    {"unknown far newer", 1000000, 0, 0, ENOSYS},
#ifdef __x86_64__
    {"x32 getpid", 0x40000000 | __NR_getpid, 0, 0, ENOSYS},
#endif
};

static void the_filter_decides_as_its_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        print_message("# %s\n", cases[i].name);
        assert_int_equal(errno_under_filter(cases[i].number, cases[i].a, cases[i].b),
                         cases[i].want);
    }
}

#ifdef __x86_64__
static void the_32_bit_entry_is_closed(void **state)
{
    int status = 0;
    const pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        long r;

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || filter_install(NULL) < 0)
            _exit(200);
        __asm__ volatile("int $0x80" : "=a"(r) : "a"(20l /* getpid of i386 */) : "memory");
        _exit(r == -ENOSYS ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    /* a kernel without 32-bit support kills the caller, which is as closed */
    assert_true((WIFEXITED(status) && WEXITSTATUS(status) == 0) || WIFSIGNALED(status));
}
#endif

UNIT_MAIN(cmocka_unit_test(the_filter_decides_as_its_table_says),
#ifdef __x86_64__
          cmocka_unit_test(the_32_bit_entry_is_closed)
#endif
)
