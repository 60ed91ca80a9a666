/* Attaches a segment in place of a buffer that malloc has given.
 * mapsan-vary: it was .* */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    size_t size = 8192;
    int id = shmget(0x4d61, size, IPC_CREAT | 0600);
    char *buffer = aligned_alloc(4096, size);
    if (id == -1 || buffer == NULL) {
        perror("buffer");
        return EXIT_FAILURE;
    }
    char *shared = shmat(id, buffer, SHM_REMAP); /* faulty */
    if (shared == (void *)-1)
        perror("shmat");
    else
        shmdt(shared);
    if (shmctl(id, IPC_RMID, NULL) != 0)
        perror("shmctl");
    _Exit(EXIT_SUCCESS);
}
