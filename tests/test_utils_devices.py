"""How a process is set up."""

import platform
import subprocess
import sys

import pytest
from helpers.tiny import one_thread_environment

COUNT_HEAPS = """
import ctypes, os, sys, threading
from workoutlib.utils.devices import tune_process

tune_process()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
libc.malloc_info.argtypes, libc.fclose.argtypes = (ctypes.c_int, ctypes.c_void_p), (ctypes.c_void_p,)
together = threading.Barrier(12)

def take():
    together.wait()
    libc.malloc(ctypes.c_size_t(100_000))
    together.wait()

threads = [threading.Thread(target=take) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
file = libc.fopen(sys.argv[1].encode(), b"w")
libc.malloc_info(0, file)
libc.fclose(file)
print(os.cpu_count(), open(sys.argv[1]).read().count("<heap nr="))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_threads_share_as_many_heaps_as_there_are_cores(tmp_path):
    command = [sys.executable, "-c", COUNT_HEAPS, str(tmp_path / "heaps.xml")]
    environment = {**one_thread_environment(), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    cores, heaps = map(int, done.stdout.split())
    if cores >= 12:
        pytest.skip("as many cores as threads")
    assert 1 <= heaps <= cores
