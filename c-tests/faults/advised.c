/* Faults that come of advice (madvise): memory that a forked child was not given, and guards. advised CASE */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

static volatile char *at; /* what is written to */

static char *map(size_t size)
{
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        exit(3);
    return memory;
}

static void advise(char *memory, size_t size, int advice)
{
    if (madvise(memory, size, advice) == 0)
        return;
    printf("SKIPPED: advice %d is not to be had here: guards need Linux 6.13\n", advice);
    exit(77);
}

/* Writes in a forked child, and in the `generations`th one. */
static void write_in_child(int generations)
{
    fflush(stdout);
    for (int i = 0; i < generations; i++) {
        pid_t child = fork();
        if (child != 0) {
            int status = 0;
            waitpid(child, &status, 0);
            _exit(WIFSIGNALED(status) ? 10 + WTERMSIG(status) : WEXITSTATUS(status));
        }
    }
    *at = 1;
    _exit(0);
}

static char *guarded(size_t pages, size_t first, size_t count)
{
    char *memory = map(pages * PAGE);
    advise(memory + first * PAGE, count * PAGE, MADV_GUARD_INSTALL);
    return memory;
}

int main(int count, char **words)
{
    const char *name = count > 1 ? words[1] : "";
#define is(what) (strcmp(name, what) == 0)
    char *memory = map(16 * PAGE);
    if (is("whole")) {
        advise(memory, 16 * PAGE, MADV_DONTFORK);
        at = memory + 5 * PAGE;
        write_in_child(1);
    } else if (is("rounded")) {
        advise(memory + PAGE, 100, MADV_DONTFORK);
        at = memory + PAGE + 300;
        write_in_child(1);
    } else if (is("beside")) { /* what was given is there */
        advise(memory + PAGE, PAGE, MADV_DONTFORK);
        at = memory + 2 * PAGE;
        write_in_child(1);
    } else if (is("grandchild")) {
        advise(memory, PAGE, MADV_DONTFORK);
        at = memory;
        write_in_child(2);
    } else if (is("moved")) {
        advise(memory, 16 * PAGE, MADV_DONTFORK);
        memory = mremap(memory, 16 * PAGE, 4096 * PAGE, MREMAP_MAYMOVE);
        at = memory + PAGE;
        write_in_child(1);
    } else if (is("segment")) {
        int id = shmget(IPC_PRIVATE, PAGE, 0600);
        char *attached = shmat(id, NULL, 0);
        shmctl(id, IPC_RMID, NULL);
        advise(attached, PAGE, MADV_DONTFORK);
        at = attached;
        write_in_child(1);
    } else if (is("heap")) {
        char *block;
        if (posix_memalign((void **)&block, PAGE, 4 * PAGE) != 0)
            exit(3);
        advise(block, 4 * PAGE, MADV_DONTFORK);
        at = block + PAGE;
        write_in_child(1);
    } else if (is("large-block")) { /* a mapping of malloc's own */
        char *block = malloc(4096 * PAGE);
        block += PAGE - (size_t)block % PAGE;
        advise(block, PAGE, MADV_DONTFORK);
        at = block;
        write_in_child(1);
    } else if (is("given-again")) {
        advise(memory, 16 * PAGE, MADV_DONTFORK);
        advise(memory, 16 * PAGE, MADV_DOFORK);
        munmap(memory, 16 * PAGE);
        at = memory;
        write_in_child(1);
    } else if (is("freed-before")) { /* malloc has given it back: it was not there for the child to get */
        char *block = malloc(4096 * PAGE), *page = block + PAGE - (size_t)block % PAGE;
        advise(page, PAGE, MADV_DONTFORK);
        free(block);
        at = page;
        write_in_child(1);
    } else if (is("replaced")) {
        advise(memory, 16 * PAGE, MADV_DONTFORK);
        mmap(memory, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        at = memory;
        write_in_child(1);
    } else if (is("made-in-the-child")) {
        if (fork() == 0) {
            advise(memory, 16 * PAGE, MADV_DONTFORK);
            munmap(memory, 16 * PAGE);
            *(volatile char *)memory = 1;
        }
        int status = 0;
        wait(&status);
        return WTERMSIG(status);
    } else if (is("unmapped-in-the-child")) { /* no second time, as the child sees it */
        advise(memory, 16 * PAGE, MADV_DONTFORK);
        pid_t child = fork();
        if (child == 0)
            _exit(munmap(memory, 16 * PAGE) != 0);
        int status = 0;
        waitpid(child, &status, 0);
        return status;
    } else if (is("guard-behind")) {
        at = guarded(16, 15, 1) + 15 * PAGE + 7;
    } else if (is("guard-before")) {
        at = guarded(16, 0, 1) + PAGE - 1;
    } else if (is("guards-around")) {
        memory = guarded(16, 0, 2);
        advise(memory + 14 * PAGE, 2 * PAGE, MADV_GUARD_INSTALL);
        at = memory + 14 * PAGE;
    } else if (is("guard-deep")) {
        at = guarded(256, 1, 200) + 100 * PAGE;
    } else if (is("guard-removed")) {
        memory = guarded(16, 0, 16);
        advise(memory, 16 * PAGE, MADV_GUARD_REMOVE);
        at = memory;
    } else if (is("guard-of-malloc")) { /* not memory that the program has mapped */
        char *block;
        if (posix_memalign((void **)&block, PAGE, 4 * PAGE) != 0)
            exit(3);
        advise(block, PAGE, MADV_GUARD_INSTALL);
        at = block;
    } else {
        return 2;
    }
    *at = 1;
    return 0;
}
