/* The main thread has ended, and another goes on: /proc/self shows neither memory nor descriptors then. ended FILE [wait] */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#define PAGE 4096

static pthread_t first;
static char **words;
static char heap_name[] = "/a/b";

static void *rest(void *unused)
{
    pthread_join(first, NULL);
    /* The path of a descriptor, and where a hole is. */
    int fd = open(words[1], O_WRONLY | O_CREAT, 0600);
    if (fd < 0)
        return NULL;
    void *refused = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    printf("mmap: %d\n", refused == MAP_FAILED ? errno : 0);
    char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(pages + PAGE, PAGE);
    printf("mprotect: %d\n", mprotect(pages, 2 * PAGE, PROT_READ) ? errno : 0);
    /* Where names and numbers of the program's are read. */
    printf("shm_open: %d\n", shm_open(heap_name, O_RDONLY, 0) < 0 ? errno : 0);
    printf("shmget: %d\n", shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600) < 0 ? errno : 0);
    fflush(stdout);
    if (words[2] != NULL) {
        char *kept = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        kept[0] = 1;
        printf("ready\n");
        fflush(stdout);
        if (strcmp(words[2], "abort") == 0)
            *(volatile char *)(pages + PAGE) = 1;
        for (;;)
            pause();
    }
    return unused;
}

int main(int count, char **arguments)
{
    pthread_t thread;
    words = arguments;
    first = pthread_self();
    alarm(60);
    if (count < 2 || pthread_create(&thread, NULL, rest, NULL) != 0)
        return 64;
    pthread_exit(NULL);
}
