"""The clock: who vouches for it. The period of every number is decided by it, and a Raspberry Pi has none."""

from __future__ import annotations

from einvoiced import parts
from einvoiced.hardware.clock.system import SystemClock
from hw_tests.bench import Bench, Figure, Outcome


def run(bench: Bench) -> Outcome:
    """Pass when the kernel calls the clock synchronised, or a hardware clock agrees."""
    clock = parts.clock(bench.config.clock)
    synchronised, agrees = clock.synchronised(), clock.rtc_agrees(parts.RTC_TOLERANCE)
    figures: dict[str, Figure] = {
        "time": clock.now().isoformat(timespec="seconds"),
        "synchronised": synchronised,
        "rtc_agrees": agrees,
    }
    if isinstance(clock, SystemClock):
        hardware = clock.hardware_clock()
        figures["rtc_present"] = hardware is not None
        if hardware is not None:
            figures["rtc_ahead_seconds"] = round(hardware.since_epoch + 0.5 - clock.now().timestamp(), 1)
    return Outcome("pass" if synchronised or agrees else "fail", _reason(synchronised, agrees), figures)


def _reason(synchronised: bool | None, agrees: bool | None) -> str:
    if synchronised and agrees:
        return "synchronised, and a hardware clock agrees"
    if synchronised:
        return "synchronised, but without a good hardware clock: after a power cut it is right only with a network"
    if agrees:
        return "not synchronised, but the hardware clock agrees"
    return "nobody vouches for the clock: connect NTP or fit a hardware clock (else tills must send till_time)"
