/* The segment is removed on every way out. */
#include <stdio.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    char *text;

    if (id == -1) {
        perror("shmget");
        return 1;
    }
    text = shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL);
    if (text == (void *)-1) {
        perror("shmat");
        return 1;
    }
    text[0] = 'a';
    shmdt(text);
    return 0;
}
