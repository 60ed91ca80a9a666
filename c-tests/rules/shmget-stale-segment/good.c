/* Uses the segment of a server that still lives. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    key_t key = 0x4d53;
    int ready[2];
    char made = 0;
    pid_t server = pipe(ready) == 0 ? fork() : -1;
    if (server == 0) {
        made = shmget(key, 4096, IPC_CREAT | 0600) >= 0;
        made = write(ready[1], &made, 1) == 1;
        pause();
    }
    if (server < 0 || read(ready[0], &made, 1) != 1 || !made) {
        perror("server");
        return EXIT_FAILURE;
    }
    int id = shmget(key, 4096, IPC_CREAT | 0600);
    if (id < 0)
        perror("shmget");
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
