/* Makes the calls that its arguments name, in this order, and prints what came of each. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

void *zero_length(void) { return mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

static void *anonymous_fd(void) { return mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, 0, 0); }

int main(int count, char **arguments)
{
    int status = 0;
    for (int i = 1; i < count; i++) {
        const char *word = arguments[i];
        long result = 0;
        errno = 0;
        if (strcmp(word, "zero") == 0)
            result = (long)zero_length();
        else if (strcmp(word, "anonymous-fd") == 0)
            result = anonymous_fd() == MAP_FAILED ? -1 : 0;
        else if (strcmp(word, "ftok") == 0)
            result = ftok("/no such file", 1);
        else if (strcmp(word, "fork") == 0 && fork() == 0)
            zero_length(), exit(0);
        else
            status = atoi(word);
        int error = errno;
        while (wait(NULL) > 0)
            ;
        printf("%s %ld %s\n", word, result, result == -1 ? strerror(error) : "");
        fflush(stdout);
    }
    return status;
}
