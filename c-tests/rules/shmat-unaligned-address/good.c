/* Wants the segment near an address, and has it rounded down. */
#include <stdint.h>
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
    void *memory = shmat(id, (void *)(uintptr_t)0x200000000010, SHM_RND);
    if (memory == (void *)-1 || shmdt(memory) != 0)
        perror("segment");
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
