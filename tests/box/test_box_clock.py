"""A board without a hardware clock, with and without NTP, on a real kernel's clock."""

from __future__ import annotations

import time
from datetime import datetime

from einvoiced.rules.period import TAIPEI, Period
from tests.box.counter import CARRIER, Counter, sale


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, TAIPEI)


def _stamp(seconds: float) -> str:
    return _moment(seconds).isoformat(timespec="seconds")


def test_a_clock_without_ntp(counter: Counter) -> None:
    """Without NTP and without a hardware clock only a till whose own clock agrees is answered."""
    now = time.time()
    counter.set_clock(now, synchronised=False)
    refused = counter.hand.ask([("invoice.issue", sale(**CARRIER))])[0]
    assert refused["error"]["data"]["name"] == "clock_untrusted"
    far = counter.hand.ask([("invoice.issue", sale(**CARRIER, till_time=_stamp(now + 600)))])[0]
    assert far["error"]["data"]["name"] == "clock_untrusted"
    counter.issue(**CARRIER, till_time=_stamp(time.time() + 30))


def test_a_clock_frozen_over_a_periods_end(counter: Counter) -> None:
    """A box that wakes up at the moment of its last stop issues nothing of the past period; NTP begins the next."""
    period = Period.of(_moment(time.time()))
    following = period.next()
    counter.take_tracks(("NX", 0, 49), period=following)
    end = following.begins.timestamp()
    counter.set_clock(end - 600, synchronised=True)
    last = counter.issue(**CARRIER)
    assert (last["invoice_number"][:2], last["year_month"]) == ("NQ", period.year_month)
    counter.set_clock(end - 590, synchronised=False)  # in truth it is three days later, as the tills know
    refused = counter.hand.ask([("invoice.issue", sale(**CARRIER, till_time=_stamp(end + 3 * 86400)))])[0]
    assert refused["error"]["data"]["name"] == "clock_untrusted"
    counter.set_clock(end + 3 * 86400, synchronised=True)
    first = counter.issue(**CARRIER)
    assert (first["invoice_number"][:2], first["year_month"]) == ("NX", following.year_month)
    counter.set_clock(end - 580, synchronised=True)
    back = counter.hand.ask([("invoice.issue", sale(**CARRIER))])[0]
    assert back["error"]["data"]["name"] == "clock_was_ahead"
