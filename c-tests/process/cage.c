/* A library that, loaded after the runtime, denies it nearly every system call, and the program none: a filter that tells the
 * two apart by the instruction. What the runtime says then must be what it can still know. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define IP offsetof(struct seccomp_data, instruction_pointer)
#define TEST(comparison, number, yes, no) BPF_JUMP(BPF_JMP | comparison | BPF_K, number, yes, no)
#define ALLOW(number) TEST(BPF_JEQ, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static int find_code(unsigned long *start, unsigned long *end)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512], rights[8];
    int found = 0;
    while (maps != NULL && !found && fgets(line, sizeof line, maps) != NULL)
        found = strstr(line, "libmapsan") != NULL && sscanf(line, "%lx-%lx %7s", start, end, rights) == 3 && rights[2] == 'x';
    if (maps != NULL)
        fclose(maps);
    return found;
}

__attribute__((constructor)) static void confine(int count, char **arguments, char **environment)
{
    (void)count;
    unsigned long start, end;
    const char *kind = getenv("CAGE");
    int files = kind != NULL && strcmp(kind, "files") == 0;
    if (!find_code(&start, &end)) {
        fputs("cage: the code of libmapsan is not found\n", stderr);
        _exit(99);
    }
    /* A filter compares halves of addresses: where the code lies across 4 GiB, by chance, the program begins anew. */
    if (start >> 32 != (end - 1) >> 32) {
        execve("/proc/self/exe", arguments, environment);
        _exit(99);
    }
    struct sock_filter filter[] = {
        LOAD(IP + 4), TEST(BPF_JEQ, (uint32_t)(start >> 32), 1, 0), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        LOAD(IP), TEST(BPF_JGE, (uint32_t)start, 1, 0), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        TEST(BPF_JGT, (uint32_t)end, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        LOAD(offsetof(struct seccomp_data, nr)),
        /* CAGE=files: files can be opened and read, but neither ioctl nor lseek is to be had. */
        TEST(BPF_JA, files ? 0 : 6, 0, 0), ALLOW(SYS_openat), ALLOW(SYS_read), ALLOW(SYS_close),
        /* What it needs to write, to be in order with threads and signals, and to end. */
        ALLOW(SYS_write), ALLOW(SYS_fstat), ALLOW(SYS_mmap), ALLOW(SYS_getpid), ALLOW(SYS_gettid), ALLOW(SYS_futex),
        ALLOW(SYS_rt_sigprocmask), ALLOW(SYS_rt_sigaction), ALLOW(SYS_rt_sigpending), ALLOW(SYS_rt_sigreturn),
        ALLOW(SYS_rt_tgsigqueueinfo), ALLOW(SYS_exit_group),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) {
        perror("cage: seccomp");
        _exit(77);
    }
}
