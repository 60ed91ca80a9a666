/* Does with IPC objects what it reads from standard input, a line each, and answers with a line: the id, address or
 * descriptor, or `-` and the errno. cc actor.c -o actor */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void answer(long value)
{
    if (value == -1)
        printf("- %d\n", errno);
    else
        printf("%ld\n", value);
    fflush(stdout);
}

/* So many milliseconds of processes that attach a segment of a range of keys, look whether its key still leads to it, and
 * leave: how many attached one, or -1 and EIDRM if one found that its key did not. */
static long storm(key_t first, int count, long milliseconds)
{
    struct timespec start, now;
    long attached = 0, lost = 0;
    int status;

    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        pid_t child = fork();
        if (child == 0) {
            unsigned seed = (unsigned)getpid() * 2654435761u;
            key_t key = first + rand_r(&seed) % count;
            int id = shmget(key, 0, 0);
            void *at = shmat(id, NULL, 0);
            if (at == (void *)-1)
                _exit(0);
            struct timespec pause = {0, rand_r(&seed) % 300000};
            for (int look = 0; look < 3; look++) {
                if (shmget(key, 0, 0) != id)
                    _exit(2);
                nanosleep(&pause, NULL);
            }
            _exit(shmget(key, 0, 0) == id ? 1 : 2);
        }
        waitpid(child, &status, 0);
        attached += WEXITSTATUS(status) != 0;
        lost += WEXITSTATUS(status) == 2;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < milliseconds);
    errno = EIDRM;
    return lost > 0 ? -1 : attached;
}

int main(void)
{
    char line[512], word[32], name[256];
    struct {
        long type;
        char text[100];
    } message = {1, ""};
    struct sembuf take = {0, -1, 0};

    while (fgets(line, sizeof line, stdin)) {
        long a = 0, b = 0, c = 0;
        name[0] = 0;
        if (sscanf(line, "%31s %li %li %li", word, &a, &b, &c) < 2)
            sscanf(line, "%31s %255s %li %lo", word, name, &b, (unsigned long *)&c);
        if (!strcmp(word, "shmget"))
            answer(shmget((key_t)a, (size_t)b, IPC_CREAT | (int)c));
        else if (!strcmp(word, "shmat"))
            answer((long)shmat((int)a, NULL, (int)b));
        else if (!strcmp(word, "shmdt"))
            answer(shmdt((void *)a));
        else if (!strcmp(word, "shmrm"))
            answer(shmctl((int)a, IPC_RMID, NULL));
        else if (!strcmp(word, "semget"))
            answer(semget((key_t)a, (int)b, IPC_CREAT | (int)c));
        else if (!strcmp(word, "semwait"))
            answer(semop((int)a, &take, 1));
        else if (!strcmp(word, "msgget"))
            answer(msgget((key_t)a, IPC_CREAT | (int)c));
        else if (!strcmp(word, "msgsnd"))
            answer(msgsnd((int)a, &message, (size_t)b, 0));
        else if (!strcmp(word, "ftok"))
            answer(ftok(name, (int)b) & 0xffffffffL);
        else if (!strcmp(word, "shm_open")) {
            int fd = shm_open(name, O_RDWR | O_CREAT, (mode_t)c);
            answer(fd >= 0 && ftruncate(fd, b) ? -1 : fd);
        } else if (!strcmp(word, "memfd")) {
            int fd = memfd_create(name, 0);
            answer(fd >= 0 && ftruncate(fd, b) ? -1 : fd);
        } else if (!strcmp(word, "open"))
            answer(open(name, O_RDWR | O_CREAT, 0600));
        else if (!strcmp(word, "mmap"))
            answer((long)mmap(NULL, (size_t)b, PROT_READ | PROT_WRITE, MAP_SHARED, (int)a, c));
        else if (!strcmp(word, "close"))
            answer(close((int)a));
        else if (!strcmp(word, "sem_open"))
            answer((long)sem_open(name, O_CREAT, (mode_t)c, 1));
        else if (!strcmp(word, "mq_open"))
            answer(mq_open(name, O_RDWR | O_CREAT, (mode_t)c, NULL));
        else if (!strcmp(word, "mq_send"))
            answer(mq_send((mqd_t)a, message.text, (size_t)b, 0));
        else if (!strcmp(word, "storm"))
            answer(storm((key_t)a, (int)b, c));
        else if (!strcmp(word, "setuid"))
            answer(setgid((gid_t)a) ? -1 : setuid((uid_t)a));
        else if (!strcmp(word, "child")) {
            /* Makes a segment, and ends. */
            int id, status;
            if (fork() == 0)
                _exit(shmget((key_t)a, (size_t)b, IPC_CREAT | (int)c) == -1);
            wait(&status);
            id = shmget((key_t)a, 0, 0);
            answer(status == 0 ? id : -1);
        } else
            answer((errno = ENOSYS, -1));
    }
    return 0;
}
