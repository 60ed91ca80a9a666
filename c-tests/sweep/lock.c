/* sweep: --timeout=3 */
/* A child ends without unlocking where its call fails; the parent waits with a time limit, and goes on. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t *mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct timespec until;
    pid_t pid;

    if (mutex == MAP_FAILED)
        return perror("mmap"), 1;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(mutex, &attributes); /* made */
    pid = fork();
    if (pid == 0) {
        char *text;

        pthread_mutex_lock(mutex);
        text = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* lock */
        if (text == MAP_FAILED)
            _exit(1);
        text[0] = 'a';
        pthread_mutex_unlock(mutex);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    if (pthread_mutex_timedlock(mutex, &until) != 0)
        fputs("the lock is not free\n", stderr);
    puts("done");
    return 0;
}
