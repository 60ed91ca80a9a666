/* Attaches a segment that its limit on address space (ulimit -v) leaves no room for.
 * mapsan-vary: \d+(?:\.\d)? [KM]iB in use */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 512ul << 20, IPC_CREAT | 0600);
    struct rlimit limit = {256ul << 20, 256ul << 20};
    if (id < 0 || setrlimit(RLIMIT_AS, &limit) != 0) {
        perror("segment");
        return EXIT_FAILURE;
    }
    void *memory = shmat(id, NULL, 0); /* faulty */
    if (memory == (void *)-1)
        perror("shmat");
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
