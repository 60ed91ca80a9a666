/* A mutex in a segment, made with the default attributes: of one process alone. */
#include <pthread.h>
#include <stdio.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

struct room {
    pthread_mutex_t lock;
    int visits;
};

int main(void)
{
    int id = shmget(0x6d730131, sizeof(struct room), IPC_CREAT | IPC_EXCL | 0600);
    struct room *room = shmat(id, NULL, 0);
    pthread_mutex_init(&room->lock, NULL); /* faulty */
    if (fork() == 0) {
        pthread_mutex_lock(&room->lock);
        room->visits++;
        pthread_mutex_unlock(&room->lock);
        shmdt(room);
        _exit(0);
    }
    wait(NULL);
    printf("%d visit\n", room->visits);
    pthread_mutex_destroy(&room->lock);
    shmdt(room);
    shmctl(id, IPC_RMID, NULL);
    return 0;
}
