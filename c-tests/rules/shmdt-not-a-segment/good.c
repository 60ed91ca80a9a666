/* Unmaps memory that came from mmap, and detaches what came from shmat. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

int main(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    void *segment = shmat(id, NULL, 0);
    if (memory == MAP_FAILED || segment == (void *)-1) {
        perror("memory");
        return EXIT_FAILURE;
    }
    if (munmap(memory, 4096) != 0 || shmdt(segment) != 0)
        perror("release");
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
