/* A correct program but for one call, for r38_sanitizers.sh: what it prints and how it ends is the same under a sanitizer. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void *work(void *result)
{
    for (int i = 0; i < 50; i++) {
        char *pages[40];
        for (int k = 0; k < 40; k++) {
            pages[k] = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (pages[k] == MAP_FAILED)
                return NULL;
        }
        memset(pages[3], 1, 8192);
        for (int k = 0; k < 40; k++)
            if (munmap(pages[k * 7 % 40], 8192) != 0)
                return NULL;
    }
    return result;
}

int main(void)
{
    pthread_t threads[2];
    void *result;
    int worked = 0, status = 0;
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, &worked);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], &result);
        worked += result == &worked;
    }
    errno = 0;
    void *failed = mmap(NULL, 4096, PROT_READ, MAP_SHARED, 999, 0); /* the finding */
    printf("%d threads; %d, %s\n", worked, failed == MAP_FAILED, errno == EBADF ? "EBADF" : "another error");
    fflush(stdout);
    if (fork() == 0)
        _exit(work(&worked) == NULL ? 1 : 3);
    wait(&status);
    printf("the child ended with %d\n", WEXITSTATUS(status));
    char *copy = strdup("kept until exit");
    puts(copy);
    free(copy);
    return 5;
}
