/* Compared with NULL, which is not what mmap and shmat fail with. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    char *one, *other;

    if (id < 0)
        return perror("shmget"), 1;
    one = shmat(id, NULL, 0); /* unchecked */
    shmctl(id, IPC_RMID, NULL);
    if (one == NULL)
        return perror("shmat"), 1;
    one[0] = 'a';
    other = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* unchecked */
    if (other == NULL)
        return perror("mmap"), 1;
    other[0] = one[0];
    putchar(other[0]);
    putchar('\n');
    munmap(other, 4096);
    shmdt(one);
    return 0;
}
