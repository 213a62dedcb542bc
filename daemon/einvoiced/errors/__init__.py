"""Every error that a person or a till can meet.

One class each: its wire `code` (stable for ever), its `name`, what a till should do about its key (`retry`), and one
sentence in English and in Traditional Chinese, each saying what is wrong and what to do. `{braces}` are facts that the
raiser gives by keyword; they travel on the wire in `data.facts`. A rule adds the `path` of the offending value inside
the request's `params`.

Codes: below -32000 are JSON-RPC's own; 1xxx the request's content; 2xxx the box's state; 3xxx track files;
4xxx paper; 5xxx storage; 6xxx configuration; 7xxx uploads; 8xxx questions.
"""

from __future__ import annotations

from einvoiced.errors.base import *  # noqa: F403
from einvoiced.errors.box import *  # noqa: F403
from einvoiced.errors.config import *  # noqa: F403
from einvoiced.errors.paper import *  # noqa: F403
from einvoiced.errors.questions import *  # noqa: F403
from einvoiced.errors.request import *  # noqa: F403
from einvoiced.errors.storage import *  # noqa: F403
from einvoiced.errors.tracks import *  # noqa: F403
from einvoiced.errors.uploads import *  # noqa: F403
