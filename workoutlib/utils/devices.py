"""Which device to compute on, in which precision, and beside which other processes."""

from __future__ import annotations

import ctypes
import os
import platform

import torch
import torch.distributed as dist
from torch import Tensor


def pick_device() -> torch.device:
    """The best device here: a CUDA GPU (under ``torchrun`` this process's own), Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def tune_process() -> None:
    """Set this process up to be fast; the command line and the notebooks call it once, a library caller may.

    On a GPU, float32 products may use TF32 and cuDNN picks the fastest convolutions. On a CPU, glibc keeps large
    freed blocks instead of returning each to the system: otherwise every layer's output is mapped, zeroed page by
    page and unmapped again, which on a small machine took more than half of the time of a forward pass. Threads share
    as many heaps as there are cores, where glibc would make eight times as many: others take what one has freed.
    """
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    elif platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        trim_threshold, mmap_threshold, arena_max = -1, -3, -8  # M_TRIM_THRESHOLD etc. of malloc.h
        libc.mallopt(mmap_threshold, 2**30)
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(arena_max, os.cpu_count() or 1)


def describe(device: torch.device) -> str:
    """The device in words: ``"NVIDIA T4"``, or ``"CPU, 2 threads"``."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{device.type.upper()}, {threads} thread{'s' if threads > 1 else ''}"


def autocast_dtype(device: torch.device) -> torch.dtype | None:
    """bfloat16 on GPUs that compute in it, float16 on older ones, ``None`` (float32) elsewhere."""
    if device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16


def autocast(device: torch.device) -> torch.autocast:
    """The context in which a forward pass runs on this device."""
    dtype = autocast_dtype(device)
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)


def join_processes() -> None:
    """Under ``torchrun``, join the other processes (NCCL on GPUs, gloo on CPUs); otherwise nothing."""
    if int(os.environ.get("WORLD_SIZE", 1)) > 1 and not dist.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(pick_device())
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def rank_and_world() -> tuple[int, int]:
    """This process's number and how many there are: (0, 1) outside of ``torchrun``."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def sum_over_processes(values: Tensor) -> Tensor:
    """Add up a tensor over all processes, in place."""
    if dist.is_initialized():
        dist.all_reduce(values)
    return values


def gather_over_processes(items: list) -> list:
    """The items of all processes, this one's among them, process by process: the same list everywhere."""
    if not dist.is_initialized():
        return items
    gathered: list[list] = [[] for _ in range(dist.get_world_size())]
    dist.all_gather_object(gathered, items)
    return [item for part in gathered for item in part]
