"""The clock: who vouches for it. The period of every number is decided by it, and a Raspberry Pi has none."""

from __future__ import annotations

from pathlib import Path

from einvoiced import parts
from einvoiced.doctor.site import show_unit
from einvoiced.doctor.timekeeping import NTP_UNITS
from einvoiced.hardware.clock.battery import Battery, read_battery
from einvoiced.hardware.clock.system import SystemClock
from hw_tests.bench import Bench, Figure, Outcome

FLAT = "the hardware clock's battery is flat: change the coin cell, then set it (hwclock --systohc)"


def run(bench: Bench) -> Outcome:
    """Pass when the kernel calls the clock synchronised, or a hardware clock agrees, and no battery is known flat."""
    clock = parts.clock(bench.config.clock)
    synchronised, agrees = clock.synchronised(), clock.rtc_agrees(parts.RTC_TOLERANCE)
    figures: dict[str, Figure] = {
        "time": clock.now().isoformat(timespec="seconds"),
        "synchronised": synchronised,
        "rtc_agrees": agrees,
    }
    flat = False
    if isinstance(clock, SystemClock):
        flat = _look_at_hardware(clock, figures)
    if flat:
        return Outcome("fail", FLAT, figures)
    return Outcome("pass" if synchronised or agrees else "fail", _reason(synchronised, agrees), figures)


def _look_at_hardware(clock: SystemClock, figures: dict[str, Figure]) -> bool:
    """Note the RTC, its battery and the NTP service; whether the battery is flat."""
    hardware, battery = clock.hardware_clock(), read_battery()
    figures["ntp"] = ntp_service()
    figures["rtc_present"] = hardware is not None
    if hardware is not None:
        figures["rtc_ahead_seconds"] = round(hardware.since_epoch + 0.5 - clock.now().timestamp(), 1)
        figures["battery"] = words(battery)
    return hardware is not None and battery.good is False


def ntp_service() -> str | None:
    """The service that keeps the clock right by the network, None when none runs or systemd is not there."""
    if not Path("/run/systemd/system").is_dir():
        return None
    return next((name for name in NTP_UNITS if show_unit(name).get("ActiveState") == "active"), None)


def words(battery: Battery) -> str:
    """The battery in a word, and its volts."""
    state = {True: "good", False: "flat", None: "unknown"}[battery.good]
    return state if battery.volts is None else f"{state} ({battery.volts} V)"


def _reason(synchronised: bool | None, agrees: bool | None) -> str:
    if synchronised and agrees:
        return "synchronised, and a hardware clock agrees"
    if synchronised:
        return "synchronised, but without a good hardware clock: after a power cut it is right only with a network"
    if agrees:
        return "not synchronised, but the hardware clock agrees"
    return "nobody vouches for the clock: connect NTP or fit a hardware clock (else tills must send till_time)"
