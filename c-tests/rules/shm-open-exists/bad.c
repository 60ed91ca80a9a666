/* mapsan: leaks=0 */
/* Makes its object anew though an earlier run has left it there.
 * mapsan-vary: made \d+ seconds? ago|no process( that may be looked at)? has it */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    pid_t earlier = fork();
    if (earlier == 0)
        _exit(shm_open("/mapsan-pool", O_RDWR | O_CREAT | O_EXCL, 0600) < 0 || ftruncate(3, 4096) != 0);
    if (earlier < 0 || waitpid(earlier, NULL, 0) != earlier) {
        perror("earlier run");
        return 1;
    }
    int fd = shm_open("/mapsan-pool", O_RDWR | O_CREAT | O_EXCL, 0600); /* faulty */
    if (fd < 0)
        perror("shm_open");
    return shm_unlink("/mapsan-pool");
}
