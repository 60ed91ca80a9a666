/* Of two segments that a child makes, its parent removes one. */
#include <stdlib.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int pipes[2], ids[2];
    if (pipe(pipes) != 0)
        return 1;
    if (fork() == 0) {
        ids[0] = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
        ids[1] = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600);
        exit(write(pipes[1], ids, sizeof ids) != sizeof ids);
    }
    if (read(pipes[0], ids, sizeof ids) != sizeof ids)
        return 1;
    wait(NULL);
    return shmctl(ids[0], IPC_RMID, NULL);
}
