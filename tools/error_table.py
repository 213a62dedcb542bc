"""Print docs/errors.md from the error classes: `python -m tools.error_table > docs/errors.md`."""

from __future__ import annotations

import importlib
import pkgutil

import einvoiced
from einvoiced import errors

HEAD = """# Errors (錯誤代碼)

<!-- Made by `python -m tools.error_table > docs/errors.md`; change the sentences in the code. -->

What a till, a clerk or a technician can meet. `code` and `name` never change their meaning. Words in `{braces}` are
facts; they travel in `data.facts` of the answer (docs/protocol.md).

`retry` says what to do with the key of the request:

| retry | meaning | 意思 |
|---|---|---|
| `same_key` | Repeat the same request with the same key. | 以同一個 key 原樣重送。 |
| `after_cure` | Cure the cause, then repeat with the same key. | 先排除原因，再以同一個 key 重送。 |
| `never` | Repeating does not help: correct the request. | 重送也沒有用，請更正內容。 |
"""

SECTIONS = {
    0: "JSON-RPC's own (JSON-RPC 錯誤)",
    1: "1xxx The request (請求內容)",
    2: "2xxx The state of the box (本機狀態)",
    3: "3xxx Track files (字軌檔)",
    4: "4xxx Paper (列印)",
    5: "5xxx Storage (儲存)",
    6: "6xxx Configuration (設定)",
    7: "7xxx Uploads (上傳)",
    8: "8xxx Questions and reports (查詢與報表)",
}


def import_all() -> None:
    """Load every module of the package, so that `errors.every` knows the classes that live beside their code."""
    for module in pkgutil.walk_packages(einvoiced.__path__, "einvoiced."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def table() -> str:
    """The whole page as Markdown."""
    import_all()
    parts = [HEAD]
    for section, title in SECTIONS.items():
        parts.append(f"\n## {title}\n\n| code | name | retry | English | 中文 |\n|---|---|---|---|---|\n")
        parts += [_row(e) for e in errors.every() if max(e.code // 1000, 0) == section]
    return "".join(parts)


def _row(error: type[errors.EinvoicedError]) -> str:
    cells = (error.code, f"`{error.name}`", f"`{error.retry}`", error.en, error.zh)
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    print(table(), end="")
