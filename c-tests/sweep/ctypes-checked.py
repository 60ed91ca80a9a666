"""Mappings and a segment by ctypes, each with a look at its result: an exception for two, another way for the third."""

import ctypes
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = libc.shmat.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.shmget.argtypes = [ctypes.c_int, ctypes.c_size_t, ctypes.c_int]
libc.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
libc.shmdt.argtypes = [ctypes.c_void_p]

READ_WRITE, PRIVATE_ANONYMOUS = 3, 0x22
PRIVATE, CREATE, REMOVE = 0, 0o1600, 0
FAILED = ctypes.c_void_p(-1).value


def checked(result, name):
    if result in (-1, FAILED):
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


memory = libc.mmap(None, 4096, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0)
is_mapped = memory != FAILED
if not is_mapped:
    print("no mapping, a buffer of Python's instead", file=sys.stderr)
    buffer = ctypes.create_string_buffer(4096)
    memory = ctypes.addressof(buffer)
ctypes.memset(memory, 1, 4096)
if is_mapped:
    checked(libc.munmap(memory, 4096), "munmap")

segment = checked(libc.shmget(PRIVATE, 4096, CREATE), "shmget")
try:
    address = checked(libc.shmat(segment, None, 0), "shmat")
    ctypes.memset(address, 1, 4096)
    checked(libc.shmdt(address), "shmdt")
finally:
    checked(libc.shmctl(segment, REMOVE, None), "shmctl")
print("done")
