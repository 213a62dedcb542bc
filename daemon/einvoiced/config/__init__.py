"""The TOML file, read and checked: `sections` as frozen structs. An option that nobody knows is an error naming it;
nothing is guessed. `edit` changes one option of the file, `file` is the file that `setup` fills in.

Paths of state and sockets are not options: they come from the command line or from systemd's environment, so that a
box with a broken file still answers on its sockets and says what is wrong.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from einvoiced.config.sections import *  # noqa: F403
from einvoiced.config.sections import UNCONFIGURED, Config, LampsSection, PrinterSection, TracksSection, TurnkeySection
from einvoiced.errors import ConfigError, EinvoicedError
from einvoiced.errors.words import in_chinese
from einvoiced.rules.identifiers import carrier_type_known, tax_id_valid
from einvoiced.rules.sale import check_text
from einvoiced.rules.share import Share

if TYPE_CHECKING:
    from einvoiced.proof.profile import PrinterProfile

QR_KEY_CREDENTIAL = "qr-key"
"""The name of the systemd credential that holds the 32 hex digits."""

FILE = Path("/etc/einvoiced/einvoiced.toml")
"""The installed box's file."""

CREDENTIAL = Path("/etc/credstore/einvoiced.qr-key")
"""Where systemd's LoadCredential= finds the installed box's key (systemd.exec(5)); only root reads it there."""

WHOLE = "the file"
"""What an error calls the file as a whole where no option is to blame."""

_SHARE_HELP_ZH = '本店號碼只給這一台用請填 "1/1"，三台中的第二台請填 "2/3"'
_SHARE_HELP = 'say "1/1" for a box that has the shop\'s numbers for itself, "2/3" for the second of three boxes'


def unconfigured(path: Path) -> Config:
    """What a box without a valid file runs on: its lamps show that, where at least their section is right."""
    try:
        sections = msgspec.toml.decode(path.read_bytes(), type=dict[str, Any])
        lamps = msgspec.convert(sections.get("lamps", {}), type=LampsSection)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return UNCONFIGURED
    return msgspec.structs.replace(UNCONFIGURED, lamps=lamps)


def load(path: Path) -> Config:
    """Read and check the file as a whole; ConfigError names the file, the option and the cure."""
    try:
        return parse(path, path.read_bytes())
    except FileNotFoundError:
        raise _error(
            path, WHOLE, "does not exist: run sudo einvoicectl setup", "不存在，請執行 sudo einvoicectl setup"
        ) from None
    except OSError as error:
        raise unreadable(path, error) from None


def parse(path: Path, content: bytes) -> Config:
    """Check what the file holds, or is going to hold; ConfigError as `load`."""
    try:
        config = msgspec.toml.decode(content, type=Config)
    except msgspec.ValidationError as error:
        text, _, where = str(error).partition(" - at ")
        if "missing required field `tracks`" in text or "missing required field `share`" in text:
            raise _error(path, "tracks.share", f"is missing: {_SHARE_HELP}", f"缺少；{_SHARE_HELP_ZH}") from None
        raise _error(path, where.strip("`$.") or WHOLE, text) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise not_toml(path, error) from None
    check(path, config)
    return config


def not_toml(path: Path, error: Exception) -> ConfigError:
    """The file is no TOML; what exactly is wrong where it stops is for those who read English."""
    place = re.search(r"at line (\d+), column (\d+)", str(error))
    where = f"（第 {place[1]} 行第 {place[2]} 字附近）" if place else ""
    return _error(path, WHOLE, f"is no TOML: {error}", f"不是正確的 TOML 格式{where}")


def unreadable(path: Path, error: OSError) -> ConfigError:
    """The file cannot be read."""
    zh = f"無法讀取（{in_chinese(error.strerror or '')}）"
    return _error(path, WHOLE, f"cannot be read ({error.strerror})", zh)


def check(path: Path, config: Config) -> None:
    """What the types cannot say; ConfigError names the option. The file itself is not read."""
    seller = config.seller
    if not tax_id_valid(seller.identifier):
        raise _error(
            path,
            "seller.identifier",
            f"{seller.identifier!r} is not a valid 統一編號 (check digit)",
            f"統一編號「{seller.identifier}」檢查碼不符",
        )
    texts = {"seller.name": (seller.name, 60), "box.id": (config.box.id, 4)}
    if seller.address is not None:
        texts["seller.address"] = (seller.address, 100)
    if seller.telephone is not None:
        texts["seller.telephone"] = (seller.telephone, 26)
    if seller.tax_registration is not None and not re.fullmatch(r"[0-9]{9}", seller.tax_registration):
        number = seller.tax_registration
        raise _error(
            path, "seller.tax_registration", f"{number!r} is not nine digits", f"「{number}」不是九碼的稅籍編號"
        )
    if config.printer.note:
        texts["printer.note"] = (config.printer.note, 100)
    for option, (text, limit) in texts.items():
        try:
            check_text(text, limit, option, option)
        except EinvoicedError as error:
            raise _error(path, option, error.message, error.message_zh.rstrip("。")) from None
    if not re.fullmatch(r"never|start|([01][0-9]|2[0-3]):[0-5][0-9]", config.box.daily_slip):
        detail = f"{config.box.daily_slip!r} is none of never, start, or a time such as 09:00"
        raise _error(path, "box.daily_slip", detail, f"「{config.box.daily_slip}」須為 never、start 或時間，例如 09:00")
    _check_tracks(path, config.tracks)
    for carrier in config.sales.carriers:
        if not carrier_type_known(carrier):
            detail = f"{carrier!r} is no carrier type (two letters and four digits)"
            raise _error(path, "sales.carriers", detail, f"「{carrier}」不是載具類別（兩個英文字母加四個數字）")
    for option, kind, value in (
        ("printer.device", config.printer.transport, config.printer.device),
        ("stick.folder", config.stick.kind if config.stick.kind == "folder" else "none", config.stick.folder),
        ("clock.file", config.clock.kind if config.clock.kind == "virtual" else "none", config.clock.file),
    ):
        if kind != "none" and not value:
            raise _error(path, option, f"is needed with {kind!r}", f"使用 {kind} 時必須填寫")
    _check_turnkey(path, config.turnkey)
    if config.printer.transport == "network":
        _check_address(path, config.printer.device)
    if config.printer.transport != "none":
        printer_profile(path, config.printer)


def _check_turnkey(path: Path, turnkey: TurnkeySection) -> None:
    if turnkey.spool and not Path(turnkey.spool).is_absolute():
        raise _error(
            path, "turnkey.spool", f"{turnkey.spool!r} is no absolute path", f"「{turnkey.spool}」不是絕對路徑"
        )
    for option, name in (("turnkey.storage", turnkey.storage), ("turnkey.tracks", turnkey.tracks)):
        if not re.fullmatch("[A-Za-z0-9_-]{1,40}", name):
            detail = f"{name!r} is no folder of Turnkey's, such as B2SSTORAGE"
            raise _error(path, option, detail, f"「{name}」不是 Turnkey 的資料夾名稱，例如 B2SSTORAGE")
    if not 0.01 <= turnkey.poll_seconds <= 3600:
        raise _error(path, "turnkey.poll_seconds", "is from 0.01 to 3600", "須為 0.01 到 3600")


def _check_tracks(path: Path, tracks: TracksSection) -> None:
    try:
        Share.parse(tracks.share)
    except ValueError:
        detail = f"{tracks.share!r} is no share: {_SHARE_HELP}"
        raise _error(path, "tracks.share", detail, f"「{tracks.share}」不是份額；{_SHARE_HELP_ZH}") from None
    for branch in tracks.branches:
        if not tax_id_valid(branch):
            detail = f"{branch!r} is not a valid 統一編號 (check digit)"
            raise _error(path, "tracks.branches", detail, f"統一編號「{branch}」檢查碼不符")


def _check_address(path: Path, device: str) -> None:
    from einvoiced.hardware.printer.network import split_address

    try:
        split_address(device)
    except ValueError as error:
        zh = f"「{device}」不是網路印表機的位址，例如 192.168.1.50:9100"
        raise _error(path, "printer.device", str(error), zh) from None


def printer_profile(path: Path, section: PrinterSection) -> PrinterProfile:
    """The profile of the configured printer, loaded with the configured roll; ConfigError."""
    from einvoiced.proof.profiles import load_profile

    try:
        profile = load_profile(section.profile, path.parent)
    except ValueError as error:
        zh = f"印表機設定「{section.profile}」不存在或內容有誤"
        raise _error(path, "printer.profile", str(error), zh) from None
    if section.cutter is not None:
        profile = msgspec.structs.replace(profile, cutter=section.cutter)
    try:
        return profile.on_roll(section.roll_mm or profile.roll_mm)
    except ValueError as error:
        zh = f"此印表機不能使用 {section.roll_mm or profile.roll_mm} mm 紙捲"
        raise _error(path, "printer.roll_mm", str(error), zh) from None


def qr_key(path: Path, config: Config) -> str:
    """The 32 hex digits of the QR key: systemd's credential (root: where systemd finds it), or a private file."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (Path(credentials) / QR_KEY_CREDENTIAL).exists():
        return _key_digits(path, Path(credentials) / QR_KEY_CREDENTIAL)
    if path == FILE and os.access(CREDENTIAL, os.R_OK):
        return _key_digits(path, CREDENTIAL)
    if config.qr.key_file is None:
        detail = "is missing: the 32 hex digits that the platform's tool makes of the seed"
        raise _error(path, "qr.key_file", detail, "缺少：請填平台工具由種子密碼產生的 32 碼十六進位金鑰檔")
    file = (path.parent / config.qr.key_file).resolve()
    try:
        mode = file.stat().st_mode
    except OSError as error:
        raise _error(
            path, "qr.key_file", f"{file} cannot be read ({error.strerror})", _unreadable_zh(file, error)
        ) from None
    if stat.S_IMODE(mode) & 0o077:
        raise _error(
            path,
            "qr.key_file",
            f"{file} may be read by others; chmod 600 it",
            f"{file} 其他人也能讀取，請執行 chmod 600",
        )
    return _key_digits(path, file)


def _unreadable_zh(file: Path, error: OSError) -> str:
    return f"{file} 無法讀取（{in_chinese(error.strerror or '')}）"


def _key_digits(path: Path, file: Path) -> str:
    try:
        digits = file.read_text(encoding="ascii").strip()
        if len(bytes.fromhex(digits)) == 16:
            return digits
    except OSError as error:
        raise _error(
            path, "qr.key_file", f"{file} cannot be read ({error.strerror})", _unreadable_zh(file, error)
        ) from None
    except ValueError:
        pass
    raise _error(path, "qr.key_file", f"{file} does not hold 32 hex digits", f"{file} 的內容不是 32 碼十六進位數字")


def _error(path: Path, option: str, detail: str, detail_zh: str | None = None) -> ConfigError:
    """Without `detail_zh` the detail is somebody else's words, for which `errors.words` has the Chinese."""
    facts = {} if detail_zh is None else {"detail_zh": detail_zh}
    if option == WHOLE:
        facts["option_zh"] = "檔案"
    return ConfigError(file=path, option=option, detail=detail, **facts)
