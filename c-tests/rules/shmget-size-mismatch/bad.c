/* Has grown its structure, and an earlier version's segment is still there. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    key_t key = 0x4d53;
    int earlier = shmget(key, 4096, IPC_CREAT | 0600);
    if (earlier < 0) {
        perror("shmget");
        return EXIT_FAILURE;
    }
    int id = shmget(key, 8192, IPC_CREAT | 0600); /* faulty */
    if (id < 0)
        perror("shmget");
    return shmctl(earlier, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
