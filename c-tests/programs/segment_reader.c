/* Prints the text that another program has left in a segment, and removes it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    key_t key = ftok("keytest", 100);
    if (key == -1) {
        perror("ftok");
        return EXIT_FAILURE;
    }
    int id = shmget(key, 512, 0600);
    if (id < 0) {
        perror("shmget");
        return EXIT_FAILURE;
    }
    char *text = shmat(id, NULL, 0);
    if (text == (void *)-1) {
        perror("shmat");
        return EXIT_FAILURE;
    }
    printf("shared memory holds %s\n", text);
    return shmdt(text) == 0 && shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
