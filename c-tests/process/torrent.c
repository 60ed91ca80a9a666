/* Eight threads make the same 2,400 mistakes at once, each at a call site of its own, again and again; judged by
 * torrent.sh, by what is in the log. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#define ONE munmap((void *)0, 0);
#define TEN ONE ONE ONE ONE ONE ONE ONE ONE ONE ONE
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void *work(void *rounds)
{
    for (long round = 0; round < (long)rounds; round++) {
        HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED
        HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED
    }
    return NULL;
}

int main(int count, char **words)
{
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)strtol(count > 1 ? words[1] : "10", NULL, 10)) != 0)
            return 1;
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
