/* A private segment for a computation, which outlives it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600); /* faulty */
    char *memory = shmat(id, NULL, 0);
    if (memory == (void *)-1) {
        perror("shmat");
        return EXIT_FAILURE;
    }
    memory[0] = 1;
    return shmdt(memory) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
