/* Shares memory without a file with a child. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    char *text = mmap(NULL, 2048, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (text == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    strcpy(text, "1234567890");
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        return EXIT_FAILURE;
    }
    if (child == 0) {
        printf("the child reads %s\n", text);
    } else {
        wait(NULL);
    }
    return munmap(text, 2048) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
