/* Releases an attached segment as if it were a mapping of mmap. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600);
    char *memory = shmat(id, NULL, 0);
    if (memory == (void *)-1) {
        perror("shmat");
        return EXIT_FAILURE;
    }
    memory[0] = 1;
    if (munmap(memory, 8192) != 0) /* faulty */
        perror("release");
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
