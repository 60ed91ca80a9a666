/* R38: a program may have functions of libc's names of its own, as one has that a sanitizer is linked into. They work once
 * its .preinit_array has run. The library calls none of them before that, and none at any other time: the program's
 * functions are for the program. */
#define _GNU_SOURCE
#include "check.h"
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int ready; /* since .preinit_array */
static uintptr_t volatile first, last; /* the library, once it is known */
static uintptr_t volatile callers[4096]; /* until then */
static volatile unsigned count;

static void get_ready(void) { ready = 1; }
__attribute__((section(".preinit_array"), used)) static void (*const preinit)(void) = get_ready;

static void stop(const char *name, const char *what)
{
    char text[128];
    unsigned length = 0;
    for (const char *from = name; *from != 0; from++)
        text[length++] = *from;
    for (const char *from = what; *from != 0; from++)
        text[length++] = *from;
    syscall(SYS_write, 1, text, length);
    syscall(SYS_exit_group, 1);
}

static void called(const char *name, void *from)
{
    uintptr_t caller = (uintptr_t)from;
    if (!ready)
        stop(name, " was called before .preinit_array had run\n");
    if (first != 0) {
        if (caller >= first && caller < last)
            stop(name, " was called by the library\n");
    } else if (count < sizeof callers / sizeof *callers) {
        callers[count++] = caller;
    }
}
#define CALLED called(__func__, __builtin_return_address(0))

/* libc's function of a name. */
static void *libc_function(const char *name)
{
    static const char *const versions[] = {"GLIBC_2.2.5", "GLIBC_2.3.2", "GLIBC_2.10", "GLIBC_2.16",
                                           "GLIBC_2.17",  "GLIBC_2.34",  "GLIBC_2.35"};
    for (unsigned i = 0; i < sizeof versions / sizeof *versions; i++) {
        void *found = dlvsym(RTLD_NEXT, name, versions[i]);
        if (found != NULL)
            return found;
    }
    stop(name, " is not in libc\n");
    return NULL;
}

void *memmove(void *to, const void *from, size_t length)
{
    CALLED;
    volatile char *a = to;
    const volatile char *b = from;
    if (a < b)
        while (length-- != 0)
            *a++ = *b++;
    else
        while (length-- != 0)
            a[length] = b[length];
    return to;
}

void *memcpy(void *to, const void *from, size_t length)
{
    CALLED;
    volatile char *a = to;
    const volatile char *b = from;
    while (length-- != 0)
        *a++ = *b++;
    return to;
}

void *memset(void *to, int byte, size_t length)
{
    CALLED;
    volatile char *a = to;
    while (length-- != 0)
        *a++ = (char)byte;
    return to;
}

static int compare(const void *one, const void *other, size_t length)
{
    const volatile unsigned char *a = one, *b = other;
    for (; length != 0; a++, b++, length--)
        if (*a != *b)
            return *a - *b;
    return 0;
}

int memcmp(const void *one, const void *other, size_t length)
{
    CALLED;
    return compare(one, other, length);
}

int bcmp(const void *one, const void *other, size_t length)
{
    CALLED;
    return compare(one, other, length);
}

size_t strlen(const char *string)
{
    CALLED;
    const volatile char *end = string;
    while (*end != 0)
        end++;
    return (size_t)(end - string);
}

#define FORWARDED(type, name, parameters, ...)                                                                         \
    type name parameters                                                                                               \
    {                                                                                                                  \
        CALLED;                                                                                                        \
        type(*function) parameters = (type(*) parameters)libc_function(#name);                                         \
        return function(__VA_ARGS__);                                                                                  \
    }

typedef int visitor(struct dl_phdr_info *, size_t, void *);
FORWARDED(int, pthread_once, (pthread_once_t * control, void (*function_)(void)), control, function_)
FORWARDED(int, pthread_mutex_lock, (pthread_mutex_t * mutex), mutex)
FORWARDED(int, pthread_mutex_unlock, (pthread_mutex_t * mutex), mutex)
FORWARDED(int, dl_iterate_phdr, (visitor * visit, void *data), visit, data)
FORWARDED(int, _dl_find_object, (void *address, struct dl_find_object *found), address, found)
FORWARDED(unsigned long, getauxval, (unsigned long type), type)
FORWARDED(int, on_exit, (void (*function_)(int, void *), void *argument), function_, argument)
int __cxa_at_quick_exit(void (*)(void *), void *);
FORWARDED(int, __cxa_at_quick_exit, (void (*function_)(void *), void *object), function_, object)
int __register_atfork(void (*)(void), void (*)(void), void (*)(void), void *);
FORWARDED(int, __register_atfork, (void (*before)(void), void (*parent)(void), void (*child)(void), void *object), before,
          parent, child, object)
void *dlsym(void *handle, const char *name)
{
    CALLED;
    return ((void *(*)(void *, const char *))libc_function("dlsym"))(handle, name);
}

#define RAW(type, name, parameters, ...)                                                                               \
    type name parameters                                                                                               \
    {                                                                                                                  \
        CALLED;                                                                                                        \
        return (type)syscall(SYS_##name, __VA_ARGS__);                                                                 \
    }
RAW(ssize_t, write, (int fd, const void *from, size_t length), fd, from, length)
RAW(ssize_t, read, (int fd, void *to, size_t length), fd, to, length)
RAW(int, close, (int fd), fd)
RAW(pid_t, getpid, (void), 0)

void exit(int status)
{
    CALLED;
    ((void (*)(int))libc_function("exit"))(status);
    __builtin_unreachable();
}

void abort(void)
{
    CALLED;
    ((void (*)(void))libc_function("abort"))();
    __builtin_unreachable();
}

static int find_library(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size, (void)unused;
    if (strstr(info->dlpi_name, "libmapsan") == NULL)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD)
            last = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
    first = info->dlpi_addr;
    return 1;
}

static void *work(void *unused)
{
    char *pages[64];
    for (int i = 0; i < 64; i++)
        CHECK((pages[i] = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED, "");
    for (int i = 0; i < 64; i++)
        CHECK(munmap(pages[i * 7 % 64] + (i % 2 ? 4096 : 0), i % 2 ? 4096 : 8192) == 0, "");
    return unused;
}

int main(void)
{
    CHECK(dl_iterate_phdr(find_library, NULL) == 1, "the library is not there");
    for (unsigned i = 0; i < count; i++)
        CHECK(callers[i] < first || callers[i] >= last, "call %u, from %#zx", i, callers[i] - first);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, work, NULL) == 0 && pthread_join(thread, NULL) == 0, "");
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 999, 0) == MAP_FAILED && errno == EBADF, "%d", errno);
    CHECK(findings(2) == 1, "%lu findings", findings(2));

    pid_t child = fork();
    if (child == 0) {
        work(NULL);
        char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        *(volatile char *)page = 1; /* a finding, and the end */
        _exit(1);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "%#x", status);
    return 0;
}
