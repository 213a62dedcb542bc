"""What the tests with any bytes share: a verdict on a file, and the file's text for a plain reference check."""

from __future__ import annotations

from datetime import date

from einvoiced.errors import TrackFileError
from einvoiced.intake import ParsedFile, read_track_file

OWN, TODAY = "24634102", date(2021, 11, 10)


def verdict(data: bytes) -> ParsedFile | None:
    """The file's rows, or None when it is refused with sentences that can be shown."""
    try:
        return read_track_file(data, seller=OWN, today=TODAY)
    except TrackFileError as error:
        assert len(error.also) <= 20
        for one in (error, *error.also):
            assert one.message.isprintable()
            assert one.message_zh.isprintable()
        return None


def decoded(data: bytes) -> str | None:
    """The text in either of the encodings that the platform and Excel write; None when it is in neither."""
    for encoding in ("utf-8-sig", "cp950"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None
