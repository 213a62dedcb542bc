"""The clock, who vouches for it, and the power that keeps it and everything else alive."""

from __future__ import annotations

from collections.abc import Iterator

from einvoiced import parts
from einvoiced.actions.start_checks import fact
from einvoiced.doctor.findings import Finding, note, ok, problem, unseen, warning
from einvoiced.doctor.site import Site, show_unit
from einvoiced.errors import EinvoicedError
from einvoiced.hardware.clock.battery import read_battery
from einvoiced.hardware.clock.system import SystemClock
from einvoiced.hardware.power import read_power

NTP_UNITS = ("systemd-timesyncd.service", "chrony.service", "chronyd.service", "ntpsec.service", "ntp.service")
HOT = 80.0
"""Degrees from which a Raspberry Pi slows itself down."""

MANY_UNCLEAN_STOPS = 10
NTP = "timedatectl set-ntp true"
COIN = ("change the coin cell, then: hwclock --systohc", "更換鈕扣電池，再執行 hwclock --systohc")
SUPPLY = ("use the board's own power supply and a short cable", "請使用原廠電源供應器與短電源線")


def check_clock(site: Site) -> Iterator[Finding]:
    """Is it vouched for now, and would it be right after a power cut without a network?"""
    clock = parts.clock(site.config.clock)
    synchronised, agrees = clock.synchronised(), clock.rtc_agrees(parts.RTC_TOLERANCE)
    said = f"{clock.now():%Y-%m-%d %H:%M:%S}"
    if synchronised:
        yield ok(f"{said}, synchronised.", f"{said}，已校時。")
    elif agrees:
        yield ok(f"{said}, the hardware clock agrees.", f"{said}，與硬體時鐘一致。")
    else:
        yield problem(
            f"{said}: nobody vouches for the clock; only tills that send till_time can issue.",
            f"{said}：時鐘未經校時，收銀機須送 till_time 才能開立。",
            f"{NTP}, or fit a hardware clock and set it: hwclock --systohc",
            f"{NTP}，或加裝硬體時鐘並執行 hwclock --systohc",
        )
    if not isinstance(clock, SystemClock):
        yield note("A virtual clock: for tests and the demo only.", "虛擬時鐘，僅供測試與示範。")
        return
    yield from _ntp(site)
    yield from _hardware_clock(clock, agrees)


def _ntp(site: Site) -> Iterator[Finding]:
    if not site.has_systemd:
        return
    running = [name for name in NTP_UNITS if show_unit(name).get("ActiveState") == "active"]
    if running:
        yield ok(f"{running[0]} keeps it right.", f"校時服務 {running[0]} 執行中。")
    else:
        yield warning("No service keeps the clock right by the network.", "沒有執行網路校時服務。", NTP, NTP)


def _hardware_clock(clock: SystemClock, agrees: bool | None) -> Iterator[Finding]:
    hardware = clock.hardware_clock()
    if hardware is None:
        yield warning(
            "There is no hardware clock: after a power cut the time is wrong until the network is back.",
            "沒有硬體時鐘，斷電後須等網路恢復才有正確時間。",
            "fit an RTC module with a battery",
            "加裝有電池的 RTC 模組",
        )
        return
    battery = read_battery()
    if battery.good is False or agrees is None:
        yield problem("The hardware clock has lost its time: its battery is flat.", "硬體時鐘電池沒電。", *COIN)
    elif agrees is False:
        how = "hwclock --systohc"
        yield warning(
            "The hardware clock differs from the system's by more than 2 s.", "硬體時鐘與系統時間不一致。", how, how
        )
    elif battery.good is None:
        yield note("The hardware clock agrees; of its battery nobody knows.", "硬體時鐘一致，無法得知電池狀態。")
    else:
        yield ok("The hardware clock agrees, its battery is good.", "硬體時鐘一致，電池正常。")


def check_power(site: Site) -> Iterator[Finding]:
    """Under-voltage, heat, and how often the box was not stopped in order."""
    power = read_power()
    if "under_voltage" in power.now:
        yield problem("The supply's voltage is too low now.", "目前電源電壓不足。", *SUPPLY)
    elif "under_voltage" in power.since_boot:
        yield warning("The supply's voltage was too low since the last boot.", "開機後曾發生電壓不足。", *SUPPLY)
    elif power.source:
        yield ok("No under-voltage since the last boot.", "開機後沒有發生電壓不足。")
    if (power.celsius is not None and power.celsius >= HOT) or "throttled" in power.now:
        how = ("give it air, fit a heat sink", "請改善通風或加裝散熱片")
        yield warning(
            f"The processor is hot ({power.celsius} °C) and slows down.", f"處理器過熱（{power.celsius} °C）。", *how
        )
    try:
        stops = int(site.read(lambda tx: fact(tx, "unclean_stops")) or 0)
    except PermissionError:
        yield unseen("How often it lost its power", "斷電次數")
        return
    except (OSError, EinvoicedError):
        return
    if stops >= MANY_UNCLEAN_STOPS:
        yield warning(
            f"It was not stopped in order {stops} times: nothing was lost, but cards wear out by it.",
            f"有 {stops} 次未正常關機；資料無遺失，但會縮短記憶卡壽命。",
            "shut it down before it is switched off (systemctl poweroff), or fit a UPS",
            "關電前先正常關機（systemctl poweroff），或加裝不斷電系統",
        )
    else:
        yield ok(f"It was not stopped in order {stops} times.", f"未正常關機 {stops} 次。")
