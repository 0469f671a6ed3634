/* sandbox/filter_gen.c - build-time program: makes the BPF of filter.txt, as a C table on standard
 * output.
 *
 * The calls become intervals of numbers with one action each; a binary search over the intervals
 * decides an ordinary call in 7 comparisons, and they share their few leaves. Calls that look at an
 * argument are leaves with a few more instructions. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERS_MAX 1024
#define VALUES_MAX 8
#define CODE_MAX 1024

enum test { TEST_NONE, TEST_NOT, TEST_ONLY, TEST_WITHOUT };

struct rule { /* what happens to one system call */
    uint32_t action;
    enum test test;
    unsigned argument, value_count;
    uint32_t values[VALUES_MAX];
};

struct interval {
    uint32_t first;
    const struct rule *rule;
};

static struct rule rules[NUMBERS_MAX];
static unsigned newest, line_number;
static struct sock_filter code[CODE_MAX];
static unsigned code_size;

static void die(const char *what, const char *word)
{
    fprintf(stderr, "filter.txt:%u: %s '%s'\n", line_number, what, word ? word : "");
    exit(1);
}

static uint32_t number(const char *word)
{
    char *end;
    const unsigned long n = word ? strtoul(word, &end, 0) : 0;

    if (!word || *end || n > UINT32_MAX)
        die("not a number:", word);
    return (uint32_t)n;
}

static uint32_t refuse(int error)
{
    return SECCOMP_RET_ERRNO | (uint32_t)error;
}

/* NULL: this processor has no such call. */
static struct rule *rule_of(const char *name)
{
    const int n = seccomp_syscall_resolve_name_arch(SCMP_ARCH_NATIVE, name);

    if (n == __NR_SCMP_ERROR)
        die("libseccomp does not know", name);
    if (n >= NUMBERS_MAX)
        die("number is too large:", name);
    return n < 0 ? NULL : &rules[n];
}

static void read_test(const char *name, char **save)
{
    static const char *const words[] = {
        [TEST_NOT] = "not", [TEST_ONLY] = "only", [TEST_WITHOUT] = "without"};
    struct rule r = {.action = SECCOMP_RET_ALLOW, .argument = number(strtok_r(NULL, " ", save))};
    const char *word = strtok_r(NULL, " ", save);

    for (enum test t = TEST_NOT; t <= TEST_WITHOUT; t++)
        if (word && strcmp(word, words[t]) == 0)
            r.test = t;
    if (r.test == TEST_NONE || r.argument > 5)
        die("unknown test", word);
    for (char *v; (v = strtok_r(NULL, " ", save)); r.value_count++) {
        if (r.value_count == VALUES_MAX)
            die("too many values:", name);
        r.values[r.value_count] = number(v);
    }
    if (rule_of(name))
        *rule_of(name) = r;
}

static void read_line(char *line)
{
    char *save, *word = strtok_r(line, " \n", &save);

    if (!word || *word == '#')
        return;
    if (strcmp(word, "newest") == 0) {
        newest = number(strtok_r(NULL, " \n", &save));
        return;
    }
    if (strcmp(word, "allow") == 0) {
        for (char *name; (name = strtok_r(NULL, " \n", &save));)
            if (rule_of(name))
                rule_of(name)->action = SECCOMP_RET_ALLOW;
        return;
    }
    line[strcspn(line, "\n")] = '\0';
    char *end = save + strlen(save);
    if (end > save && end[-1] == '\n')
        end[-1] = '\0';
    const char *kind = strtok_r(NULL, " ", &save);
    if (kind && strcmp(kind, "arg") == 0)
        read_test(word, &save);
    else if (kind && strcmp(kind, "errno") == 0 && strcmp(save, "ENOSYS") == 0)
        *rule_of(word) = (struct rule){.action = refuse(ENOSYS)};
    else if (number(kind) < 424 || number(kind) >= NUMBERS_MAX)
        die("numbers are the same on every processor only from 424 on:", kind);
    else
        rules[number(kind)].action = SECCOMP_RET_ALLOW;
}

static void emit(uint16_t op, uint32_t k, uint8_t yes, uint8_t no)
{
    if (code_size == CODE_MAX)
        die("the filter is too long", NULL);
    code[code_size++] = (struct sock_filter){op, yes, no, k};
}

static void emit_rule(const struct rule *r)
{
    const uint32_t hit = r->test == TEST_ONLY ? SECCOMP_RET_ALLOW : refuse(EPERM);
    const uint32_t miss = r->test == TEST_ONLY ? refuse(EPERM) : SECCOMP_RET_ALLOW;
    const uint16_t jump =
        r->test == TEST_WITHOUT ? BPF_JMP | BPF_JSET | BPF_K : BPF_JMP | BPF_JEQ | BPF_K;

    if (r->test == TEST_NONE) {
        emit(BPF_RET | BPF_K, r->action, 0, 0);
        return;
    }
    /* the arguments tested are 32 bits wide in the kernel: the upper half does not count there
     * either */
    emit(BPF_LD | BPF_W | BPF_ABS,
         (uint32_t)(offsetof(struct seccomp_data, args) + 8 * r->argument), 0, 0);
    for (unsigned i = 0; i < r->value_count; i++)
        emit(jump, r->values[i], (uint8_t)(r->value_count - i), 0);
    emit(BPF_RET | BPF_K, miss, 0, 0);
    emit(BPF_RET | BPF_K, hit, 0, 0);
}

/* Leaves without a test are shared: jumps to them are filled in when the end is known. */
struct fixup {
    unsigned at;
    int yes; /* the jt, else the jf */
    uint32_t action;
};
static struct fixup fixups[CODE_MAX];
static unsigned fixup_count;

static uint8_t distance(unsigned from, unsigned to)
{
    if (to - from - 1 > 255)
        die("a jump is too long", NULL);
    return (uint8_t)(to - from - 1);
}

static int is_shared(const struct interval *at, unsigned count)
{
    return count == 1 && at->rule->test == TEST_NONE;
}

static void jump_to_shared(unsigned at, int yes, uint32_t action)
{
    fixups[fixup_count++] = (struct fixup){at, yes, action};
}

static void emit_tree(const struct interval *at, unsigned count)
{
    if (count == 1) {
        emit_rule(at->rule);
        return;
    }
    const unsigned half = count / 2, jump = code_size;

    emit(BPF_JMP | BPF_JGE | BPF_K, at[half].first, 0, 0);
    if (is_shared(at, half))
        jump_to_shared(jump, 0, at->rule->action);
    else
        emit_tree(at, half);
    if (is_shared(at + half, count - half)) {
        jump_to_shared(jump, 1, at[half].rule->action);
        return;
    }
    code[jump].jt = distance(jump, code_size);
    emit_tree(at + half, count - half);
}

static void emit_shared(void)
{
    for (unsigned i = 0; i < fixup_count; i++) {
        unsigned target = 0;

        for (unsigned j = 0; j < i && !target; j++)
            if (fixups[j].action == fixups[i].action)
                target = fixups[j].at + 1 +
                         (fixups[j].yes ? code[fixups[j].at].jt : code[fixups[j].at].jf);
        if (!target) {
            target = code_size;
            emit(BPF_RET | BPF_K, fixups[i].action, 0, 0);
        }
        *(fixups[i].yes ? &code[fixups[i].at].jt : &code[fixups[i].at].jf) =
            distance(fixups[i].at, target);
    }
}

static int same(const struct rule *a, const struct rule *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

int main(int argc, char **argv)
{
    static struct interval intervals[NUMBERS_MAX + 1];
    static const struct rule beyond = {.action = SECCOMP_RET_ERRNO | ENOSYS};
    char line[1024];
    unsigned count = 0;
    FILE *in = argc == 2 ? fopen(argv[1], "re") : NULL;

    if (!in)
        die("cannot open", argv[1]);
    for (unsigned i = 0; i < NUMBERS_MAX; i++)
        rules[i].action = refuse(EPERM);
    for (line_number = 1; fgets(line, sizeof(line), in); line_number++)
        read_line(line);
    fclose(in);
    if (newest == 0 || newest >= NUMBERS_MAX)
        die("'newest' is missing", NULL);

    for (unsigned i = 0; i <= newest; i++)
        if (count == 0 || !same(intervals[count - 1].rule, &rules[i]))
            intervals[count++] = (struct interval){i, &rules[i]};
    intervals[count++] = (struct interval){newest + 1, &beyond};

    emit(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
    emit(BPF_JMP | BPF_JEQ | BPF_K, seccomp_arch_native(), 1, 0);
    emit(BPF_RET | BPF_K, refuse(ENOSYS), 0, 0);
    emit(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
    emit_tree(intervals, count);
    emit_shared();

    printf("/* %u intervals of system calls; made by filter_gen.c of filter.txt. */\n", count);
    for (unsigned i = 0; i < code_size; i++)
        printf("{0x%02x, %u, %u, 0x%08x},\n", code[i].code, code[i].jt, code[i].jf, code[i].k);
    return 0;
}
