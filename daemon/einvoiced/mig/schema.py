"""The project's own schemas of MIG 4.1's messages, written from its tables; stricter than the law in the order."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from einvoiced.errors import BadMessage

KINDS = ("F0401", "F0501", "F0701", "G0401", "G0501", "E0402")
"""The messages that have a schema here."""

FOLDER = Path(__file__).parent / "schemas"


@lru_cache(maxsize=len(KINDS))
def schema(kind: str) -> Any:
    """The compiled schema of a message (`lxml.etree.XMLSchema`)."""
    from lxml import etree

    parser = etree.XMLParser(no_network=True, resolve_entities=False)
    return etree.XMLSchema(etree.parse(str(FOLDER / f"{kind}.xsd"), parser))


def load_all() -> None:
    """Read and compile every schema now."""
    for kind in KINDS:
        schema(kind)


def check(kind: str, root: Any) -> None:
    """BadMessage, naming the first thing that is wrong, unless the element is a valid message of this kind."""
    compiled = schema(kind)
    if not compiled.validate(root):
        raise BadMessage(kind=kind, detail=_first(compiled.error_log))


def _first(errors: Any) -> str:
    for error in errors:
        path = "/".join(part.rpartition("}")[2].rpartition(":")[2] for part in (error.path or "").split("/"))
        return f"{path}: {str(error.message).rpartition('}')[2]}"[:300]
    return "not valid"
