/* mapsan: timeout=2 */
/* The child posts the semaphore on every way out, and its status tells the parent how it went. */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

static void child(sem_t *done, int id)
{
    int *number = shmat(id, NULL, 0);

    if (number == (void *)-1) {
        perror("shmat");
        sem_post(done);
        _exit(1);
    }
    *number = 42;
    shmdt(number);
    sem_post(done);
    _exit(0);
}

int main(void)
{
    sem_t *done = mmap(NULL, sizeof *done, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int id = shmget(IPC_PRIVATE, sizeof(int), IPC_CREAT | 0600);
    int status = 1;
    pid_t pid;

    if (done == MAP_FAILED || id == -1 || sem_init(done, 1, 0) == -1) {
        perror("making what both share");
        if (id != -1)
            shmctl(id, IPC_RMID, NULL);
        return 1;
    }
    pid = fork();
    if (pid == 0)
        child(done, id);
    sem_wait(done);
    waitpid(pid, &status, 0);
    shmctl(id, IPC_RMID, NULL);
    munmap(done, sizeof *done);
    if (status != 0)
        return 1;
    puts("done");
    return 0;
}
