/* Removes its segment when it is done, and once more on its way out. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    if (id < 0) {
        perror("shmget");
        return EXIT_FAILURE;
    }
    if (shmctl(id, IPC_RMID, NULL) != 0)
        perror("done");
    if (shmctl(id, IPC_RMID, NULL) != 0) /* faulty */
        perror("way out");
    return EXIT_SUCCESS;
}
