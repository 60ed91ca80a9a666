/* No memory of the library's holds a plain address of the program's: a collector that scans the data of all objects, or a
 * leak checker, would take it for a reference. The program maps, moves, releases and fails in all ways, from ordinary code,
 * from code that it has made itself and from a thread on a stack of its own, and then looks through the library's data and
 * through every mapping that nobody else has made. */
#define _GNU_SOURCE
#include "check.h"
#include "sites.h"
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL

struct range {
    uintptr_t start, end;
    const char *what;
};

/* What the program has mapped at any time. */
static struct range made[4096];
static size_t count;

static void *note(const void *memory, size_t length, const char *what)
{
    CHECK(memory != MAP_FAILED && memory != NULL && count < sizeof made / sizeof *made, "%s: %s", what, strerror(errno));
    made[count++] = (struct range){(uintptr_t)memory, (uintptr_t)memory + length, what};
    return (void *)(uintptr_t)memory;
}

typedef void *(*mapper)(void *, size_t, int, int, int, off_t);
typedef int (*unmapper)(void *, size_t);

static void *map_at(uintptr_t address, size_t pages, const char *what)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | (address != 0 ? MAP_FIXED_NOREPLACE : 0);
    return note(mmap((void *)address, pages * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0), pages * PAGE, what);
}

/* ---- what is done ---- */

static void work(mapper map, unmapper unmap)
{
    const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS, both = PROT_READ | PROT_WRITE;
    for (int i = 0; i < 20; i++) {
        char *memory = note(map(NULL, 8 * PAGE, both, anonymous, -1, 0), 8 * PAGE, "a mapping");
        memory[0] = 1;
        CHECK(mprotect(memory + PAGE, PAGE, PROT_READ) == 0, "%s", strerror(errno));
        if (i % 4 == 1)
            memory = note(mremap(memory + 4 * PAGE, 4 * PAGE, 64 * PAGE, MREMAP_MAYMOVE), 64 * PAGE, "a moved mapping");
        if (i % 4 == 2)
            note(mremap(memory, 8 * PAGE, 3 * PAGE, 0), 3 * PAGE, "a shortened mapping");
        if (i % 4 == 3)
            CHECK(unmap(memory + 2 * PAGE, PAGE) == 0 && unmap(memory, 2 * PAGE) == 0, "%s", strerror(errno));
    }
    /* Failures, and calls that do nothing good. */
    char *memory = note(map(NULL, 2 * PAGE, both, anonymous, -1, 0), 2 * PAGE, "what calls fail on");
    CHECK(unmap(memory + 1, PAGE) == -1 && unmap(memory, 0) == -1, "they fail");
    CHECK(mprotect(memory + 2, PAGE, PROT_READ) == -1 && msync(memory + 3, PAGE, MS_SYNC) == -1, "they fail");
    CHECK(mremap(memory + 4, PAGE, PAGE, 0) == MAP_FAILED && map(memory, PAGE, both, 0, -1, 0) == MAP_FAILED, "they fail");
    CHECK(map(memory + 5, PAGE, both, anonymous | MAP_FIXED, -1, 0) == MAP_FAILED, "it fails");
    CHECK(shmat(-1, memory, 0) == (void *)-1 && shmdt(memory) == -1 && shmctl(-1, IPC_STAT, (void *)memory) == -1, "they fail");
    CHECK(unmap(memory, 2 * PAGE) == 0, "%s", strerror(errno));
    unmap(memory, 2 * PAGE); /* twice: a finding */
    int file = open("/proc/self/exe", O_RDONLY);
    char *text = note(map(NULL, PAGE, PROT_READ, MAP_PRIVATE, file, 0), PAGE, "a file");
    CHECK(map(NULL, PAGE, both, MAP_SHARED, file, 0) == MAP_FAILED && close(file) == 0, "it fails");
    map(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0); /* closed: a finding */
    CHECK(text[0] == 0x7f, "an ELF file");
}

static void segments(void)
{
    char *path = note(strdup("/etc/passwd"), 1, "a string on the heap");
    CHECK(ftok(path, 7) != -1 && ftok("/etc/passwd", 7 + 256) != -1, "%s", strerror(errno));
    for (int i = 0; i < 4; i++) {
        int id = shmget(IPC_PRIVATE, 5000, IPC_CREAT | 0600);
        CHECK(id >= 0, "%s", strerror(errno));
        char *memory = note(shmat(id, NULL, 0), 2 * PAGE, "a segment");
        CHECK(shmctl(id, IPC_RMID, NULL) == 0, "%s", strerror(errno));
        if (i & 1)
            CHECK(shmdt(memory + PAGE) == -1 && shmdt(memory) == 0, "%s", strerror(errno));
    }
}

/* Code that the program has made itself calls the library, so that its return address is one of the program's memory. */
static void from_own_code(void)
{
#ifdef __x86_64__
    unsigned char *code = map_at(0x2345678a0000, 1, "code");
    void *calls[] = {(void *)(uintptr_t)mmap, (void *)(uintptr_t)munmap};
    for (int i = 0; i < 2; i++) {
        static const unsigned char rest[] = {0x48, 0x83, 0xec, 0x08, 0xff, 0xd0, 0x48, 0x83, 0xc4, 0x08, 0xc3};
        unsigned char *at = code + 64 * i;
        at[0] = 0x48, at[1] = 0xb8; /* mov rax, CALL; sub rsp, 8; call rax; add rsp, 8; ret */
        memcpy(at + 2, &calls[i], sizeof calls[i]);
        memcpy(at + 10, rest, sizeof rest);
    }
    CHECK(mprotect(code, PAGE, PROT_READ | PROT_EXEC) == 0, "%s", strerror(errno));
    work((mapper)(uintptr_t)code, (unmapper)(uintptr_t)(code + 64));
#endif
}

static void *in_thread(void *unused)
{
    work(mmap, munmap);
    return unused;
}

static void on_own_stack(void)
{
    const size_t size = 256 * 1024;
    char *stack = map_at(0x345678900000, size / PAGE, "a thread's stack");
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstack(&attributes, stack, size) == 0, "a stack");
    CHECK(pthread_create(&thread, &attributes, in_thread, NULL) == 0 && pthread_join(thread, NULL) == 0, "a thread");
}

static sigjmp_buf back;

static void jump(int signal)
{
    (void)signal;
    siglongjmp(back, 1);
}

static void faults(void)
{
    char *memory = map_at(0x456789a00000, 4, "what is written to");
    CHECK(mprotect(memory, 4 * PAGE, PROT_READ) == 0, "%s", strerror(errno));
    struct sigaction action = {.sa_handler = jump}, before;
    CHECK(sigaction(SIGSEGV, &action, &before) == 0, "%s", strerror(errno));
    if (sigsetjmp(back, 1) == 0)
        *(volatile char *)memory = 1;
    CHECK(sigaction(SIGSEGV, &before, NULL) == 0, "%s", strerror(errno));
    pid_t child = fork();
    if (child == 0) {
        work(mmap, munmap);
        *(volatile char *)memory = 1;
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "status %#x", status);
}

static void ask(void)
{
    int null = open("/dev/null", O_WRONLY);
    int (*describe)(const void *, int) = (int (*)(const void *, int))dlsym(RTLD_DEFAULT, "mapsan_describe_address");
    long (*dump)(int) = (long (*)(int))dlsym(RTLD_DEFAULT, "mapsan_dump_mappings");
    unsigned long (*leaks)(void) = (unsigned long (*)(void))dlsym(RTLD_DEFAULT, "mapsan_check_leaks");
    CHECK(describe != NULL && dump != NULL && leaks != NULL, "the program runs without the library");
    for (size_t i = 0; i < count; i++)
        describe((void *)made[i].start, null);
    CHECK(dump(null) > 0, "mappings are known");
    leaks();
    close(null);
}

/* ---- what is looked through ---- */

/* Mappings that are there now. */
static struct mapping {
    uintptr_t start, end;
    char rights[5], name[200];
} there[4096];
static size_t mappings;

static void read_mappings(void)
{
    FILE *list = fopen("/proc/self/maps", "r");
    if (list == NULL)
        SKIP("no /proc");
    char line[512];
    while (fgets(line, sizeof line, list) != NULL && mappings < sizeof there / sizeof *there) {
        struct mapping *one = &there[mappings++];
        one->name[0] = 0;
        sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %*s %199[^\n]", &one->start, &one->end, one->rights, one->name);
    }
    fclose(list);
}

static const struct range *made_at(uintptr_t address)
{
    for (size_t i = 0; i < count; i++)
        if (address - made[i].start < made[i].end - made[i].start)
            return &made[i];
    return NULL;
}

static uintptr_t heap_start, heap_end;
static int found;
static size_t scanned;

/* Looks through memory of the library's for what looks like an address of the program's. */
static void scan(uintptr_t from, uintptr_t to, const char *where)
{
    for (uintptr_t at = from; at + sizeof(uintptr_t) <= to; at += sizeof(uintptr_t)) {
        uintptr_t word = *(volatile uintptr_t *)at;
        scanned++;
        if (word < 65536 || word >> 47 != 0)
            continue;
        const struct range *one = made_at(word);
        const char *what = one != NULL ? one->what : word >= heap_start && word < heap_end ? "the heap" : NULL;
        if (what != NULL && found++ < 20)
            printf("%#" PRIxPTR " at %#" PRIxPTR " (%s + %#" PRIxPTR "): %s\n", word, at, where, at - from, what);
    }
}

static int scan_object(struct dl_phdr_info *object, size_t size, void *library)
{
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uintptr_t start = object->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_LOAD && (uintptr_t)library - start < part->p_memsz)
            goto ours;
    }
    return 0;
ours:
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uintptr_t start = object->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_LOAD && (part->p_flags & PF_W) != 0)
            scan((start + 7) & ~7UL, start + part->p_memsz, "the library's data");
    }
    return 1;
}

/* Mappings of nobody's but the library: anonymous, and neither the program's, nor the data of an object, nor a thread's. */
static void scan_mappings(void)
{
    uintptr_t thread = (uintptr_t)pthread_self();
    for (size_t i = 0; i < mappings; i++) {
        const struct mapping *one = &there[i];
        int follows_object = i > 0 && there[i - 1].end == one->start && there[i - 1].name[0] == '/';
        if (one->rights[0] != 'r' || one->rights[1] != 'w' || one->name[0] != 0 || follows_object
            || (thread >= one->start && thread < one->end))
            continue;
        for (uintptr_t page = one->start; page < one->end; page += PAGE)
            if (made_at(page) == NULL)
                scan(page, page + PAGE, "a mapping of the library's");
    }
}

int main(void)
{
    alarm(50);
    void *library = dlsym(RTLD_DEFAULT, "mapsan_count");
    CHECK(library != NULL, "the program runs without the library");
    map_at(0x123456780000, 1000, "a mapping of a place of its own");
    note(sbrk(PAGE), PAGE, "memory of sbrk");
    /* More mappings than the library has places for in its data. */
    for (int i = 0; i < 3000; i++)
        note(mmap(NULL, PAGE, i & 1 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), PAGE, "one of many");
    for (int i = 0; i < 200; i++)
        fail_at(i);
    work(mmap, munmap);
    segments();
    from_own_code();
    on_own_stack();
    faults();
    ask();
    fail_at(200);
    CHECK(findings(0) + findings(1) + findings(2) > 200, "findings");
    read_mappings();
    for (size_t i = 0; i < mappings; i++)
        if (strcmp(there[i].name, "[heap]") == 0)
            heap_start = there[i].start, heap_end = there[i].end;
    CHECK(heap_end > heap_start, "a heap");
    dl_iterate_phdr(scan_object, library);
    scan_mappings();
    CHECK(found == 0, "%d words of %zu look like addresses of the program's", found, scanned);
    CHECK(scanned > 100000, "%zu words looked through", scanned);
    return 0;
}
