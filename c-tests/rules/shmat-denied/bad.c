/* mapsan: leaks=0 */
/* Attaches to write what its mode lets it read alone. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0644);
    if (id < 0 || (getuid() == 0 && setresuid(65534, 65534, 65534) != 0)) {
        perror("server");
        return EXIT_FAILURE;
    }
    if (getuid() != 65534) {
        puts("a segment of another user takes root");
        return shmctl(id, IPC_RMID, NULL) == 0 ? 77 : EXIT_FAILURE;
    }
    void *memory = shmat(id, NULL, 0); /* faulty */
    if (memory == (void *)-1)
        perror("shmat");
    return EXIT_SUCCESS;
}
