/* mapsan: memory */
/* A handler of SIGBUS says what has happened, and the program ends in order. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void gone(int signal)
{
    static const char said[] = "the file was cut, or its disk is full\n";

    (void)signal;
    if (write(STDERR_FILENO, said, sizeof said - 1) == -1)
        _exit(2);
    _exit(1);
}

int main(void)
{
    struct sigaction action;
    FILE *file = tmpfile();
    char *text;

    memset(&action, 0, sizeof action);
    action.sa_handler = gone;
    sigaction(SIGBUS, &action, NULL);
    if (file == NULL || ftruncate(fileno(file), 4096) == -1) {
        perror("tmpfile");
        return 1;
    }
    text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    if (text == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    text[0] = 'a';
    munmap(text, 4096);
    fclose(file);
    return 0;
}
