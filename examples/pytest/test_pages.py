# cc -g -shared -fPIC -o libpages.so pages.c
# mapsan run --error-exitcode 9 pytest
# Findings say in which test they were made.
import ctypes
import os
import pathlib

import pytest

pages = ctypes.CDLL(str(pathlib.Path(__file__).parent / "libpages.so"))
pages.page_new.restype = ctypes.c_void_p
pages.page_free.argtypes = [ctypes.c_void_p]


def test_a_page():
    page = pages.page_new()
    assert page
    assert pages.page_free(page) == 0


@pytest.mark.skipif("FAILS" not in os.environ, reason="FAILS=1 shows what a finding looks like")
def test_a_page_twice():
    page = pages.page_new()
    assert pages.page_free(page) == 0
    assert pages.page_free(page) == 0  # the mistake, which munmap takes for a success
