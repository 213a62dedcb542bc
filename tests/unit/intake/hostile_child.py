"""Take a hostile stick as the box would, and print what it cost; run by test_hostile_stick.py as a program of its own.

`python hostile_child.py STICK INBOX`: JSON with the seconds of computing and by how many KiB the process grew.
"""

import json
import sys
import time
from datetime import date
from pathlib import Path

from einvoiced.errors import TrackFileError
from einvoiced.hardware.stick.collect import collect, read_batch, read_file
from einvoiced.intake import read_track_file


def peak_kib():
    """The most memory that this program has held; ru_maxrss would count the one that started it too."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1])


def verdicts(batch):
    refused = 0
    for entry in batch.files:
        try:
            read_track_file(read_file(batch, entry), seller="24634102", today=date(2021, 11, 10))
        except TrackFileError:
            refused += 1
    return refused


def main(stick, inbox):
    before, start = peak_kib(), time.process_time()
    path = collect(stick, inbox, name="hostile").path
    collected = time.process_time()
    batch = read_batch(path)
    refused = verdicts(batch)
    end = time.process_time()
    print(
        json.dumps(
            {
                "files": len(batch.files),
                "left_out": len(batch.left_out) + batch.left_out_more,
                "refused": refused,
                "collecting": collected - start,
                "reading": end - collected,
                "grown_kib": peak_kib() - before,
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
