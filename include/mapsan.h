/* mapsan: a sanitizer for memory mappings and shared memory. Generated from src/api.rs; do not edit.
 *
 * Programs need none of this: mmap, munmap, mremap, mprotect, msync, ftok, shmget, shmat, shmdt and shmctl are
 * checked under their own names when libmapsan.so is linked or preloaded. */

#ifndef MAPSAN_H
#define MAPSAN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/shm.h>

/*
 The weight of a finding.
 */
typedef enum mapsan_severity {
  /*
   Explains a call that failed because of its environment.
   */
  MAPSAN_NOTE = 0,
  /*
   Usually a mistake, or unspecified or unportable.
   */
  MAPSAN_WARNING = 1,
  /*
   Wrong with certainty.
   */
  MAPSAN_ERROR = 2,
} mapsan_severity;

/*
 A finding, as the program gets it. All strings are zero-terminated and cut to fit.
 */
typedef struct mapsan_finding {
  /*
   The rule's name, such as `mmap-bad-fd`.
   */
  char rule[48];
  /*
   How bad it is.
   */
  enum mapsan_severity severity;
  /*
   The errno of the call, 0 if it succeeded.
   */
  int error;
  /*
   The message, without rule and severity.
   */
  char message[400];
  /*
   The return address of the program's call.
   */
  const void *call_site;
} mapsan_finding;

/*
 What `mapsan_set_callback` takes: called after each new finding, on the thread and stack that made the call, with
 no lock held.
 */
typedef void (*mapsan_callback)(const struct mapsan_finding *finding, void *context);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 The version, such as "0.1.0".
 */
const char *mapsan_version(void);

/*
 Fills in the last new finding of the process. Returns 1, or 0 if there has been none or `finding` is NULL.

 # Safety
 `finding` must be NULL or point to a `struct mapsan_finding` that may be written.
 */
int mapsan_last_finding(struct mapsan_finding *finding);

/*
 Sets the function that is called after each new finding, NULL for none, and returns the one before. The context is
 handed through.
 */
mapsan_callback mapsan_set_callback(mapsan_callback callback,
                                    void *context);

/*
 The number of findings of one severity so far in this process, repetitions not counted.
 */
unsigned long mapsan_count(int severity);

/*
 Writes to descriptor `fd` what is, or was, at `address`, as lines of text: the mapping and who made it, or the last
 release there and who made that. Returns 1 if the address is mapped, 0 if not, and -1 if nothing could be written.
 */
int mapsan_describe_address(const void *address,
                            int fd);

/*
 Writes the live mappings and attachments that the program has made, lowest first, one a line, to descriptor `fd`.
 Returns how many there were, or -1 if not all could be written.
 */
long mapsan_dump_mappings(int fd);

/*
 Makes the findings of the rules at exit (`leak-mapping`, `leak-segment` and so on) now, for what is mapped, attached
 and left at this moment. What has been reported is not reported again. Returns the number of new findings.
 */
unsigned long mapsan_check_leaks(void);

/*
 Does nothing: a place for a debugger's breakpoint, reached after each new finding on the stack of the call.
 */
void mapsan_on_finding(void);

/*
 As mmap(2), checked.
 */
extern void *mapsan_mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);

/*
 As mmap64(3), checked.
 */
extern void *mapsan_mmap64(void *addr, size_t length, int prot, int flags, int fd, int64_t offset);

/*
 As munmap(2), checked.
 */
extern int mapsan_munmap(void *addr, size_t length);

/*
 As mremap(2), checked.
 */
extern void *mapsan_mremap(void *old_address, size_t old_size, size_t new_size, int flags, ...);

/*
 As mprotect(2), checked.
 */
extern int mapsan_mprotect(void *addr, size_t length, int prot);

/*
 As msync(2), checked.
 */
extern int mapsan_msync(void *addr, size_t length, int flags);

/*
 As ftok(3), checked.
 */
extern key_t mapsan_ftok(const char *pathname, int proj_id);

/*
 As shmget(2), checked.
 */
extern int mapsan_shmget(key_t key, size_t size, int shmflg);

/*
 As shmat(2), checked.
 */
extern void *mapsan_shmat(int shmid, const void *shmaddr, int shmflg);

/*
 As shmdt(2), checked.
 */
extern int mapsan_shmdt(const void *shmaddr);

/*
 As shmctl(2), checked.
 */
extern int mapsan_shmctl(int shmid, int cmd, struct shmid_ds *buf);

/*
 As `shm_open(3)`, followed.
 */
extern int mapsan_shm_open(const char *name, int oflag, mode_t mode);

/*
 As `shm_unlink(3)`, followed.
 */
extern int mapsan_shm_unlink(const char *name);

/*
 The program may define this: options in the form of `MAPSAN_OPTIONS`, which the environment overrides.
 It is called once, before main and before other constructors, or, in a program with a `.preinit_array`
 (as sanitizers have), at the first hooked call after that; it must only return a string.
 */
extern const char *mapsan_default_options(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MAPSAN_H */
