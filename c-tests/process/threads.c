/* Threads start as without the library: argument, stack, result, failure; and findings name them. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 300

static void *same(void *argument) { return argument; }
static void *leaves(void *argument) { pthread_exit(argument); }
static void *waits(void *argument)
{
    pthread_barrier_wait(argument);
    return NULL;
}

/* munmap of NULL is an error wherever it is made. */
static void *errs(void *unused)
{
    munmap(NULL, 4096);
    return unused;
}

/* What this program, run with the name of a body, writes to standard error. */
static const char *told_by(const char *body)
{
    static char text[65536];
    int output[2];
    CHECK(pipe(output) == 0, "pipe");
    pid_t child = fork();
    if (child == 0) {
        dup2(output[1], 2);
        execl("/proc/self/exe", "threads", body, (char *)NULL);
        _exit(1);
    }
    close(output[1]);
    size_t length = 0;
    ssize_t got;
    while ((got = read(output[0], text + length, sizeof text - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
    close(output[0]);
    waitpid(child, NULL, 0);
    return text;
}

/* The second thread that it starts, which is the third. */
static void in_the_second(void)
{
    pthread_t one, two;
    pthread_create(&one, NULL, same, NULL);
    pthread_join(one, NULL);
    pthread_create(&two, NULL, errs, NULL);
    pthread_join(two, NULL);
}

static void alone(void) { errs(NULL); }

static void in_the_main_thread(void)
{
    static pthread_barrier_t barrier;
    pthread_t one;
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&one, NULL, waits, &barrier);
    errs(NULL);
    pthread_barrier_wait(&barrier);
    pthread_join(one, NULL);
}

int main(int count, char **arguments)
{
    if (count > 1) {
        void (*body)(void) = *arguments[1] == 's' ? in_the_second : *arguments[1] == 'm' ? in_the_main_thread : alone;
        body();
        return 0;
    }
    pthread_t threads[THREADS];
    void *result;
    alarm(60);
    for (intptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, i % 2 ? same : leaves, (void *)(i + 1)) == 0, "thread %d", (int)i);
    for (intptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], &result) == 0 && result == (void *)(i + 1), "the result of thread %d", (int)i);

    /* One that can't be made: a processor that is not there. */
    pthread_attr_t attributes;
    cpu_set_t none;
    CPU_ZERO(&none);
    pthread_attr_init(&attributes);
    pthread_attr_setaffinity_np(&attributes, sizeof none, &none);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[0], &attributes, same, NULL) == EINVAL, "a thread without a processor");
    CHECK(pthread_create(&threads[0], NULL, same, threads) == 0, "a thread after those that failed");
    CHECK(pthread_join(threads[0], &result) == 0 && result == threads, "its result");

    if (dlsym(RTLD_DEFAULT, "mapsan_version") == NULL)
        return 0;
    const char *text = told_by("second");
    CHECK(strstr(text, "in thread 3, which was started here:") != NULL, "the thread is named: %s", text);
    text = told_by("main");
    CHECK(strstr(text, "in the main thread") != NULL, "the main thread is named: %s", text);
    text = told_by("alone");
    CHECK(strstr(text, "munmap-not-mapped") != NULL && strstr(text, "in thread") == NULL
          && strstr(text, "main thread") == NULL, "one thread has no name: %s", text);
    return 0;
}
