/* Four threads make the same mistake at the same place. */
#include <pthread.h>
#include <sys/mman.h>

static void *work(void *unused)
{
    munmap(NULL, 4096);
    return unused;
}

int main(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
