"""A few of the kills of `make crash`."""

import pytest

from tests.crash import kills

pytestmark = pytest.mark.crash


def test_kills_sample():
    """Killed before and after a commit, in a start and anywhere, the daemon loses and doubles nothing."""
    steps = ["after the commit", "before an answer leaves", "after proving", "random"]
    outcome = kills.run(steps, seed=1)
    assert outcome.kills == len(steps)
    assert sum(outcome.at[step] for step in steps) == len(steps), outcome.at
    assert outcome.answers > 20
    assert not outcome.wrong, outcome


def test_kills_plan_names_every_step():
    """300 kills pass every named step, and half of them are anywhere."""
    plan = kills.plan(300)
    assert set(plan) == {*kills.STEPS, "random"}
    assert plan.count("random") >= 145
    assert kills.STEPS.keys() >= kills.EARLY | kills.RARE
