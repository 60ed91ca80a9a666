/* Small programs with System V segments, one a word; segments.sh looks at what is found in each. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY 0x4d53

static int is(const char *word, const char *name) { return strcmp(word, name) == 0; }

static int segment(key_t key, int mode)
{
    int id = shmget(key, 4096, IPC_CREAT | mode);
    if (id < 0) {
        perror("segment");
        exit(1);
    }
    return id;
}

/* Ends with 77 where the program does not run as root. */
static void become(uid_t uid)
{
    if (geteuid() != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0)
        exit(77);
}

static void remove_segment(int id)
{
    if (shmctl(id, IPC_RMID, NULL) != 0)
        perror("remove");
}

static void known(void) /* what this process made a moment ago is not new */
{
    int id = segment(KEY, 0600);
    if (shmget(KEY, 4096, IPC_CREAT) != id)
        puts("another segment");
    remove_segment(id);
}

static void looked_up(void)
{
    segment(KEY, IPC_EXCL | 0600);
    shmget(KEY, 0, 0);
}

static void five(void)
{
    for (int made = 0; made < 5; made++)
        segment(KEY + made, 0600);
}

static void handed_on(void) /* another process holds it when this one ends */
{
    int pipes[2], id = segment(IPC_PRIVATE, 0600);
    char byte = 0;
    if (pipe(pipes) != 0 || fork() != 0) {
        close(pipes[1]);
        _exit(read(pipes[0], &byte, 1) != 1);
    }
    void *memory = shmat(id, NULL, 0);
    pid_t parent = getppid();
    if (memory == (void *)-1 || write(pipes[1], &byte, 1) != 1)
        exit(1);
    while (getppid() == parent)
        usleep(1000);
    remove_segment(id);
    shmdt(memory);
}

static void refused(void)
{
    int id = segment(IPC_PRIVATE, 0600);
    become(65534);
    if (shmctl(id, IPC_RMID, NULL) == 0)
        exit(1);
}

static void lock(void)
{
    struct rlimit none = {0, 0};
    become(65534);
    int id = segment(IPC_PRIVATE, 0600);
    if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || shmctl(id, SHM_LOCK, NULL) == 0)
        exit(1);
    remove_segment(id);
}

static void heap(void) /* at a page of malloc's */
{
    int id = segment(IPC_PRIVATE, 0600);
    char *page = aligned_alloc(4096, 8192);
    if (page == NULL || shmat(id, page, 0) != (void *)-1)
        exit(1);
    remove_segment(id);
    free(page);
}

static void reserved(void) /* at a page that was reserved for it */
{
    int id = segment(IPC_PRIVATE, 0600);
    void *place = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED || shmat(id, place, 0) != (void *)-1)
        exit(1);
    remove_segment(id);
    munmap(place, 4096);
}

static void still_attached(void)
{
    int id = segment(KEY, 0600);
    void *memory = shmat(id, NULL, 0);
    remove_segment(id);
    if (shmget(KEY, 4096, 0600) >= 0)
        exit(1);
    shmdt(memory);
}

static void no_mode(void) /* its owner may not attach it, and may change that */
{
    become(65534);
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT);
    if (id < 0 || shmat(id, NULL, 0) != (void *)-1)
        exit(1);
    remove_segment(id);
}

static int trial(void) { return shmget(KEY, 1, IPC_CREAT | IPC_EXCL); }
static void tried(void) { remove_segment(trial()); } /* whether the key is free */
static void tried_and_left(void) { trial(); }

static void tried_and_published(void) /* what others may attach when it is ready */
{
    int id = trial();
    struct shmid_ds state;
    if (shmctl(id, IPC_STAT, &state) != 0 || (state.shm_perm.mode = 0600, shmctl(id, IPC_SET, &state)) != 0)
        exit(1);
}

static void letter(void) /* a char as ftok's id, as languages with strings hand it on */
{
    if (ftok("/", (signed char)0xe4) == -1)
        exit(1);
}

static void of_another(void) /* too small, and another user's */
{
    int id = segment(KEY, 0666);
    pid_t child = fork();
    if (child == 0) {
        become(65534);
        _exit(shmget(KEY, 8192, IPC_CREAT | 0666) >= 0);
    }
    waitpid(child, NULL, 0);
    remove_segment(id);
}

static void swapped(void)
{
    if (shmget(KEY, IPC_CREAT | 0600, 4096) >= 0)
        exit(1);
}

static void rotated(void)
{
    if (shmget(4096, IPC_CREAT | 0666, 0) >= 0)
        exit(1);
}

static void swapped_private(void) { remove_segment(shmget(IPC_PRIVATE, IPC_CREAT | 0600, 4096)); }

static void swapped_existing(void)
{
    int id = shmget(KEY, 100, IPC_CREAT | 0600);
    if (shmget(KEY, IPC_CREAT | 0600, 100) >= 0)
        exit(1);
    remove_segment(id);
}

static void logical(void) { remove_segment(shmget(IPC_PRIVATE, 4096, IPC_CREAT || 0600)); }

static void logical_existing(void)
{
    int id = segment(KEY, 0600);
    pid_t child = fork();
    if (child == 0) {
        become(65534);
        _exit(shmget(KEY, 4096, IPC_CREAT || 0600) >= 0);
    }
    waitpid(child, NULL, 0);
    remove_segment(id);
}

static void by_chance(void) /* a structure of as many bytes as IPC_CREAT|0600 */
{
    if (shmget(KEY, IPC_CREAT | 0600, 0) >= 0)
        exit(1);
}

/* What another program has left: read by the next. */
static void handed_over(void)
{
    pid_t child = fork();
    if (child == 0) {
        char *text = shmat(segment(KEY, 0600), NULL, 0);
        strcpy(text, "handed over");
        shmdt(text);
        raise(SIGKILL); /* so that nothing is said of what it leaves */
    }
    waitpid(child, NULL, 0);
    int id = shmget(KEY, 0, 0);
    char *text = shmat(id, NULL, 0);
    if (strcmp(text, "handed over") != 0)
        puts("something else");
    shmdt(text);
    remove_segment(id);
}

/* What is passed is a pointer's own address, or malloc's. */
static void address_of_pointer(void)
{
    int id = segment(IPC_PRIVATE, 0600);
    char *memory = shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL);
    if (shmdt(&memory) == 0 || shmdt(memory) != 0)
        exit(1);
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (munmap(&page, 4096) == 0 || mprotect(&page, 4096, PROT_READ) == 0 || msync(&page, 4096, MS_SYNC) == 0 ||
        mremap(&page, 4096, 8192, MREMAP_MAYMOVE) != MAP_FAILED || munmap(page, 4096) != 0)
        exit(1);
}

static void block(void)
{
    char *small = malloc(100), *large = malloc(1000000);
    if (munmap(small, 100) == 0 || munmap(large, 1000000) == 0 || shmdt(large) == 0)
        exit(1);
    free(small);
    free(large);
}

static void no_block(void) /* behind what looks like nothing of malloc's */
{
    char *memory = (char *)syscall(SYS_mmap, NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (munmap(memory + 16, 100) == 0)
        exit(1);
}

static void is_given(void) /* an id that is some key as well, removed by another process: no key was passed for it */
{
    int id = segment(IPC_PRIVATE, 0600), next = segment(IPC_PRIVATE, 0600), namesake = segment(next, 0600);
    pid_t child = fork();
    if (child == 0)
        _exit(shmctl(next, IPC_RMID, NULL));
    waitpid(child, NULL, 0);
    if (next == 0 || shmat(next, NULL, 0) != (void *)-1)
        exit(1);
    remove_segment(id);
    remove_segment(namesake);
}

static void minus_one(void) /* no shmget has failed */
{
    int id = -1;
    if (shmctl(id, IPC_RMID, NULL) == 0)
        exit(1);
}

static void huge(void)
{
    int id = shmget(IPC_PRIVATE, (size_t)1 << 40, IPC_CREAT | SHM_HUGETLB | 0600);
    if (id >= 0 || errno != ENOMEM)
        exit(77);
}

static void too_large(void) /* kernel.shmmax is 1 MiB */
{
    if (shmget(IPC_PRIVATE, 8 << 20, IPC_CREAT | 0600) >= 0)
        exit(77);
}

static void in_part(void)
{
    for (int made = 0; made < 3; made++) {
        char *memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        munmap(memory, 5000);
    }
}

static void raw(void) /* unmapped by calls that are not seen */
{
    for (int made = 0; made < 3; made++) {
        void *memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        syscall(SYS_munmap, memory, 65536);
    }
    int id = segment(IPC_PRIVATE, 0600);
    void *memory = shmat(id, NULL, 0);
    syscall(SYS_shmdt, memory);
    remove_segment(id);
}

static void asked(void) /* what is left is asked before the end */
{
    unsigned long (*check)(void) = (unsigned long (*)(void))dlsym(RTLD_DEFAULT, "mapsan_check_leaks");
    int first = segment(KEY, 0600), second = segment(KEY + 1, 0600);
    remove_segment(first);
    if (check == NULL || check() != 1)
        puts("expected one finding");
    remove_segment(second);
}

static void daemon_child(void) /* what made the segment is gone, and forked this process */
{
    int pipes[2];
    char byte;
    if (pipe(pipes) != 0)
        exit(1);
    pid_t server = fork();
    if (server == 0) {
        int id = segment(KEY, IPC_EXCL | 0600);
        pid_t maker = getpid();
        if (fork() != 0)
            raise(SIGKILL);
        while (kill(maker, 0) == 0)
            usleep(1000);
        if (segment(KEY, 0600) != id)
            exit(1);
        remove_segment(id);
        exit(0);
    }
    waitpid(server, NULL, 0);
    close(pipes[1]);
    while (read(pipes[0], &byte, 1) > 0)
        ;
}

static void variable(void) /* shmdt of memory that no call has mapped */
{
    static char page[8192];
    if (shmdt(page) == 0)
        exit(1);
}

static void locked_folder(void)
{
    umask(0);
    if (mkdir("locked", 0700) != 0 || mkdir("locked/below", 0777) != 0)
        exit(1);
    become(65534);
    if (ftok("locked/below/file", 1) != -1)
        exit(1);
}

static void no_path(void)
{
    const char *volatile path = NULL;
    if (ftok(path, 1) != -1)
        exit(1);
}

int main(int count, char **words)
{
    static const struct {
        const char *name;
        void (*program)(void);
    } programs[] = {
        {"known", known}, {"looked-up", looked_up}, {"five", five}, {"handed-on", handed_on}, {"refused", refused},
        {"lock", lock}, {"heap", heap}, {"reserved", reserved}, {"still-attached", still_attached},
        {"no-mode", no_mode}, {"letter", letter}, {"tried", tried}, {"tried-and-left", tried_and_left}, {"tried-and-published", tried_and_published}, {"of-another", of_another}, {"swapped", swapped}, {"rotated", rotated}, {"swapped-private", swapped_private},
        {"swapped-existing", swapped_existing}, {"logical", logical}, {"logical-existing", logical_existing},
        {"by-chance", by_chance}, {"handed-over", handed_over}, {"address-of-pointer", address_of_pointer},
        {"block", block}, {"no-block", no_block}, {"is-given", is_given},
        {"minus-one", minus_one}, {"huge", huge}, {"too-large", too_large}, {"in-part", in_part}, {"raw", raw},
        {"variable", variable}, {"asked", asked}, {"daemon", daemon_child}, {"locked-folder", locked_folder}, {"no-path", no_path},
    };
    for (size_t at = 0; count == 2 && at < sizeof programs / sizeof *programs; at++)
        if (is(words[1], programs[at].name)) {
            programs[at].program();
            return 0;
        }
    return 2;
}
