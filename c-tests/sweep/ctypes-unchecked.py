"""A mapping by ctypes, whose failure is not looked for: the interpreter dies of it."""

import ctypes

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]

READ_WRITE, PRIVATE_ANONYMOUS = 3, 0x22

memory = libc.mmap(None, 4096, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0)
ctypes.memset(memory, 1, 4096)
libc.munmap(memory, 4096)
print("done")
