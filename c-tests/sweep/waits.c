/* sweep: --timeout=2 */
/* The parent waits in semop for a child that has left; that the child's end is a signal that nobody handles does not wake it. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    struct sembuf up = { 0, 1, 0 }, down = { 0, -1, 0 };
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    pid_t pid;

    if (id == -1)
        return perror("semget"), 1;
    pid = fork();
    if (pid == 0) {
        char *text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* hang */

        if (text == MAP_FAILED)
            _exit(1);
        text[0] = 'a';
        _exit(semop(id, &up, 1) == -1); /* hang */
    }
    if (semop(id, &down, 1) == -1) {
        perror("semop");
        semctl(id, 0, IPC_RMID);
        return 1;
    }
    waitpid(pid, NULL, 0);
    if (semctl(id, 0, IPC_RMID) == -1)
        return perror("semctl"), 1;
    puts("done");
    return 0;
}
