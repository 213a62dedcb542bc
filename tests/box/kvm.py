"""Whether /dev/kvm can run a guest's kernel. That it exists says nothing: some hosts emulate what it is asked to run.

A loop of 20 million turns is timed in a virtual processor, for 0.3 s at most: hardware makes more than 500 million a
second, an emulation a few (TCG is far faster there).
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import signal
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TURNS = 20_000_000
LIMIT_SECONDS = 0.3
USABLE = 200e6
"""Turns a second from which on KVM is worth using."""

_API, _CREATE_VM, _CREATE_VCPU, _MMAP_SIZE, _RUN = 0xAE00, 0xAE01, 0xAE41, 0xAE04, 0xAE80
_SET_MEMORY, _GET_SREGS, _SET_SREGS, _GET_REGS, _SET_REGS = 0x4020AE46, 0x8138AE83, 0x4138AE84, 0x8090AE81, 0x4090AE82
_LOOP = b"\x66\xb9" + struct.pack("<I", TURNS) + b"\x66\x49\x75\xfc\xb0\x2a\xe6\x10\xf4"
"""mov ecx, TURNS; 1: dec ecx; jnz 1b; mov al, 42; out 0x10, al; hlt"""


def usable() -> tuple[bool, str]:
    """Whether to use KVM, and why."""
    if Path("/sys/module/kvm_pvm").is_dir():
        return False, "KVM is there, but kvm_pvm emulates a guest's kernel"
    try:
        speed = _speed()
    except OSError as error:
        return False, f"no KVM ({error.strerror})"
    return speed >= USABLE, f"KVM makes {speed / 1e6:.0f} million turns a second"


def _speed() -> float:
    """Turns a second; OSError where KVM refuses."""
    opened: list[int] = []
    try:
        opened.append(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
        opened.append(fcntl.ioctl(opened[0], _CREATE_VM, 0))
        opened.append(fcntl.ioctl(opened[1], _CREATE_VCPU, 0))
        return _time_loop(*opened)
    finally:
        for descriptor in reversed(opened):
            os.close(descriptor)


def _time_loop(kvm: int, vm: int, processor: int) -> float:
    mmap.mmap(processor, fcntl.ioctl(kvm, _MMAP_SIZE))
    memory = mmap.mmap(-1, 0x1000)
    memory[: len(_LOOP)] = _LOOP
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    fcntl.ioctl(vm, _SET_MEMORY, struct.pack("IIQQQ", 0, 0, 0x1000, 0x1000, address))
    segments = bytearray(312)
    fcntl.ioctl(processor, _GET_SREGS, segments)
    struct.pack_into("<QIH", segments, 0, 0, 0xFFFF, 0)  # the code segment: base, limit, selector
    fcntl.ioctl(processor, _SET_SREGS, bytes(segments))
    registers = bytearray(144)
    struct.pack_into("<QQ", registers, 128, 0x1000, 2)  # instruction pointer, flags
    fcntl.ioctl(processor, _SET_REGS, bytes(registers))
    with _alarms():
        begin = time.monotonic()
        while time.monotonic() - begin < LIMIT_SECONDS:
            with suppress(InterruptedError):
                fcntl.ioctl(processor, _RUN, 0)
                break
        seconds = time.monotonic() - begin
    registers = bytearray(144)
    fcntl.ioctl(processor, _GET_REGS, registers)
    left = struct.unpack_from("<Q", registers, 16)[0] & 0xFFFFFFFF
    return float(TURNS - left) / seconds


@contextmanager
def _alarms() -> Iterator[None]:
    """Signals that bring a virtual processor back."""
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_SECONDS, 0.1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
