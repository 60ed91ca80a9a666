/* Tries again until it succeeds, as it does the second time. */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <unistd.h>

int main(void)
{
    char *text = MAP_FAILED;
    struct sembuf up = { 0, 1, 0 };
    int id;

    for (int i = 0; i < 3 && text == MAP_FAILED; i++)
        text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (text == MAP_FAILED)
        return perror("mmap"), 1;
    text[0] = 'a';
    id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    if (id == -1)
        return perror("semget"), 1;
    while (semop(id, &up, 1) == -1)
        if (errno != EINTR) {
            perror("semop");
            semctl(id, 0, IPC_RMID);
            return 1;
        }
    if (semctl(id, 0, IPC_RMID) == -1)
        return perror("semctl"), 1;
    puts("done");
    munmap(text, 4096);
    return 0;
}
