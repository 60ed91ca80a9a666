/* R23: the library's own memory can't be had: the program's calls go through, it is said once, and nothing false follows.
 *
 * Each child refuses the library's mappings of at least so many bytes, by a filter of system calls that tells them from the
 * program's own by protection and flags; then it maps, protects, unmaps and maps again. */
#define _GNU_SOURCE
#include "check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 12000
#define LOW(field) (unsigned)offsetof(struct seccomp_data, field)

/* Private writable anonymous mappings of at least `bytes` fail with ENOMEM. */
static int refuse(unsigned bytes)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LOW(nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 7),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LOW(args[1])),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, bytes, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LOW(args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROT_READ | PROT_WRITE, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LOW(args[3])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MAP_PRIVATE | MAP_ANONYMOUS, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static char *pages[PAGES];

static char *map(int number)
{
    /* Neighbours differ, so that the kernel does not join them; none looks like the library's. */
    int prot = number % 2 ? PROT_READ : PROT_NONE;
    return mmap(NULL, 8192, prot, (number % 3 ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS, -1, 0);
}

static void work(void)
{
    unsigned long before = findings(0) + findings(1) + findings(2);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < PAGES; i++)
            CHECK((pages[i] = map(i)) != MAP_FAILED, "mapping %d: %s", i, strerror(errno));
        for (int i = 0; i < PAGES; i += 5)
            CHECK(mprotect(pages[i], 4096, PROT_READ | PROT_WRITE) == 0, "page %d: %s", i, strerror(errno));
        for (int i = 0; i < PAGES; i += 7) {
            char *moved = mremap(pages[i], 8192, 8192, MREMAP_MAYMOVE);
            CHECK(moved == pages[i] || i % 5 == 0, "page %d: %s", i, strerror(errno));
        }
        for (int i = 0; i < PAGES; i++) {
            CHECK(munmap(pages[i] + 4096, 4096) == 0 && munmap(pages[i], 4096) == 0, "page %d: %s", i, strerror(errno));
        }
    }
    unsigned long after = findings(0) + findings(1) + findings(2);
    /* mremap over two protections is refused by the kernel: its findings are true. */
    CHECK(after - before <= 1, "%lu findings, none of which is due", after - before);
}

int main(void)
{
    alarm(55);
    for (unsigned bytes = 65536; bytes <= 4 << 20; bytes *= 2) {
        pid_t child = fork();
        if (child == 0) {
            if (!refuse(bytes))
                _exit(77);
            work();
            _exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
            SKIP("no filter of system calls can be set");
        CHECK(status == 0, "status %#x when %u bytes are refused", status, bytes);
    }
    return 0;
}
