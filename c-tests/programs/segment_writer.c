/* Leaves a text in a segment that another program finds by its key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    key_t key = ftok("keytest", 100);
    if (key == -1) {
        perror("ftok");
        return EXIT_FAILURE;
    }
    int id = shmget(key, 512, IPC_CREAT | 0600);
    if (id < 0) {
        perror("shmget");
        return EXIT_FAILURE;
    }
    char *text = shmat(id, NULL, 0);
    if (text == (void *)-1) {
        perror("shmat");
        return EXIT_FAILURE;
    }
    strcpy(text, "hello world");
    return shmdt(text) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
