/* mapsan: leaks=0 */
/* Takes over the segment of a server that has died, with whatever is in it.
 * mapsan-vary: \d+ seconds? ago|ipcrm -m \d+ */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    key_t key = 0x4d53;
    pid_t server = fork();
    if (server == 0)
        _exit(shmget(key, 4096, IPC_CREAT | 0600) < 0);
    if (server < 0 || waitpid(server, NULL, 0) != server) {
        perror("server");
        return EXIT_FAILURE;
    }
    int id = shmget(key, 4096, IPC_CREAT | 0600); /* faulty */
    if (id < 0) {
        perror("shmget");
        return EXIT_FAILURE;
    }
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
