/* sweep: --timeout=2 */
/* Of two threads one may not be there, and is waited for all the same. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

static sem_t is_done;

static void *work(void *argument)
{
    sem_post(&is_done);
    return argument;
}

int main(void)
{
    pthread_t thread;

    sem_init(&is_done, 0, 0);
    if (pthread_create(&thread, NULL, work, NULL) != 0)
        return fputs("there is no thread\n", stderr), 1;
    pthread_detach(thread);
    sem_wait(&is_done);
    pthread_create(&thread, NULL, work, NULL); /* hang */
    sem_wait(&is_done);
    puts("done");
    return 0;
}
