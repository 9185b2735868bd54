"""Which device and number format the model runs in, and what they can do."""

import os
import resource
import sys
import time

import torch

from worker.errors import UserError

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_PEAK_SHAPES = [(512, 768, 3072), (2048, 2048, 2048)]
_PEAK_SECONDS = 0.3


def pick_device(name: str) -> torch.device:
    """The device of that name; `auto`: a GPU where there is one.

    Raises:
        UserError: This machine has no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    usable = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}.get(device.type, True)
    if not usable or (device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()):
        raise UserError(f"EMOTION_DEVICE: this machine has no {name}; set `cpu`, or `auto` to take what is there")
    return device


def pick_dtype(name: str, device: torch.device) -> torch.dtype:
    """The number format of that name; `auto`: bfloat16 where the device computes in it, else float32."""
    if name != "auto":
        return _DTYPES[name]
    return torch.bfloat16 if _computes_bfloat16(device) else torch.float32


def describe(device: torch.device) -> str:
    """What kind of device it is, threads included: what was measured on one holds for another of the same kind."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    capability = torch.backends.cpu.get_cpu_capability()
    return f"{device.type} {capability} {torch.get_num_threads()} threads of {os.cpu_count()} cores"


def memory_needed(device: torch.device) -> str:
    """The most memory that this process has held so far, in words."""
    unit = 1 if sys.platform == "darwin" else 1024
    text = f"{_mib(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)} of the machine"
    if device.type == "cuda":
        total = torch.cuda.get_device_properties(device).total_memory
        text += f", {_mib(torch.cuda.max_memory_reserved(device))} of {_mib(total)} of the device"
    return text


def matrix_peak(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of plain matrix products: the most that a model can get, attention and all the rest apart."""
    best = 0.0
    for rows, inner, columns in _PEAK_SHAPES:
        left = torch.randn(rows, inner, device=device).to(dtype)
        right = torch.randn(inner, columns, device=device).to(dtype)
        deadline = time.perf_counter() + _PEAK_SECONDS
        while time.perf_counter() < deadline:
            started = time.perf_counter()
            for _ in range(4):
                product = left @ right
            product[0, 0].item()  # waits for the device
            best = max(best, 4 * 2 * rows * inner * columns / (time.perf_counter() - started))
    return best


def _mib(count_bytes: int) -> str:
    return f"{count_bytes >> 20:,} MiB"


def _computes_bfloat16(device: torch.device) -> bool:
    """Whether it has instructions for it: elsewhere bfloat16 is emulated, and slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
