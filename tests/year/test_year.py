"""One period of a shop's life; `make year` lives six."""

from __future__ import annotations

import pytest

from tests.year.__main__ import MUST_BE_ZERO, live


@pytest.fixture(scope="module")
def figures() -> dict[str, float]:
    """A period, every third day of it, and the weeks after it."""
    return live(1, 40, 6, step=3)


def test_every_number_ends_in_exactly_one_place(figures: dict[str, float]) -> None:
    """Issued, cancelled, unused and reported, set aside or in doubt, and the platform's books say the same."""
    assert {name: figures[name] for name in MUST_BE_ZERO} == dict.fromkeys(MUST_BE_ZERO, 0)
    assert figures["numbers"] == sum(
        figures[f"numbers_{place}"] for place in ("issued", "cancelled", "unused_and_reported", "set_aside", "in_doubt")
    )


def test_the_period_was_worth_living(figures: dict[str, float]) -> None:
    """Sales, all that clerks do about them, refusals and deaths did happen; every kind of message was sent."""
    assert figures["issued"] > 800
    for verb in ("invoice_cancel", "invoice_replace", "invoice_correct", "allowance_issue", "allowance_cancel"):
        assert figures[verb] > 0
    for message in ("F0401", "F0501", "F0701", "G0401", "G0501", "E0402"):
        assert figures[f"files_{message}"] > 0
    assert figures["files_refused"] > 0
    assert figures["follower_deaths"] > 0
    assert figures["reported_by_hand"] == 1
