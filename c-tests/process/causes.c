/* Calls that fail for many reasons: each finding names the one that it was. Each runs in a child of its own,
 * which has limits and a sandbox of its own. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <mapsan.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif
#ifndef MFD_HUGETLB
#define MFD_HUGETLB 4u
#endif
#ifndef BPF_MAP_TYPE_RINGBUF
#define BPF_MAP_TYPE_RINGBUF 27
#endif

static const int rw = PROT_READ | PROT_WRITE;
static const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;

static void expect(const char *rule, const char *text)
{
    int (*last)(mapsan_finding *) = (int (*)(mapsan_finding *))dlsym(RTLD_DEFAULT, "mapsan_last_finding");
    mapsan_finding found;
    CHECK(last != NULL && last(&found) == 1, "no finding, not %s", rule);
    CHECK(strcmp(found.rule, rule) == 0 && strstr(found.message, text) != NULL, "%s: %s, not %s: %s", found.rule,
          found.message, rule, text);
}

static void limit(int resource, rlim_t bytes)
{
    struct rlimit limit = {bytes, bytes};
    CHECK(setrlimit(resource, &limit) == 0, "errno %d", errno);
}

static void become_nobody(void)
{
    if (getuid() == 0)
        CHECK(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0, "errno %d", errno);
}

static void low_address(void)
{
    become_nobody();
    if (mmap(NULL, 4096, rw, anonymous | MAP_FIXED, -1, 0) == MAP_FAILED && errno == EPERM)
        expect("mmap-failed", "address 0x0 is below vm.mmap_min_addr");
}

#ifdef MAP_32BIT
static void no_hole_below(void)
{
    while (mmap(NULL, 16u << 20, PROT_NONE, anonymous | MAP_NORESERVE | MAP_32BIT, -1, 0) != MAP_FAILED)
        ;
    expect("mmap-out-of-memory", "MAP_32BIT: no hole between 0x42000000 and 0x80000000 has 16 MiB");
}
#endif

static void no_hole(void)
{
    for (int i = 0; i < 3; i++)
        mmap(NULL, 60ul << 40, PROT_NONE, anonymous | MAP_NORESERVE, -1, 0);
    CHECK(mmap(NULL, 60ul << 40, PROT_NONE, anonymous | MAP_NORESERVE, -1, 0) == MAP_FAILED, "mapped");
    expect("mmap-out-of-memory", "has 60 TiB: the largest has ");
}

static void data_limit(void)
{
    limit(RLIMIT_DATA, 64ul << 20);
    CHECK(mmap(NULL, 256ul << 20, rw, anonymous, -1, 0) == MAP_FAILED, "mapped");
    expect("mmap-out-of-memory", "256 MiB would exceed RLIMIT_DATA (64 MiB, ");
    void *reserved = mmap(NULL, 256ul << 20, PROT_NONE, anonymous, -1, 0);
    CHECK(reserved != MAP_FAILED && mprotect(reserved, 256ul << 20, rw) == -1 && errno == ENOMEM, "errno %d", errno);
    expect("mprotect-failed", "256 MiB would exceed RLIMIT_DATA (64 MiB, ");
    CHECK(mmap(NULL, 4096, rw, anonymous, -1, 0) != MAP_FAILED, "errno %d", errno);
}

/* As many mappings as there may be: pages of two protections in turn. */
static void want_of_mappings(void)
{
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
    unsigned long most = 0;
    if (file == NULL || fscanf(file, "%lu", &most) != 1 || most > 100000)
        return;
    fclose(file);
    char *pages = mmap(NULL, (most + 8) * 4096, rw, anonymous | MAP_NORESERVE, -1, 0);
    char *three = mmap(NULL, 3 * 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    size_t at = 0;
    while (at < most && mprotect(pages + at * 4096, 4096, PROT_NONE) == 0)
        at += 2;
    CHECK(at < most && errno == ENOMEM, "errno %d after %zu", errno, at);
    expect("mprotect-failed", "mprotect needs one more mapping: the process has ");
    CHECK(munmap(three + 4096, 4096) == -1 && errno == ENOMEM, "errno %d", errno);
    expect("munmap-failed", "munmap needs one more mapping: the process has ");
    CHECK(mremap(three, 4096, 1 << 20, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM, "errno %d", errno);
    expect("mremap-failed", "mremap needs one more mapping: the process has ");
}

static void seccomp(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, PROT_WRITE | PROT_EXEC),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROT_WRITE | PROT_EXEC, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        return;
    CHECK(mmap(NULL, 4096, rw | PROT_EXEC, anonymous, -1, 0) == MAP_FAILED && errno == EPERM, "errno %d", errno);
    expect("mmap-exec-denied", "PROT_WRITE|PROT_EXEC is refused by a seccomp filter that this process has installed");
}

static void no_write_and_execute(void)
{
    void *page = mmap(NULL, 4096, rw, anonymous, -1, 0);
    if (prctl(PR_SET_MDWE, 1, 0, 0, 0) != 0)
        return;
    CHECK(mmap(NULL, 4096, rw | PROT_EXEC, anonymous, -1, 0) == MAP_FAILED && errno == EACCES, "errno %d", errno);
    expect("mmap-exec-denied", "PROT_WRITE|PROT_EXEC is refused: PR_SET_MDWE");
    CHECK(mprotect(page, 4096, PROT_READ | PROT_EXEC) == -1 && errno == EACCES, "errno %d", errno);
    expect("mprotect-failed", "PROT_EXEC is refused: PR_SET_MDWE");
}

static void locked_future(void)
{
    limit(RLIMIT_MEMLOCK, 1ul << 20);
    become_nobody();
    if (mlockall(MCL_FUTURE) != 0)
        return;
    CHECK(mmap(NULL, 128ul << 20, PROT_NONE, anonymous, -1, 0) == MAP_FAILED && errno == EAGAIN, "errno %d", errno);
    expect("mmap-lock-limit", "128 MiB would exceed RLIMIT_MEMLOCK (1 MiB, ");
}

static void perf_ring(void)
{
    struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attributes,
                                         .config = PERF_COUNT_SW_DUMMY, .exclude_kernel = 1, .exclude_hv = 1};
    int fd = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
    if (fd < 0)
        return;
    CHECK(mmap(NULL, 7 * 4096, rw, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EINVAL, "errno %d", errno);
    expect("mmap-failed", "a perf ring has 1 + 2^n pages, and the length is 7 pages (1 + 6)");
    limit(RLIMIT_MEMLOCK, 65536);
    become_nobody();
    if (mmap(NULL, 4097 * 4096, rw, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM)
        expect("mmap-failed", "would exceed kernel.perf_event_mlock_kb (");
}

static void bpf_ring(void)
{
    union bpf_attr attributes = {.map_type = BPF_MAP_TYPE_RINGBUF, .max_entries = 16384};
    int fd = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes);
    if (fd < 0)
        return;
    CHECK(mmap(NULL, 2 * 4096 + 2 * 16384, rw, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM, "errno %d", errno);
    expect("mmap-failed", "of a BPF ring buffer only the first page (the consumer's position) may be mapped for writing");
}

static void huge_memfd(void)
{
    int fd = memfd_create("huge", MFD_HUGETLB);
    if (fd < 0 || ftruncate(fd, 1l << 40) != 0)
        return;
    CHECK(mmap(NULL, 1ul << 40, rw, MAP_SHARED, fd, 0) == MAP_FAILED, "mapped");
    expect("mmap-huge-pages", "a file of huge pages needs ");
}

static void kinds(void)
{
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, epoll_create1(0), 0) == MAP_FAILED && errno == ENODEV, "%d", errno);
    expect("mmap-not-mappable", "is an epoll, which can't be mapped");
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open("/", O_RDONLY), 0) == MAP_FAILED && errno == ENODEV, "%d", errno);
    expect("mmap-not-mappable", "is a directory, /, which can't be mapped");
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, open("/dev/null", O_RDONLY), 0) == MAP_FAILED, "mapped");
    expect("mmap-not-mappable", "is a character device, /dev/null, which can't be mapped");
}

/* How one looks for free addresses. */
static void probe(void)
{
    unsigned char resident = 0;
    char *never = (char *)0x10000;
    char *gap = mmap(NULL, 4096, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(gap != MAP_FAILED && munmap(gap, 4096) == 0, "errno %d", errno);
    unsigned long before = findings(0) + findings(1) + findings(2);
    CHECK(mincore(gap, 4096, &resident) == -1 && errno == ENOMEM, "errno %d", errno);
    CHECK(mincore(never, 4096, &resident) == -1 && errno == ENOMEM, "errno %d", errno);
    CHECK(msync(never, 4096, MS_ASYNC) == -1 && errno == ENOMEM, "errno %d", errno);
    CHECK(msync(never, 4096, 0) == -1 && errno == ENOMEM, "errno %d", errno);
    CHECK(findings(0) + findings(1) + findings(2) == before, "a finding");
}

static void resize(void)
{
    char *page = mmap(NULL, 4096, rw, anonymous, -1, 0);
    CHECK(mremap(page, 4096, 8192, MREMAP_FIXED, page) == MAP_FAILED && errno == EINVAL, "errno %d", errno);
    expect("mremap-failed", "MREMAP_FIXED needs MREMAP_MAYMOVE");
    CHECK(mremap(page, 0, 4096, MREMAP_MAYMOVE) == MAP_FAILED && errno == EINVAL, "errno %d", errno);
    expect("mremap-failed", "an old size of 0 duplicates a shared mapping");
}

/* What fails is the timeout, not the operations; and the limit, not the owner. */
static void waiting_and_queueing(void)
{
    struct sembuf give = {0, 1, 0};
    struct timespec whole = {0, 1000000000};
    struct msqid_ds state;
    int set = semget(IPC_PRIVATE, 1, 0600);
    CHECK(semtimedop(set, &give, 1, &whole) == -1 && errno == EINVAL, "errno %d", errno);
    expect("semop-failed", "the timeout has 0 seconds and 1000000000 nanoseconds");
    CHECK(semtimedop(set, &give, 1, (struct timespec *)8) == -1 && errno == EFAULT, "errno %d", errno);
    expect("semop-null-buffer", "semtimedop reads a timeout, and nothing is mapped at 0x8");
    CHECK(semtimedop(set, NULL, 1, (struct timespec *)NULL) == -1 && errno == EFAULT, "errno %d", errno);
    expect("semop-null-buffer", "semtimedop reads 1 operation (6 bytes), and the address is NULL");
    CHECK(semctl(set, 0, IPC_RMID) == 0, "errno %d", errno);
    become_nobody();
    int queue = msgget(IPC_PRIVATE, 0600);
    CHECK(msgctl(queue, IPC_STAT, &state) == 0, "errno %d", errno);
    state.msg_qbytes = 1u << 30;
    if (msgctl(queue, IPC_SET, &state) == -1 && errno == EPERM)
        expect("msgctl-denied", "to 1073741824, over kernel.msgmnb (");
    CHECK(msgctl(queue, IPC_RMID, NULL) == 0, "errno %d", errno);
}

static void run(const char *name, void (*test)(void))
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        test();
        _exit(0);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child, "errno %d", errno);
    CHECK(status == 0, "%s ended with %#x", name, status);
}

#define RUN(test) run(#test, test)

int main(void)
{
    alarm(50);
    findings(0);
    RUN(low_address);
#ifdef MAP_32BIT
    RUN(no_hole_below);
#endif
    RUN(no_hole);
    RUN(data_limit);
    RUN(want_of_mappings);
    RUN(seccomp);
    RUN(no_write_and_execute);
    RUN(locked_future);
    RUN(perf_ring);
    RUN(bpf_ring);
    RUN(huge_memfd);
    RUN(kinds);
    RUN(probe);
    RUN(resize);
    RUN(waiting_and_queueing);
    return 0;
}
