/* The segment is not removed on the way out that is taken when it can't be attached. */
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
    text = shmat(id, NULL, 0); /* faulty */
    if (text == (void *)-1) {
        perror("shmat");
        return 1;
    }
    shmctl(id, IPC_RMID, NULL);
    text[0] = 'a';
    shmdt(text);
    return 0;
}
