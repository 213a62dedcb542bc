"""Print docs/platform-codes.md: `python -m tools.platform_codes > docs/platform-codes.md`."""

from __future__ import annotations

from einvoiced.rules.platform_codes import MEANINGS, SUMMARY_FAILED, Meaning, meaning

HEAD = """# The platform's codes (平台回應代碼)

<!-- Made by `python -m tools.platform_codes > docs/platform-codes.md`; change the sentences in the code. -->

What the tax platform may answer to an upload, and what to do. `cure` in answers of the box:

| cure | meaning | 意思 |
|---|---|---|
| `mend` | Put the content right first. | 先更正內容。 |
| `again` | Send it again as it is (`upload.again`). | 原樣重新上傳。 |
| `settle` | The platform has it: compare, then say so (`upload.settle`). | 平台已有資料，核對後登記為已處理。 |
| `office` | Something outside the box comes first. | 須先在本機以外處理。 |

| code | cure | English | 中文 | what to do | 處理方式 |
|---|---|---|---|---|---|
"""


def table() -> str:
    """The whole page as Markdown."""
    known = [*MEANINGS.values(), meaning(SUMMARY_FAILED), meaning("")]
    return HEAD + "".join(_row(each) for each in known)


def _row(each: Meaning) -> str:
    code = f"`{each.code}`" if each.code else "any other"
    return f"| {code} | `{each.cure}` | {each.en} | {each.zh} | {each.do_en} | {each.do_zh} |\n"


if __name__ == "__main__":
    print(table(), end="")
