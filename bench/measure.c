/* bench/measure.c - runs a command several times and prints one line of numbers.
 *
 *   measure [-n ROUNDS] [-p PREPARE] COMMAND...
 *
 * PREPARE is a shell command run before each round, unmeasured. Printed: median, least and greatest
 * wall time and median processor time (ms) of the command with all it starts, and the greatest
 * memory of all its processes together (MiB, proportional set size, sampled in a round of its own
 * so that sampling costs no measured time). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 1000

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double children_cpu(void)
{
    struct rusage u;

    getrusage(RUSAGE_CHILDREN, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static pid_t start(char **argv)
{
    const pid_t pid = fork();

    if (pid == 0) {
        const int null = open("/dev/null", O_RDWR);

        dup2(null, 0);
        dup2(null, 1);
        if (!getenv("MEASURE_SHOW"))
            dup2(null, 2);
        execvp(argv[0], argv);
        _exit(127);
    }
    return pid;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int parent_of(int pid)
{
    char path[64], text[512];
    int parent = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    const int fd = open(path, O_RDONLY);
    const ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    const char *end = strrchr(text, ')');
    return end && sscanf(end, ") %*c %d", &parent) == 1 ? parent : 0;
}

static long pss_kib(int pid)
{
    char path[64], text[4096];
    long kib = 0;

    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
    const int fd = open(path, O_RDONLY);
    const ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    const char *line = strstr(text, "\nPss:");
    return line && sscanf(line, "\nPss: %ld", &kib) == 1 ? kib : 0;
}

/* All processes below pid, by following parents upwards. */
static long tree_kib(pid_t root)
{
    static int pids[65536], parents[65536];
    size_t count = 0;
    long sum = 0;
    DIR *proc = opendir("/proc");

    for (const struct dirent *e; proc && (e = readdir(proc)) && count < 65536;)
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9') {
            pids[count] = atoi(e->d_name);
            parents[count] = parent_of(pids[count]);
            count++;
        }
    if (proc)
        closedir(proc);
    for (size_t i = 0; i < count; i++) {
        int at = pids[i];

        for (int depth = 0; at > 1 && at != root && depth < 64; depth++) {
            size_t j = 0;

            while (j < count && pids[j] != at)
                j++;
            at = j < count ? parents[j] : 0;
        }
        if (at == root)
            sum += pss_kib(pids[i]);
    }
    return sum;
}

static long peak_of(char **argv)
{
    const pid_t pid = start(argv);
    long peak = 0;
    int status;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        const long now = tree_kib(pid);

        peak = now > peak ? now : peak;
        usleep(2000);
    }
    return peak;
}

int main(int argc, char **argv)
{
    static double wall[ROUNDS_MAX], cpu[ROUNDS_MAX];
    const char *prepare = NULL;
    int rounds = 7, opt, status;

    while ((opt = getopt(argc, argv, "+n:p:")) != -1)
        if (opt == 'n')
            rounds = atoi(optarg);
        else if (opt == 'p')
            prepare = optarg;
        else
            return 2;
    if (optind == argc || rounds < 1 || rounds > ROUNDS_MAX)
        return 2;
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (int i = 0; i < rounds; i++) {
        if (prepare && system(prepare) != 0)
            return 1;
        const double begin = seconds(), before = children_cpu();
        const pid_t pid = start(argv + optind);

        waitpid(pid, &status, 0);
        wall[i] = (seconds() - begin) * 1000;
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        cpu[i] = (children_cpu() - before) * 1000;
        if (status != 0) {
            fprintf(stderr, "measure: %s ended with %d\n", argv[optind],
                    WIFEXITED(status) ? WEXITSTATUS(status) : -1);
            return 1;
        }
    }
    if (prepare && system(prepare) != 0)
        return 1;
    const long peak = peak_of(argv + optind);
    qsort(wall, (size_t)rounds, sizeof(*wall), by_value);
    qsort(cpu, (size_t)rounds, sizeof(*cpu), by_value);
    printf("%.2f %.2f %.2f %.2f %.1f\n", wall[rounds / 2], wall[0], wall[rounds - 1],
           cpu[rounds / 2], (double)peak / 1024);
    return 0;
}
