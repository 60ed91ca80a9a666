/* Faults that start elsewhere: an overrun that ran over the neighbours of its mapping, and a pointer that another process has kept
   in shared memory: neighbours CASE PLUGIN. Each ends by its signal; 77: the case can't be had here. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096
#define RW (PROT_READ | PROT_WRITE)
#define HERE (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)

static void check(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(70);
    }
}

/* What the loader or libc might have mapped there. */
static char *foreign(char *at, size_t pages, int prot)
{
    char *mapped = (char *)syscall(SYS_mmap, at, pages * PAGE, prot, at ? HERE : HERE & ~MAP_FIXED, -1, 0L);
    check(mapped != MAP_FAILED, "mmap");
    return mapped;
}

static char *own(char *at)
{
    char *mapped = mmap(at, PAGE, RW, HERE, -1, 0);
    check(mapped == at, "mmap");
    return mapped;
}

static void run(volatile char *from, char byte)
{
    for (;;)
        *from++ = byte;
}

static void beside(void) { run(own(foreign(NULL, 8, PROT_READ) + 3 * PAGE), 1); }

static void over(void)
{
    char *room = foreign(NULL, 8, PROT_READ);
    foreign(room + 4 * PAGE, 1, RW);
    foreign(room + 5 * PAGE, 2, RW | PROT_EXEC);
    run(own(room + 3 * PAGE), 1);
}

static void run_down(volatile char *from, char byte)
{
    for (;;)
        *from-- = byte;
}

static void under(void)
{
    char *room = foreign(NULL, 8, PROT_READ);
    foreign(room + 2 * PAGE, 1, RW | PROT_EXEC);
    foreign(room + 3 * PAGE, 1, RW);
    run_down(own(room + 4 * PAGE) + PAGE - 1, 1);
}

/* The same of a segment, into nothing, far below. */
static void under_segment(void)
{
    char *room = foreign(NULL, 64, PROT_NONE);
    check(syscall(SYS_munmap, room, 8 * PAGE) == 0, "munmap");
    foreign(room + 8 * PAGE, 32, RW);
    int id = shmget(IPC_PRIVATE, PAGE, 0600);
    char *at = shmat(id, room + 40 * PAGE, SHM_REMAP);
    check(id >= 0 && shmctl(id, IPC_RMID, NULL) == 0 && at == room + 40 * PAGE, "segment");
    run_down(at + 100, 1);
}

/* Of two that it may have run out of, the nearer. */
static void between_two(void)
{
    char *room = foreign(NULL, 16, PROT_READ);
    own(room + 2 * PAGE);
    foreign(room + 3 * PAGE, 4, RW);
    foreign(room + 8 * PAGE, 1, RW);
    own(room + 9 * PAGE);
    *(volatile char *)(room + 7 * PAGE) = 1;
}

static void under_beyond(void)
{
    char *room = foreign(NULL, 8, PROT_READ);
    foreign(room + 2 * PAGE, 1, RW);
    own(room + 4 * PAGE);
    *(volatile char *)(room + 2 * PAGE - 1) = 1;
}

/* The guard below a stack that is in use: the access ran out of something on it. */
static void *below_own_stack(void *guard)
{
    *(volatile char *)guard = 1;
    return NULL;
}

static void under_stack(void)
{
    char *room = foreign(NULL, 80, PROT_READ);
    foreign(room + PAGE, 64, RW);
    own(room + 65 * PAGE);
    pthread_attr_t attributes;
    pthread_t started;
    pthread_attr_init(&attributes);
    check(pthread_attr_setstack(&attributes, room + PAGE, 64 * PAGE) == 0, "stack");
    check(pthread_create(&started, &attributes, below_own_stack, room + PAGE - 1) == 0, "thread");
    pthread_join(started, NULL);
}

/* Something else lies between, which nothing can run over. */
static void beyond(void)
{
    char *room = foreign(NULL, 8, PROT_READ);
    own(room + 3 * PAGE);
    foreign(room + 5 * PAGE, 1, RW);
    *(volatile char *)(room + 6 * PAGE) = 1;
}

/* Inside a page that can't be written, a page behind. */
static void inside(void)
{
    char *room = foreign(NULL, 8, PROT_READ);
    own(room + 3 * PAGE);
    *(volatile char *)(room + 5 * PAGE) = 1;
}

/* The thread's own block and the loader's tables lie above the first mappings: all of them become 0. */
static void over_tables(void)
{
    /* Right below writable memory of others, wherever there is room. */
    unsigned long start, end, below = 0, room = 256 * PAGE, place = 0;
    char line[512], write;
    FILE *maps = fopen("/proc/self/maps", "r");
    check(maps != NULL, "maps");
    while (place == 0 && fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx %*c%c", &start, &end, &write) == 3) {
            if (write == 'w' && below != 0 && start - below > 2 * room && strstr(line, "[heap]") == NULL &&
                strstr(line, "[stack]") == NULL)
                place = start - room;
            below = end;
        }
    fclose(maps);
    if (place == 0) { /* then of a call that the library does not see */
        char *all = (char *)syscall(SYS_mmap, NULL, 2 * room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        check(syscall(SYS_munmap, all, 2 * room) == 0, "munmap");
        place = (unsigned long)all;
        all += room;
        check(syscall(SYS_mmap, all, 3 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == (long)all, "mmap there");
    }
    char *mapped = mmap((void *)place, room, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    check(mapped == (char *)place, "mmap there");
    run(mapped, 0);
}

static int deep(int calls)
{
    volatile char large[512];
    large[0] = 1;
    return calls == 0 ? 0 : deep(calls - 1) + large[0];
}

static void *thread(void *unused)
{
    (void)unused;
    printf("%d\n", deep(1 << 30));
    return NULL;
}

/* A stack that runs out into its guard, beside which a mapping ends. */
static void stack(void)
{
    char *room = foreign(NULL, 64, RW);
    foreign(room + 4 * PAGE, 1, PROT_NONE);
    own(room + 3 * PAGE);
    pthread_attr_t attributes;
    pthread_t id;
    pthread_attr_init(&attributes);
    check(pthread_attr_setstack(&attributes, room + 5 * PAGE, 59 * PAGE) == 0, "stack");
    check(pthread_create(&id, &attributes, thread, NULL) == 0, "thread");
    pthread_join(id, NULL);
}

struct message {
    long filled;
    char *text;
};

static void *nowhere(void)
{
    char *gone = foreign(NULL, 64, RW);
    check(syscall(SYS_munmap, gone, 64L * PAGE) == 0, "munmap");
    return gone + 32 * PAGE;
}

static struct message *segment(void)
{
    int id = shmget(IPC_PRIVATE, sizeof(struct message), IPC_CREAT | 0600);
    check(id >= 0, "shmget");
    /* Far from everything. */
    struct message *message = shmat(id, (void *)0x200000000000, 0);
    check(message != (void *)-1, "shmat");
    shmctl(id, IPC_RMID, NULL);
    message->text = nowhere();
    return message;
}

static void stored(void) { (void)*(volatile char *)segment()->text; }
static void stored_field(void) { (void)((volatile char *)segment()->text)[24]; }
static void stored_elsewhere(void) { (void)((volatile char *)segment()->text)[-8]; }

static void stored_alone(void)
{
    char *mapped = mmap((void *)0x200000000000, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(mapped != MAP_FAILED, "mmap");
    *(char **)mapped = nowhere();
    (void)**(volatile char **)mapped;
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"beside", beside}, {"over", over}, {"beyond", beyond}, {"under", under}, {"under-segment", under_segment},
    {"between-two", between_two}, {"under-beyond", under_beyond}, {"under-stack", under_stack}, {"inside", inside},
    {"over-tables", over_tables}, {"stack", stack}, {"stored", stored}, {"stored-field", stored_field},
    {"stored-elsewhere", stored_elsewhere}, {"stored-alone", stored_alone},
};

int main(int count, char **words)
{
    alarm(20);
    if (count != 3)
        return 64;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (strcmp(words[1], cases[i].name) == 0) {
            cases[i].run();
            return 71;
        }
    return 64;
}
