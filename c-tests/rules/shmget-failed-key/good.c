/* Looks at the key before it uses it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    key_t key = ftok("/", 'A');
    if (key == -1) {
        perror("ftok");
        return EXIT_FAILURE;
    }
    int id = shmget(key, 4096, IPC_CREAT | 0600);
    if (id < 0) {
        perror("shmget");
        return EXIT_FAILURE;
    }
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
