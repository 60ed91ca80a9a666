/* Faults on memory that a call of the program has protected, wherever that memory comes from: protections CASE -. Each ends
   by its signal; 77: the case can't be had here. */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define RW (PROT_READ | PROT_WRITE)

static char data[4 * PAGE] __attribute__((aligned(PAGE))) = {1};
static char bss[4 * PAGE] __attribute__((aligned(PAGE)));

static void check(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(70);
    }
}

static void protect(void *at, size_t length, int prot) { check(mprotect(at, length, prot) == 0, "mprotect"); }
static char *page_of(void *at) { return (char *)((uintptr_t)at & -(uintptr_t)PAGE); }
static void write_byte(void *at) { *(volatile char *)at = 1; }
static void read_byte(void *at) { (void)*(volatile char *)at; }

static char *anonymous(size_t pages, int prot)
{
    char *mapped = mmap(NULL, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(mapped != MAP_FAILED, "mmap");
    return mapped;
}

static void of_data(void)
{
    protect(data + PAGE, PAGE, PROT_READ);
    write_byte(data + PAGE + 8);
}

static void of_bss(void)
{
    protect(bss + PAGE, 2 * PAGE, PROT_NONE);
    read_byte(bss + 2 * PAGE);
}

static void of_constants(void)
{
    static const char text[2 * PAGE] __attribute__((aligned(PAGE))) = "constant";
    protect((void *)(uintptr_t)text, PAGE, PROT_NONE);
    read_byte((void *)(uintptr_t)text);
}

/* A page that is in use: above the stack pointer. */
static void of_stack(void)
{
    char room[4 * PAGE];
    char *page = page_of(room + 2 * PAGE);
    write_byte(room);
    protect(page, PAGE, PROT_READ);
    write_byte(page + 16);
}

static void *on_stack(void *unused)
{
    of_stack();
    return unused;
}

static void of_thread_stack(void)
{
    pthread_t thread;
    check(pthread_create(&thread, NULL, on_stack, NULL) == 0 && pthread_join(thread, NULL) == 0, "thread");
}

static void of_heap(void)
{
    char *page = memalign(PAGE, PAGE);
    protect(page, 1, PROT_READ);
    write_byte(page + PAGE - 1);
}

/* malloc maps large blocks by itself. */
static void of_large_block(void)
{
    char *block = malloc(4 << 20), *page = page_of(block + (1 << 20));
    protect(page, PAGE, PROT_NONE);
    read_byte(page + 77);
}

static void *in_arena(void *unused)
{
    of_heap();
    return unused;
}

static void of_arena(void)
{
    pthread_t thread;
    check(pthread_create(&thread, NULL, in_arena, NULL) == 0 && pthread_join(thread, NULL) == 0, "thread");
}

static void of_key(int key, void *page)
{
    if (pkey_mprotect(page, PAGE, PROT_READ, key) != 0) {
        perror("SKIPPED: pkey_mprotect");
        exit(77);
    }
    write_byte((char *)page + 5);
}

static void of_key_of_all(void) { of_key(0, anonymous(2, RW)); }
static void of_key_and_heap(void) { of_key(0, memalign(PAGE, PAGE)); }

static void of_closed_key(void)
{
    int key = pkey_alloc(0, PKEY_DISABLE_ACCESS);
    if (key < 0) {
        perror("SKIPPED: pkey_alloc");
        exit(77);
    }
    char *page = memalign(PAGE, PAGE);
    check(pkey_mprotect(page, PAGE, RW, key) == 0, "pkey_mprotect");
    read_byte(page);
}

/* Which of them it was: the last whose range holds the page. */
static void of_several(void)
{
    char *memory = anonymous(8, RW);
    protect(memory, 8 * PAGE, PROT_NONE);
    protect(memory, 8 * PAGE, RW);
    protect(memory + 2 * PAGE, 3 * PAGE, PROT_READ);
    protect(memory + 3 * PAGE, PAGE, RW);
    protect(memory + 5 * PAGE, PAGE, PROT_READ);
    write_byte(memory + 4 * PAGE);
}

/* Of the last page, of which the call was given a byte. */
static void of_last_page(void)
{
    char *memory = anonymous(4, RW);
    protect(memory, 2 * PAGE + 1, PROT_READ);
    write_byte(memory + 2 * PAGE + 100);
}

static void of_closed_last_page(void)
{
    char *memory = anonymous(4, RW);
    protect(memory, PAGE + 1, PROT_NONE);
    read_byte(memory + PAGE + 104);
}

/* The key closes it, which another call has given. */
static void of_last_page_and_key(void)
{
    char *memory = anonymous(4, RW);
    int key = pkey_alloc(0, PKEY_DISABLE_ACCESS);
    if (key < 0) {
        perror("SKIPPED: pkey_alloc");
        exit(77);
    }
    check(pkey_mprotect(memory, 4 * PAGE, RW, key) == 0, "pkey_mprotect");
    protect(memory, 2 * PAGE + 1, RW);
    read_byte(memory + 2 * PAGE + 100);
}

/* The last byte that the call was given. */
static void of_given_page(void)
{
    char *memory = anonymous(4, RW);
    protect(memory, 2 * PAGE + 101, PROT_READ);
    write_byte(memory + 2 * PAGE + 100);
}

static void of_several_in_data(void)
{
    protect(data, 3 * PAGE, PROT_READ);
    protect(data + 2 * PAGE, PAGE, PROT_NONE);
    write_byte(data + PAGE);
}

static void of_half(void)
{
    char *memory = anonymous(4, RW);
    check(munmap(memory + 2 * PAGE, PAGE) == 0, "munmap");
    check(mprotect(memory, 4 * PAGE, PROT_READ) != 0, "mprotect over a hole");
    write_byte(memory + PAGE);
}

static void of_segment(void)
{
    int id = shmget(IPC_PRIVATE, 4 * PAGE, 0600);
    char *at = shmat(id, NULL, 0);
    check(id >= 0 && at != (void *)-1 && shmctl(id, IPC_RMID, NULL) == 0, "segment");
    protect(at + PAGE, PAGE, PROT_READ);
    write_byte(at + PAGE);
}

static void in_child(void *at)
{
    pid_t child = fork();
    if (child == 0) {
        write_byte(at);
        _exit(71);
    }
    int status;
    check(waitpid(child, &status, 0) == child, "waitpid");
    if (WIFSIGNALED(status)) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        signal(WTERMSIG(status), SIG_DFL);
        kill(getpid(), WTERMSIG(status));
    }
}

static void of_parent(void)
{
    char *memory = anonymous(2, RW);
    protect(memory, PAGE, PROT_READ);
    in_child(memory);
}

static void of_parent_in_heap(void)
{
    char *page = memalign(PAGE, PAGE);
    protect(page, PAGE, PROT_READ);
    in_child(page);
}

static void into_guard(void)
{
    char *memory = anonymous(4, RW);
    protect(memory + 3 * PAGE, PAGE, PROT_NONE);
    write_byte(memory + 3 * PAGE);
}

static void of_code(void)
{
    char *code = anonymous(1, RW);
    *code = (char)0xc3; /* a return, on x86-64 */
    protect(code, PAGE, PROT_READ);
    ((void (*)(void))(uintptr_t)code)();
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"data", of_data}, {"bss", of_bss}, {"constants", of_constants}, {"stack", of_stack}, {"thread-stack", of_thread_stack},
    {"heap", of_heap}, {"large-block", of_large_block}, {"arena", of_arena}, {"key", of_key_of_all},
    {"key-heap", of_key_and_heap}, {"closed-key", of_closed_key}, {"several", of_several},
    {"last-page", of_last_page}, {"given-page", of_given_page}, {"last-page-closed", of_closed_last_page}, {"last-page-of-key", of_last_page_and_key},
    {"several-data", of_several_in_data}, {"half", of_half}, {"segment", of_segment}, {"parent", of_parent}, {"parent-heap", of_parent_in_heap}, {"guard", into_guard}, {"code", of_code},
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
