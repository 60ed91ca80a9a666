/* A server means its semaphore for all, and its umask takes the right to write away.
 * mapsan-vary: effective uid \d+ */
#define _GNU_SOURCE
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    if (getuid() != 0) {
        puts("needs root");
        return 77;
    }
    umask(022);
    sem_t *made = sem_open("/mapsan-camera", O_CREAT | O_EXCL, 0666, 1);
    pid_t client = made == SEM_FAILED ? -1 : fork();
    if (client == 0) {
        if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
            _exit(1);
        if (sem_open("/mapsan-camera", 0) == SEM_FAILED) /* faulty */
            perror("client");
        fflush(NULL);
        _exit(0);
    }
    if (client < 0 || waitpid(client, NULL, 0) != client) {
        perror("server");
        return 1;
    }
    sem_close(made);
    return sem_unlink("/mapsan-camera");
}
