/* The set is removed when nobody waits. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    struct sembuf take = {0, -1, 0}, give = {0, 1, 0};
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    pid_t worker = id < 0 ? -1 : fork();
    if (worker == 0)
        _exit(semop(id, &take, 1) != 0);
    if (worker < 0 || semop(id, &give, 1) != 0 || waitpid(worker, NULL, 0) != worker)
        return 1;
    return semctl(id, 0, IPC_RMID);
}
