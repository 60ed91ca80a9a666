/* Files that others have mapped: the loader, libc, a raw system call; and the results of raw system calls. others CASE PLUGIN,
 * in a folder of its own. Each ends by its signal; those that live on end with 0; 77: the case can't be had here. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096
#define COPY "./copy.so"

static const char *plugin;

static void check(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(70);
    }
}

static void skip(const char *why)
{
    printf("SKIPPED: %s\n", why);
    exit(77);
}

/* Writes a file that was there, as cp does: in place. */
static void write_over(const char *path, const char *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);
    check(fd >= 0 && write(fd, bytes, length) == (ssize_t)length && close(fd) == 0, path);
}

static char *contents(size_t *length)
{
    struct stat found;
    int fd = open(plugin, O_RDONLY);
    check(fd >= 0 && fstat(fd, &found) == 0, plugin);
    *length = found.st_size;
    char *bytes = malloc(*length);
    check(read(fd, bytes, *length) == (ssize_t)*length && close(fd) == 0, plugin);
    return bytes;
}

static size_t length;

static void *load(void)
{
    char *bytes = contents(&length);
    unlink(COPY);
    write_over(COPY, bytes, length);
    void *object = dlopen(COPY, RTLD_NOW);
    if (object == NULL)
        puts(dlerror());
    check(object != NULL, "dlopen");
    return object;
}

static int (*function(void *object, const char *name))(void) { return (int (*)(void))dlsym(object, name); }

static void overwritten(void)
{
    int (*late)(void) = function(load(), "late");
    write_over(COPY, "short\n", 6);
    late();
}

static void shortened(void)
{
    int (*late)(void) = function(load(), "late");
    check(truncate(COPY, PAGE) == 0, "truncate");
    late();
}

static void data(void)
{
    void *object = load();
    const char *table = dlsym(object, "table");
    check(truncate(COPY, 0) == 0, "truncate");
    (void)*(volatile const char *)table;
}

static void removed(void) /* and shortened by who still has it open */
{
    int (*late)(void) = function(load(), "late");
    int fd = open(COPY, O_RDWR);
    check(fd >= 0 && unlink(COPY) == 0 && ftruncate(fd, 0) == 0, "ftruncate");
    late();
}

static void replaced(void)
{
    void *object = load();
    write_over("new.so", "short\n", 6);
    check(rename("new.so", COPY) == 0, "rename");
    _exit(function(object, "late")() == 42 ? 0 : 9);
}

/* Which byte of the file a function is at. */
static off_t place_of(int (*at)(void))
{
    char *bytes = contents(&length);
    char *found = memmem(bytes, length, (void *)at, 64);
    check(found != NULL, "the function is not in the file");
    return found - bytes;
}

static void zeros(void) /* within the page, the file ends before the function does */
{
#ifdef __x86_64__
    void *object = load();
    int (*late)(void) = function(object, "late");
    check(truncate(COPY, place_of(late) + 1) == 0, "truncate"); /* behind the first push */
    late();
#else
    skip("x86-64 alone: what zeros do as code");
#endif
}

static void other_code(void) /* of the same length, some time after the program started */
{
#ifdef __x86_64__
    static const char reads_at_16[] = "\x8b\x04\x25\x10\x00\x00\x00";
    void *object = load();
    int (*late)(void) = function(object, "late");
    off_t place = place_of(late);
    usleep(200 * 1000);
    int fd = open(COPY, O_WRONLY);
    check(fd >= 0 && pwrite(fd, reads_at_16, 7, place) == 7, "pwrite");
    late();
#else
    skip("x86-64 alone: what is written is its code");
#endif
}

/* The file is cut before the program starts: the loader itself runs into its end. */
static void incomplete(void)
{
    char *bytes = contents(&length);
    if (getenv("OTHERS_AGAIN") == NULL) {
        unlink(COPY);
        write_over(COPY, bytes, length / 4);
        usleep(1500 * 1000);
        setenv("OTHERS_AGAIN", "1", 1);
        execl("/proc/self/exe", "others", "incomplete", plugin, NULL);
        check(0, "execl");
    }
    dlopen(COPY, RTLD_NOW);
    skip("this loader does not map such a file");
}

static void stdio(void) /* libc maps the file itself */
{
    FILE *made = fopen("file", "w");
    for (int line = 0; line < 20000; line++)
        fprintf(made, "line %d\n", line);
    fclose(made);
    char line[100];
    FILE *file = fopen("file", "rm");
    usleep(200 * 1000);
    check(file != NULL && fgets(line, sizeof line, file) != NULL && truncate("file", 100) == 0, "file");
    while (fgets(line, sizeof line, file) != NULL)
        ;
    skip("this libc does not map the file");
}

static void semaphore(void)
{
    char name[64], path[64];
    snprintf(name, sizeof name, "/mapsan-others-%d", (int)getpid());
    snprintf(path, sizeof path, "/dev/shm/sem.%s", name + 1);
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    if (fd < 0)
        skip("no /dev/shm");
    close(fd);
    sem_t *post = sem_open(name, 0);
    unlink(path);
    check(post != SEM_FAILED, "sem_open");
    sem_post(post);
}

/* The kernel's own answer, which no function has seen. */
static long raw(long number, long one, long two, long three, long four, long five)
{
#ifdef __x86_64__
    register long r10 __asm__("r10") = four;
    register long r8 __asm__("r8") = five;
    long answer;
    __asm__ volatile("syscall" : "=a"(answer) : "a"(number), "D"(one), "S"(two), "d"(three), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return answer;
#else
    skip("x86-64 alone: a system call by its instruction");
    return 0;
#endif
}

static void use(long answer) { (void)*(volatile const char *)answer; }

static void raw_mremap(void) { use(raw(SYS_mremap, PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0)); }
static void raw_shmat(void) { use(raw(SYS_shmat, 0x7ffffff0, 0, 0, 0, 0)); }
static void syscall_shmat(void) { use(syscall(SYS_shmat, 0x7ffffff0, NULL, 0)); }

/* As wrappers do that return what the kernel would. */
static void wrapped_mremap(void)
{
    void *moved = mremap((void *)PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
    use(moved == MAP_FAILED ? -errno : (long)moved);
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"overwritten", overwritten}, {"shortened", shortened}, {"data", data}, {"removed", removed}, {"replaced", replaced},
    {"zeros", zeros}, {"other-code", other_code}, {"incomplete", incomplete}, {"stdio", stdio}, {"semaphore", semaphore},
    {"raw-mremap", raw_mremap}, {"raw-shmat", raw_shmat}, {"syscall-shmat", syscall_shmat},
    {"wrapped-mremap", wrapped_mremap},
};

int main(int count, char **words)
{
    alarm(20);
    if (count != 3)
        return 64;
    plugin = words[2];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (strcmp(words[1], cases[i].name) == 0) {
            cases[i].run();
            return 71;
        }
    return 64;
}
