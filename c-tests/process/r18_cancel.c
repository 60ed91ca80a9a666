/* R18: a thread is cancelled inside msync, a cancellation point, and unwinds through the library; reports go on. */
#define _GNU_SOURCE
#include "check.h"
#include "sites.h"
#include <pthread.h>
#include <unistd.h>

static int cleaned;
static void clean(void *unused) { (void)unused; cleaned++; }

static void *sync_for_ever(void *page)
{
    pthread_cleanup_push(clean, NULL);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cancel(pthread_self()); /* pending: taken at the first cancellation point */
    /* Not one: a mistake is reported, and the report must not be one either. */
    fail_at(1);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    for (;;)
        msync(page, 4096, MS_SYNC);
    pthread_cleanup_pop(0);
    return NULL;
}

int main(void)
{
    alarm(50);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        void *result;
        CHECK(pthread_create(&thread, NULL, sync_for_ever, page) == 0, "no thread");
        pthread_join(thread, &result);
        CHECK(result == PTHREAD_CANCELED, "the thread returned %p", result);
    }
    CHECK(cleaned == 100, "%d of 100 cleanups ran", cleaned);
    errno = 12345;
    CHECK(fail_at(2) && errno == EINVAL, "errno %d", errno);
    errno = 12345;
    CHECK(munmap(page, 4096) == 0 && errno == 12345, "errno %d after a success", errno);
    CHECK(findings(2) == 2, "%lu errors", findings(2));
    return 0;
}
