"""The eleven items of 「電子發票開立系統自行檢測表」 (107/07/31), each with the evidence of this very box.

What a box cannot know of itself (other boxes, what people did, what an authority thinks) is said to be so: the shop
signs the form, not the box.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

import einvoiced
from einvoiced.config import UNCONFIGURED
from einvoiced.doctor import paper_evidence
from einvoiced.doctor.evidence import Evidence, gather
from einvoiced.doctor.site import Site
from einvoiced.doctor.storage import check_mirror
from einvoiced.errors import ConfigError, EinvoicedError
from einvoiced.hardware.board import board_serial
from einvoiced.hardware.power import board_model
from einvoiced.journal.store import TAIL
from einvoiced.rules.identifiers import check_carrier
from einvoiced.rules.period import TAIPEI, Period

Result = Literal["shown", "partly", "not_here", "failed"]
RESULTS_ZH = {"shown": "本機已證明", "partly": "部分證明", "not_here": "本機無法證明", "failed": "不符合"}
ENOUGH = 30
"""Random codes below which nothing can be said of them."""

_NUMBER, _PERIOD = re.compile(r"[A-Z]{2}[0-9]{8}"), re.compile(r"[0-9]{3}(?:02|04|06|08|10|12)")
_GOOD_CARRIERS = (("3J0002", "/ABC+123"), ("CQ0001", "AB12345678901234"))
_BAD_CARRIERS = (("3J0002", "/abc+123"), ("3J0002", "ABC+1234"), ("3J0002", "/ABC+12"), ("CQ0001", "A123456789012345"))


class Item(Struct, frozen=True):
    """One item: what the form asks, the evidence, and what is left for people to confirm."""

    number: int
    requirement: str
    requirement_zh: str
    result: Result
    evidence_zh: list[str]
    left_zh: list[str] = []


class Form(Struct, frozen=True):
    """The form of one box."""

    made: str
    maker: str
    model: str
    version: str
    seller: str
    seller_name: str
    box: str
    machine: str
    serial: str
    printer: str
    items: list[Item]


def make_form(site: Site, maker: str = "", model: str = "") -> Form:
    """Fill in the form. ConfigError without a valid configuration; as `Site.read` where the journal cannot be read."""
    if site.config is UNCONFIGURED:
        assert isinstance(site.loaded, ConfigError)
        raise site.loaded
    found = gather(site)
    settings, (board_maker, board) = site.config, board_model()
    return Form(
        f"{site.box.clock.now():%Y-%m-%d %H:%M}",
        maker or "einvoiced",
        model or "einvoiced",
        einvoiced.__version__,
        settings.seller.identifier,
        settings.seller.name,
        settings.box.id,
        " ".join(part for part in (board_maker, board) if part) or "不詳",
        board_serial(),
        f"{settings.printer.transport} {settings.printer.profile}" if settings.printer.transport != "none" else "無",
        [make(number, site, found) for number, make in enumerate(_ITEMS, 1)],
    )


def _import(number: int, site: Site, found: Evidence) -> Item:
    evidence = [
        f"{time[:16].replace('T', ' ')} " + _origin(data.file_name, data.source, data.typed_by)
        for time, data in found.imports[:5]
    ]
    typed = [data for _, data in found.imports if data.typing is not None]
    alone = [data for data in typed if len(set(data.typed_by)) < 2]
    return Item(
        number,
        "The platform's CSV is imported; the device takes the numbers; typing needs several persons.",
        "匯入整合服務平台之字軌檔（CSV），由系統自動取號；人工輸入須多人確認。",
        "failed" if alone else "shown" if found.imports else "not_here",
        evidence or ["尚未匯入字軌檔。"],
        [] if found.imports else ["匯入第一個字軌檔後重新產生本表。"],
    )


def _origin(file_name: str, source: str, typed_by: Sequence[str]) -> str:
    if typed_by:
        return f"由 {'、'.join(typed_by)} 分別輸入並比對一致"
    return f"匯入 {file_name}（{'隨身碟' if source == 'stick' else '管理介面'}）"


def _in_range(number: int, _site: Site, found: Evidence) -> Item:
    wrong = [invoice for _, invoice in found.sample if not _in_its_period(invoice.invoice_date, invoice.year_month)]
    counted = sum(found.periods.values())
    return Item(
        number,
        "The number lies in the assigned range, and in the current period by transaction time.",
        "發票號碼在配號區間內，且依交易時間屬當期。",
        "failed" if wrong or found.outside else "shown" if counted else "not_here",
        [
            f"最近兩期 {counted} 張發票，號碼不在配號區間者 {found.outside} 張。",
            f"最近 {len(found.sample)} 張發票，交易日期與期別不符者 {len(wrong)} 張。",
        ],
        [] if counted else ["開立發票後重新產生本表。"],
    )


def _in_its_period(date: str, year_month: str) -> bool:
    return Period.of(datetime.strptime(date, "%Y%m%d").replace(tzinfo=TAIPEI)).year_month == year_month


def _start(number: int, _site: Site, found: Evidence) -> Item:
    requirement = "At first set-up and at every start: clock, seller, track, last number."
    zh = "首次設定及每次開機檢查：時間、營業人統編、字軌、最後開立號碼。"
    if found.started is None:
        return Item(number, requirement, zh, "not_here", ["日誌中沒有開機紀錄。"], ["啟動服務後重新產生本表。"])
    time, start = found.started
    return Item(
        number,
        requirement,
        zh,
        "shown",
        [
            f"最近開機 {time[:19].replace('T', ' ')}，版本 {start.version}。",
            f"時間：{'可信' if start.clock_trusted else '未經校時（收銀機須送時間）'}。",
            f"統編：{start.seller or '未設定'}。",
            f"字軌：{'、'.join(start.tracks[:3]) or '無'}；最後號碼：{start.last_number or '尚未開立'}。",
            f"累計未正常關機 {start.unclean_stops} 次。",
        ],
    )


def _format(number: int, _site: Site, found: Evidence) -> Item:
    wrong = sum(not _NUMBER.fullmatch(invoice.invoice_number) for _, invoice in found.sample)
    example = found.sample[0][1].invoice_number if found.sample else "尚無"
    return _sampled(
        number, "Number: 2 letters and 8 digits.", "發票號碼為 2 碼英文及 8 碼數字。", found, wrong, f"例：{example}。"
    )


def _period(number: int, _site: Site, found: Evidence) -> Item:
    wrong = sum(not _PERIOD.fullmatch(invoice.year_month) for _, invoice in found.sample)
    example = found.sample[0][1].period.label if found.sample else "尚無"
    return _sampled(
        number, "Period: ROC year and two months.", "期別為民國年及雙月份。", found, wrong, f"例：{example}。"
    )


def _sampled(number: int, en: str, zh: str, found: Evidence, wrong: int, example: str) -> Item:
    said = f"最近 {len(found.sample)} 張發票，不符者 {wrong} 張；{example}"
    result: Result = "failed" if wrong else "shown" if found.sample else "not_here"
    return Item(number, en, zh, result, [said], [] if found.sample else ["開立發票後重新產生本表。"])


def _random(number: int, _site: Site, found: Evidence) -> Item:
    codes = [invoice.random_number for _, invoice in found.sample]
    cycle = cycle_of(codes)
    shown = len(codes) >= ENOUGH
    evidence = ["隨機碼由作業系統亂數產生器（getrandom）取得，0000 至 9999 機會均等。"]
    evidence.append(
        f"最近 {len(codes)} 組隨機碼中有 {len(set(codes))} 組相異，"
        + (f"每 {cycle} 組循環。" if cycle else "未發現循環。")
    )
    return Item(
        number,
        "The random code comes from a random generator: not predictable, not cyclic.",
        "隨機碼以亂數產生，不可預測、不循環。",
        "failed" if cycle and shown else "shown" if shown else "partly",
        evidence,
        [] if shown else [f"開立 {ENOUGH} 張以上後重新產生本表，才有足夠樣本。"],
    )


def cycle_of(codes: Sequence[str]) -> int | None:
    """The length after which the codes repeat themselves; None when they do not."""
    count = len(codes)
    return next((k for k in range(1, count // 2 + 1) if all(codes[i] == codes[i + k] for i in range(count - k))), None)


def _carriers(number: int, _site: Site, found: Evidence) -> Item:
    refused = sum(_refused(kind, each) for kind, each in _BAD_CARRIERS)
    taken = sum(not _refused(kind, each) for kind, each in _GOOD_CARRIERS)
    stored = [(i.carrier_type, i.carrier_id or "") for _, i in found.sample if i.carrier_type in ("3J0002", "CQ0001")]
    wrong = sum(_refused(kind or "", each) for kind, each in stored)
    good = refused == len(_BAD_CARRIERS) and taken == len(_GOOD_CARRIERS) and not wrong
    return Item(
        number,
        "Mobile barcode: 8 characters, first a slash; citizen certificate: 2 capitals and 14 digits.",
        "手機條碼 8 碼且首碼為「/」；自然人憑證 2 碼大寫英文及 14 碼數字。",
        "shown" if good else "failed",
        [
            f"現場測試：{taken} 組正確格式接受、{refused} 組錯誤格式拒絕。",
            f"最近發票中有 {len(stored)} 張使用載具，格式不符者 {wrong} 張。",
        ],
    )


def _refused(carrier_type: str, carrier_id: str) -> bool:
    try:
        check_carrier(carrier_type, carrier_id)
    except EinvoicedError:
        return True
    return False


def _paper(number: int, site: Site, found: Evidence) -> Item:
    differing = sum(not paper_evidence.codes_agree(invoice) for _, invoice in found.sample)
    printed = next((invoice for _, invoice in found.sample if invoice.print_mark == "Y"), None)
    missing = paper_evidence.missing_on_paper(printed) if printed is not None else []
    roll = paper_evidence.roll(site)
    evidence = [
        f"最近 {len(found.sample)} 張發票，一維、二維條碼與上傳內容不一致者 {differing} 張。",
        *roll.evidence_zh,
    ]
    if printed is not None:
        evidence.append("證明聯欄位齊全。" if not missing else f"證明聯缺少：{'、'.join(missing)}。")
    left = ["以手機掃描 hw-tests printer 印出的測試證明聯，確認條碼可讀、字體清楚。"]
    failed = differing or missing or roll.wrong
    return Item(
        number,
        "The proof shows period, number, random code, seller (格式25 with a buyer); 1D and 2D codes equal the upload.",
        "證明聯記載期別、號碼、隨機碼、賣方統編（有買方時列格式25）；一維及二維條碼內容與上傳資料一致。",
        "failed" if failed else "partly" if printed is not None else "not_here",
        evidence,
        left,
    )


def _once(number: int, site: Site, found: Evidence) -> Item:
    share = site.config.tracks.share
    stops = found.started[1].unclean_stops if found.started else 0
    evidence = [
        "資料庫以「營業人、期別、字軌、號碼」為唯一鍵，同一號碼不可能存入兩次。"
        if found.numbers_unique
        else "資料庫缺少唯一鍵。",
        "號碼與發票同一次寫入，同步到磁碟後才回覆收銀機。",
        f"已歷經 {stops} 次未正常關機；日誌共 {found.count} 筆，最近 {TAIL} 筆鏈結檢查完整。",
        f"本機份額 {share}" + ("（單獨使用）。" if share == "1/1" else "，與其他主機分用不同的本。"),
        "其他統編（分支機構）的字軌一律不匯入。",
    ]
    left = ["同一字軌檔若也匯入其他系統，須先以 tracks reserve 排除；本機無法得知其他設備。"]
    result: Result = "partly" if found.numbers_unique else "failed"
    return Item(
        number,
        "No number twice: on one device, across stores, after a power cut.",
        "發票號碼不重複：單機、跨店、斷電後。",
        result,
        evidence,
        left,
    )


def _upload(number: int, site: Site, found: Evidence) -> Item:
    states, way = found.outbox.states, site.config.turnkey.spool
    evidence = [
        f"上傳服務寫入 Turnkey 資料夾 {way}，失敗自動重試。"
        if way
        else "未設定 Turnkey 資料夾；訊息保存於日誌，以隨身碟送出。",
        f"待送 {states.get('waiting', 0)} 筆、已送待回覆 {states.get('sent', 0)} 筆。",
        f"遭平台退回 {states.get('refused', 0)} 筆。",
        f"逾期未上傳 {found.outbox.overdue} 筆；近期平台已接受 {found.accepted} 筆。",
    ]
    left = [] if found.accepted else ["請檢附平台接收成功的紀錄（本機尚無平台回覆）。"]
    result: Result = "failed" if found.outbox.overdue else "shown" if way and found.accepted else "partly"
    if result == "partly" and not way:
        result = "not_here"
    return Item(
        number,
        "What was not uploaded is uploaded again by itself.",
        "未上傳成功之發票自動補傳。",
        result,
        evidence,
        left,
    )


def _backup(number: int, site: Site, _found: Evidence) -> Item:
    findings = list(check_mirror(site))
    good = bool(findings) and all(finding.level == "ok" for finding in findings)
    unknown = any(finding.level == "unknown" for finding in findings)
    return Item(
        number,
        "Real-time backup: mirrored storage, or sent to the back office at once.",
        "即時備份：資料即時寫入另一儲存裝置或即時傳至後台。",
        "shown" if good else "not_here" if unknown else "failed",
        [finding.zh for finding in findings],
        [] if good else ["設定日誌副本（mirror）於另一顆磁碟後重新產生本表。"],
    )


_ITEMS: tuple[Callable[[int, Site, Evidence], Item], ...] = (
    _import,
    _in_range,
    _start,
    _format,
    _period,
    _random,
    _carriers,
    _paper,
    _once,
    _upload,
    _backup,
)
