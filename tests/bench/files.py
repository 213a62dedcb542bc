"""Write files as an upload does: aside, synced, renamed in. `python -m tests.bench.files FOLDER COUNT`."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main(folder: Path, count: int) -> None:
    """Write the files."""
    for number in range(count):
        aside = folder / f".{number}.part"
        with aside.open("wb") as file:
            file.write(b"<Invoice>" + b"x" * 2000)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(folder / f"{number}.xml")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
