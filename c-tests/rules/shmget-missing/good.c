/* Is the server: creates the segment that others look for. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int server = shmget(0x4d53, 4096, IPC_CREAT | 0600);
    int id = shmget(0x4d53, 4096, 0600);
    if (server < 0 || id < 0) {
        perror("shmget");
        return EXIT_FAILURE;
    }
    return shmctl(server, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
