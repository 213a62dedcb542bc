"""The installation: the package, configuration, the QR code's key, accounts, owners and modes of files, units."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

from einvoiced import config
from einvoiced.doctor.findings import Finding, note, ok, problem, unseen, warning
from einvoiced.doctor.site import Site, show_unit
from einvoiced.errors import ConfigError

CREDENTIAL = config.CREDENTIAL

USER, STICK_USER = "einvoiced", "einvoiced-stick"
TILL_GROUP, ADMIN_GROUP = "einvoice-till", "einvoice-admin"
SYSUSERS = "systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload"
PROGRAM_FOLDERS = ("/usr/lib/", "/usr/bin/", "/lib/")
DPKG_SECONDS = 60.0
UNITS = ("einvoiced-till.socket", "einvoiced-admin.socket", "einvoiced.service")


def check_package(site: Site) -> Iterator[Finding]:
    """dpkg's package is whole: no upgrade was cut off, and its programs are as they came. Nothing without a package."""
    state = _dpkg("dpkg-query", "-Wf", "${db:Status-Status}") if site.installed else ""
    if state in ("", "not-installed", "config-files"):
        return
    again = "dpkg -i ./einvoiced_*.deb"  # apt refuses any other version where one is half installed
    if state in ("unpacked", "half-configured", "half-installed"):
        how = again if state == "half-installed" else "dpkg --configure -a"
        yield problem(f"An installation of the package was cut off ({state}).", f"套件安裝中斷（{state}）。", how, how)
        return
    lines = _dpkg("dpkg", "--verify").splitlines()
    wrong = [path for line in lines if (path := line[line.find("/") :]).startswith(PROGRAM_FOLDERS)]
    if wrong:
        named = ", ".join(wrong[:3])
        yield problem(
            f"{len(wrong)} files are not the package's: {named}.", f"程式檔案與套件不符：{named}。", again, again
        )
    else:
        yield ok("The package is whole.", "套件完整。")


def check_config(site: Site) -> Iterator[Finding]:
    """The file as a whole."""
    if isinstance(site.loaded, ConfigError):
        setup = "sudo einvoicectl setup"
        if not _exists(site.config_file):
            yield problem(site.loaded.message, site.loaded.message_zh, setup, setup)
            return
        yield problem(
            site.loaded.message,
            site.loaded.message_zh,
            f"edit {site.config_file}, then: einvoicectl config check && systemctl restart einvoiced",
            f"修改 {site.config_file} 後執行：einvoicectl config check && systemctl restart einvoiced",
        )
        return
    seller = site.config.seller
    yield ok(
        f"{site.config_file} is good: {seller.name} ({seller.identifier}), box {site.config.box.id}.",
        f"設定檔正確：{seller.name}（{seller.identifier}），機號 {site.config.box.id}。",
    )


def check_key(site: Site) -> Iterator[Finding]:
    """The 32 hex digits: there, whole, and nobody else's to read. Their value is never told."""
    if isinstance(site.loaded, ConfigError):
        return
    cure = f"write the 32 hex digits of the platform's tool to {CREDENTIAL}, then: chmod 600 {CREDENTIAL}"
    cure_zh = f"將平台工具產生的 32 位十六進位金鑰寫入 {CREDENTIAL}，再執行 chmod 600 {CREDENTIAL}"
    if site.installed and _exists(CREDENTIAL):
        yield from _check_credential(cure, cure_zh)
        return
    try:
        config.qr_key(site.config_file, site.loaded)
    except ConfigError as error:
        if os.geteuid() != 0 and site.installed:
            yield unseen("The key of the QR code", "QR code 金鑰")
        else:
            yield problem(error.message, error.message_zh, cure, cure_zh)
        return
    yield ok("The key of the QR code is there.", "QR code 金鑰已設定。")


def _check_credential(cure: str, cure_zh: str) -> Iterator[Finding]:
    try:
        digits, mode = CREDENTIAL.read_text(encoding="ascii").strip(), CREDENTIAL.stat().st_mode
        whole = len(bytes.fromhex(digits)) == 16
    except PermissionError:
        yield unseen("The key of the QR code", "QR code 金鑰")
        return
    except ValueError:
        whole = False
    if not whole:
        yield problem(f"{CREDENTIAL} does not hold 32 hex digits.", "金鑰檔內容不是 32 位十六進位。", cure, cure_zh)
    elif stat.S_IMODE(mode) & 0o077:
        how = f"chmod 600 {CREDENTIAL}"
        yield problem(f"{CREDENTIAL} may be read by others.", "其他使用者可以讀取金鑰檔。", how, how)
    else:
        yield ok("The key of the QR code is there.", "QR code 金鑰已設定。")


def check_accounts(site: Site) -> Iterator[Finding]:
    """The users and groups, and who may ask."""
    if not site.installed:
        yield note(
            f"Not the machine's own box ({site.state}): accounts, files and units are not looked at.",
            "試用環境，不檢查帳號與系統檔案。",
        )
        return
    missing = [name for name in (USER, STICK_USER) if _user(name) is None]
    missing += [name for name in (TILL_GROUP, ADMIN_GROUP, "lp", "dialout", "gpio") if _group(name) is None]
    if missing:
        names = ", ".join(missing)
        yield problem(f"Not there: {names}.", f"缺少使用者或群組：{names}。", SYSUSERS, SYSUSERS)
        return
    yield from _members(
        TILL_GROUP, "warning", "No program may issue: nobody is a member", "沒有收銀程式能開立發票：沒有成員"
    )
    yield from _members(
        ADMIN_GROUP,
        "note",
        "Only root may use einvoicectl: nobody is a member",
        "只有 root 能使用 einvoicectl：沒有成員",
    )


def _members(name: str, level: str, en: str, zh: str) -> Iterator[Finding]:
    found = grp.getgrnam(name)
    members = sorted({*found.gr_mem, *(p.pw_name for p in pwd.getpwall() if p.pw_gid == found.gr_gid)} - {USER})
    if members:
        yield ok(f"{name}: {', '.join(members)}.", f"{name} 群組成員：{'、'.join(members)}。")
    elif level == "warning":
        how = f"usermod -aG {name} USER"
        yield warning(
            f"{en} of {name}.",
            f"{zh}（{name}）。",
            f"{how}, then let that program start again",
            f"{how}，再重新啟動該程式",
        )
    else:
        yield note(f"{en} of {name}.", f"{zh}（{name}）。")


def check_files(site: Site) -> Iterator[Finding]:
    """Owner and mode of the state: a file that root left behind stops the daemon."""
    if not site.installed or (owner := _user(USER)) is None:
        return
    try:
        wrong = list(_wrong_owners(site.state, owner.pw_uid))
        mode = stat.S_IMODE(site.state.stat().st_mode)
    except PermissionError:
        yield unseen("The state's files", "資料檔案")
        return
    except FileNotFoundError:
        how = "systemd-tmpfiles --create && systemctl start einvoiced"
        yield problem(f"{site.state} is not there.", f"{site.state} 不存在。", how, how)
        return
    if wrong:
        how = f"chown -R {USER}: {site.state}/journal {site.state}/*.json && systemctl restart einvoiced"
        named = ", ".join(wrong[:5])
        yield problem(f"Not {USER}'s: {named}.", f"檔案擁有者不是 {USER}：{named}。", how, how)
    if mode & 0o077:
        how = f"chmod 700 {site.state}"
        yield problem(
            f"{site.state} may be entered by others ({mode:04o}).", f"其他使用者可進入 {site.state}。", how, how
        )
    if not wrong and not mode & 0o077:
        yield ok(f"{site.state} belongs to {USER} alone.", f"{site.state} 只有 {USER} 能使用。")


def _wrong_owners(state: Path, uid: int) -> Iterator[str]:
    """Everything of the state that is not the daemon's, but for the inbox: sticks' batches are their reader's."""
    if state.stat().st_uid != uid:
        yield str(state)
    for path in state.iterdir():
        if path.name == "inbox" or path.name.startswith("."):
            continue
        if path.lstat().st_uid != uid:
            yield path.name
        if path.is_dir() and not path.is_symlink():
            yield from (str(each.relative_to(state)) for each in path.iterdir() if each.lstat().st_uid != uid)


def check_units(site: Site) -> Iterator[Finding]:
    """The units are there, enabled, and as they came."""
    if not site.installed:
        return
    if not site.has_systemd:
        yield note("systemd does not run this machine.", "本機不是由 systemd 啟動。")
        return
    for name in UNITS:
        unit = show_unit(name)
        if unit.get("LoadState") != "loaded":
            how = f"systemctl daemon-reload && systemctl enable --now {name}"
            yield problem(f"{name} is {unit.get('LoadState', 'unknown')}.", f"{name} 未安裝或無法載入。", how, how)
        elif unit.get("UnitFileState") not in ("enabled", "enabled-runtime", "static", "indirect"):
            how = f"systemctl enable --now {name}"
            yield warning(
                f"{name} is not enabled: it does not start with the machine.", f"{name} 未設定為開機啟動。", how, how
            )
        elif unit.get("NeedDaemonReload") == "yes":
            how = f"systemctl daemon-reload && systemctl restart {name}"
            yield warning(f"{name} was changed on disk and not read again.", f"{name} 已修改但尚未重新載入。", how, how)
        else:
            yield ok(f"{name} is enabled.", f"{name} 已設定為開機啟動。")


def _dpkg(*command: str) -> str:
    """What a tool of dpkg says of our package; nothing where there is no dpkg."""
    try:
        asked = [*command, "einvoiced"]
        return subprocess.run(asked, capture_output=True, text=True, timeout=DPKG_SECONDS, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _group(name: str) -> grp.struct_group | None:
    try:
        return grp.getgrnam(name)
    except KeyError:
        return None


def _exists(path: Path) -> bool:
    """Whether it is there, or in a folder where we may not look (then it is taken to be)."""
    try:
        return path.exists()
    except PermissionError:
        return True
