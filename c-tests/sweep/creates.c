/* Who comes first makes the object, and the others open it; that somebody else was faster is tried again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define NAME "/sweep-creates"

int main(void)
{
    int file = -1;
    char *text;

    for (int i = 0; i < 3 && file == -1; i++) {
        file = shm_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600);
        if (file == -1 && errno == EEXIST)
            file = shm_open(NAME, O_RDWR, 0);
        if (file == -1 && errno != ENOENT)
            break;
    }
    if (file == -1)
        return perror("shm_open"), 1;
    if (ftruncate(file, 4096) == -1) {
        perror("ftruncate");
        shm_unlink(NAME);
        return 1;
    }
    text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0); /* leak */
    close(file);
    if (text == MAP_FAILED)
        return perror("mmap"), 1;
    text[0] = 'a';
    munmap(text, 4096);
    puts("done");
    return shm_unlink(NAME) == -1 ? perror("shm_unlink"), 1 : 0;
}
