/* What a process does that its executable's path can't be asked for afterwards, or is told otherwise; then a call that is an error.
 * executable CASE [ROOT] */
#define _GNU_SOURCE
#include "check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void refuse_links(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_readlinkat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        SKIP("seccomp filters are not to be had here: %s", strerror(errno));
}

int main(int count, char **words)
{
    const char *kind = count > 1 ? words[1] : "";
    if (strcmp(kind, "gone") == 0)
        CHECK(unlink(words[0]) == 0, "%s", strerror(errno));
    else if (strcmp(kind, "confined") == 0)
        refuse_links();
    else if (strcmp(kind, "shut-in") == 0 && (chroot(words[2]) != 0 || chdir("/") != 0))
        SKIP("chroot(2) takes a privilege: %s", strerror(errno));
    CHECK(munmap((void *)1, 4096) == -1 && errno == EINVAL, "%d", errno);
    return 0;
}
