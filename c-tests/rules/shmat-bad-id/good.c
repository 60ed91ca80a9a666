/* Passes the id that shmget returned. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    key_t key = 0x4d53;
    int id = shmget(key, 4096, IPC_CREAT | 0600);
    if (id < 0) {
        perror("shmget");
        return EXIT_FAILURE;
    }
    void *memory = shmat(id, NULL, 0);
    if (memory == (void *)-1 || shmdt(memory) != 0)
        perror("segment");
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
