"""Drawings of what a person must look at, for a terminal."""

from __future__ import annotations

from einvoiced.hardware.lamps import PATTERNS, LampState, Light

_WIDTH = 24
_NAMES = {"green": "green 綠", "amber": "amber 黃", "red": "red 紅"}

PRINTER = """\
  ┌────────────────────────────────────┐
  │▏╷╷╷╷╵╷╷╷╷│╷╷╷╷╵╷╷╷╷│╷╷╷╷╵╷╷╷╷│╷╷╷╷▕│  ruler: both edge lines there, 40 mm are 40 mm
  │▏         10        20        30   ▕│  尺標：左右邊線都在，40 mm 正確
  │████████████████████████████████████│  black bar: evenly black 黑條均勻
  │░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░│  grey bar: evenly grey 灰條均勻
  │▏││││││││││││││││││││││││││││││││││▕│  fine lines, upright and level 直線、橫線
  │▏══════════════════════════════════▕│
  │╲___                                │  slanted line without a gap: a gap is a dead dot
  │    ‾‾╲___                          │  斜線不可有缺口（缺口代表壞點）
  │          ‾‾╲___                    │
  │                ‾‾╲___              │
  │                      ‾‾╲___________│
  └─────────────── cut  ───────────────┘
  ┌────────────────────────────────────┐
  │██████████████ 測試 ████████████████│  white on black: this is no invoice 反白「測試」
  │           電子發票證明聯           │
  │            115年11-12月            │
  │            ZZ-00000000             │
  │ ▌▌▐█▐▌▌█▐▐▌█▌▐▌▐▌█▐▌▌▐█▐▌▌█▐▐▌█▌▐  │  Code 39
  │   █▀▀▀█ ▄▀█▀▀▀█   █▀▀▀█ ▄▀█▀▀▀█    │  two QR codes side by side: scan both with a phone
  │   █▄▄▄█ ▀▄█▄▄▄█   █▄▄▄█ ▀▄█▄▄▄█    │  兩個 QR code 都要能用手機掃描
  └────────────────────────────────────┘"""

PAPER_OUT = """\
      ________
     /       /|   open, lift the roll out, close
    /   ◯←──/ |   打開上蓋，取出紙捲，關上
   /_______/  |
   |______|__/"""

COVER = """\
        ╱
       ╱  ←  open the cover and leave it open
   ___╱____   打開上蓋，先不要關
  |        |
  |________|"""

STICK_IN = """\
   ┌──────┐     ┌────────────┐
   │ ▭▭   ├────→│▭  box 主機  │
   └──────┘     └────────────┘"""

STICK_OUT = """\
   ┌──────┐     ┌────────────┐
   │ ▭▭   │←────┤▭  box 主機  │
   └──────┘     └────────────┘"""


def lamps(state: LampState) -> str:
    """The three lamps of a pattern: a full lamp is lit, a half one blinks."""
    lights = PATTERNS[state].lights()
    rows = [
        "".join(_NAMES[name].ljust(_WIDTH - 1) for name, _ in lights),
        "".join("╭───╮".ljust(_WIDTH) for _ in lights),
        "".join(f"│{_fill(light)}│".ljust(_WIDTH) for _, light in lights),
        "".join("╰───╯".ljust(_WIDTH) for _ in lights),
        "".join(words(light).ljust(_WIDTH) for _, light in lights),
    ]
    return "\n".join("   " + row.rstrip() for row in rows)


def words(light: Light) -> str:
    """One lamp's rhythm in words, as docs/lamps.md writes it."""
    if light.blinking:
        return f"{light.on_seconds:g} s on, {light.off_seconds:g} s off"
    return "steady" if light.lit else "dark"


def _fill(light: Light) -> str:
    return "▓▒░" if light.blinking else "███" if light.lit else "   "
