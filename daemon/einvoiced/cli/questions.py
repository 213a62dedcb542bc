"""What `setup` asks, and how each answer is checked before the next question."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from einvoiced.cli.terminal import Terminal, Wrong

if TYPE_CHECKING:
    from einvoiced.hardware.printer.probe import Found

Options = dict[str, Any]
"""`section.option` → value, as the file has it."""


@dataclass(frozen=True)
class Question:
    """One option of the file. `cure` says in Chinese what a right answer looks like."""

    option: str
    flag: str
    zh: str
    en: str
    cure: str
    needed: bool = True
    default: str = ""


QUESTIONS = (
    Question(
        "seller.identifier",
        "identifier",
        "營業人統一編號（8 碼）",
        "The shop's tax id (統一編號), 8 digits",
        "統一編號不正確，請照營業登記輸入 8 碼數字",
    ),
    Question(
        "seller.name",
        "name",
        "營業人名稱（照營業登記，會印在證明聯上）",
        "The shop's name exactly as registered; it is printed on the proof",
        "名稱須為 1 到 60 個字",
    ),
    Question(
        "seller.address",
        "address",
        "營業地址（照營業登記，可空白）",
        "Its address as registered; Enter: none",
        "地址最多 100 個字",
        needed=False,
    ),
    Question(
        "seller.telephone",
        "telephone",
        "電話（可空白）",
        "Its telephone number; Enter: none",
        "電話最多 26 個字",
        needed=False,
    ),
    Question(
        "tracks.share",
        "share",
        "這家店共有幾台開立主機？只有這一台請輸入 1/1；三台中的第二台請輸入 2/3。每台須不同，否則號碼會重複開立！",
        "Which of the shop's boxes is this? 1/1: the only one, 2/3: the second of three. Two alike repeat numbers!",
        "請輸入如 1/1 或 2/3（第幾台／共幾台）",
    ),
    Question(
        "box.id",
        "box",
        "本機代號（1 到 4 個字，同一家店不可重複）",
        "This box's id, 1 to 4 characters; each box of the shop its own",
        "代號須為 1 到 4 個字",
        default="A1",
    ),
)


def check_option(question: Question, folder: Path) -> Callable[[str], str | None]:
    """The check of one answer: the value, None for an empty one that is not needed; Wrong."""
    from einvoiced.config.file import objection

    def check(answer: str) -> str | None:
        if not answer and not question.needed:
            return None
        against = objection(question.option, answer, folder)
        if not answer or against is not None:
            raise Wrong(f"{question.option}: {against or 'is needed'}", question.cure)
        return answer

    return check


def ask_shop(terminal: Terminal, given: Options, before: Options, folder: Path) -> Options:
    """Ask what was not given on the command line; what the file says already is the default."""
    answers: Options = {}
    for question in QUESTIONS:
        if question.option in given:
            continue
        default = str(before.get(question.option) or question.default)
        answers[question.option] = terminal.ask(question.zh, question.en, check_option(question, folder), default)
    return answers


def digits_of_key(text: str) -> str:
    """The key's 32 hex digits; Wrong, which never repeats what was typed."""
    digits = text.strip()
    try:
        whole = len(digits) == 32 and len(bytes.fromhex(digits)) == 16
    except ValueError:
        whole = False
    if not whole:
        raise Wrong("the key is 32 hex digits (0-9, A-F)", "金鑰須為 32 位十六進位字元（0-9、A-F）")
    return digits


def ask_key(terminal: Terminal, *, kept: bool) -> str | None:
    """The key, typed unseen; None to keep the one that is there, or to go on without."""

    def check(text: str) -> str | None:
        return digits_of_key(text) if text else None

    keep = "；直接按 Enter 保留目前金鑰" if kept else ""
    while True:
        key = terminal.secret(
            f"QR code 加密金鑰：平台工具由種子密碼產生的 32 位十六進位（輸入時不顯示{keep}）",
            "The QR code's AES key, 32 hex digits of the platform's tool; not shown"
            + (", Enter: keep" if kept else ""),
            check,
        )
        if key is not None or kept:
            return key
        if terminal.yes(
            "沒有金鑰就不能開立發票。之後再設定嗎？",
            "Without the key the box issues nothing. Go on, and give it later?",
            default=False,
        ):
            return None


# -- the printer -------------------------------------------------------------------------------------------------------


def parse_printer(text: str) -> Options:
    """`none`, `usb:NODE`, `serial:NODE`, `network:ADDRESS[:PORT]`; Wrong."""
    kind, _, device = text.partition(":")
    if kind == "none" and not device:
        return {"printer.transport": "none", "printer.device": ""}
    if kind not in ("usb", "serial", "network", "virtual") or not device:
        raise Wrong(
            "--printer is none, auto, usb:NODE, serial:NODE or network:ADDRESS[:PORT]",
            "印表機請填 none、auto、usb:裝置、serial:裝置 或 network:位址[:埠]",
        )
    if kind == "network":
        check_address(device)
    return {"printer.transport": kind, "printer.device": device}


def check_address(text: str) -> str:
    """An IP address with or without a port: the box's sandbox lets nothing else through; Wrong."""
    from einvoiced.hardware.printer.network import split_address

    try:
        ipaddress.ip_address(split_address(text)[0])
    except ValueError:
        raise Wrong(
            f"{text!r}: give the printer's IP address, such as 192.168.1.50 or 192.168.1.50:9100",
            "請輸入印表機的 IP 位址，例如 192.168.1.50",
        ) from None
    return text


def of_found(found: Found, folder: Path) -> Options:
    """The options of a printer that was found."""
    answers: Options = {
        "printer.transport": found.place.kind,
        "printer.device": found.place.device,
        "printer.profile": guess_profile(found, folder),
    }
    if found.baudrate:
        answers["printer.baudrate"] = found.baudrate
    return answers


def guess_profile(found: Found, folder: Path) -> str:
    """The profile whose name stands in what the printer calls itself; else a generic one."""
    from einvoiced.proof.profiles import profile_names

    model = "-".join(found.place.model.lower().replace("_", " ").split())
    known = [name for name in profile_names(folder) if name in model and not name.startswith("generic")]
    if known:
        return max(known, key=len)
    return "generic-58" if found.answers else "generic-58-one-way"


def ask_printer(terminal: Terminal, folder: Path) -> Options:
    """Look for printers, let a person choose, then profile and roll."""
    from einvoiced.hardware.printer import probe

    terminal.say("", "尋找印表機中（不會列印）……", "Looking for printers; nothing is printed …")
    found = [probe.look(place) for place in probe.places()]
    lines = [describe(each) for each in found]
    lines += ["網路印表機 a printer on the network", "不接印表機，由收銀機列印 none: the till prints"]
    likely = next((i for i, each in enumerate(found) if each.answers), len(lines) - 1)
    chosen = terminal.choose("使用哪一台印表機？", "Which printer?", lines, likely)
    if chosen == len(lines) - 1:
        return {"printer.transport": "none", "printer.device": ""}
    if chosen < len(found):
        answers = of_found(found[chosen], folder)
    else:
        address = terminal.ask("印表機 IP 位址", "The printer's IP address", check_address)
        answers = {"printer.transport": "network", "printer.device": address, "printer.profile": "generic-58"}
    return answers | _ask_profile(terminal, folder, str(answers["printer.profile"]))


def describe(found: Found) -> str:
    """One line about a printer that was looked for."""
    if found.trouble:
        told = f"無法詢問 cannot be asked ({found.trouble})"
    elif not found.answers:
        told = "沒有回應 silent"
    else:
        ready = {"yes": "就緒 ready", "no": "未就緒（缺紙、開蓋或錯誤）not ready: paper, cover or an error"}
        told = ready.get(found.status.ready.value, "有回應 answers")
    speed = f" {found.baudrate} baud" if found.baudrate else ""
    return " ".join(filter(None, (found.place.device, found.place.model, speed.strip(), "-", told)))


def _ask_profile(terminal: Terminal, folder: Path, likely: str) -> Options:
    from einvoiced.proof.profiles import load_profile, profile_names

    names = profile_names(folder)
    lines = [f"{name}  {load_profile(name, folder).description}" for name in names]
    chosen = names[terminal.choose("印表機型號", "Its kind", lines, names.index(likely) if likely in names else 0)]
    profile = load_profile(chosen, folder)
    answers: Options = {"printer.profile": chosen}
    if profile.narrow_dots:
        rolls = ["57 mm（證明聯限用此寬度 the width that the law wants）", "80 mm（只能印單據 slips only）"]
        answers["printer.roll_mm"] = (57, 80)[terminal.choose("紙捲寬度", "The roll that is loaded", rolls)]
    return answers


# -- the lamps ---------------------------------------------------------------------------------------------------------


def parse_lamps(text: str) -> Options:
    """`none`, `gpio`, or `gpio:GREEN,AMBER,RED`; Wrong."""
    kind, _, pins = text.partition(":")
    if kind == "none" and not pins:
        return {"lamps.kind": "none"}
    if kind == "gpio":
        return {"lamps.kind": "gpio", **(parse_pins(pins) if pins else {})}
    raise Wrong("--lamps is none, gpio or gpio:GREEN,AMBER,RED", "燈號請填 none、gpio 或 gpio:綠,黃,紅")


def parse_pins(text: str) -> Options:
    """Three BCM numbers with blanks or commas between; Wrong."""
    numbers = text.replace(",", " ").split()
    if len(numbers) != 3 or len(set(numbers)) != 3 or not all(n.isdecimal() and int(n) < 54 for n in numbers):
        raise Wrong(
            "three different pins (BCM numbers, 0 to 53), such as 17 27 22", "請輸入三個不同的 BCM 腳位，例如 17 27 22"
        )
    return {f"lamps.{name}": int(n) for name, n in zip(("green", "amber", "red"), numbers, strict=True)}


def ask_lamps(terminal: Terminal, before: Options) -> Options:
    """Only where there are pins."""
    if not any(Path("/dev").glob("gpiochip*")):
        return {}
    if not terminal.yes(
        "有接三色燈號嗎？", "Are the three lamps connected?", default=before.get("lamps.kind") != "none"
    ):
        return {"lamps.kind": "none"}
    now = " ".join(str(before.get(f"lamps.{name}", n)) for name, n in (("green", 17), ("amber", 27), ("red", 22)))
    pins = terminal.ask("綠、黃、紅燈的 BCM 腳位", "BCM pins of green, amber, red", parse_pins, now)
    return {"lamps.kind": "gpio", **pins}
