/* sweep: --timeout=2 */
/* What goes on in a session of its own is ended with the run; that does not make it hang. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int end[2];
    char *text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (text == MAP_FAILED || pipe(end) == -1)
        return perror("mmap"), 1;
    if (fork() == 0) {
        setsid();
        close(end[0]);
        usleep(100000);
        text[0] = 'a';
        _exit(0);
    }
    close(end[1]);
    read(end[0], text + 1, 1);
    puts(text);
    return 0;
}
