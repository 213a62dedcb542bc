"""A sample of what `make crash` does in full, and the controls: code and disks that lie must be caught."""

import pytest

from tests.crash import cuts, life
from tests.crash.__main__ import CONTROLS, control

pytestmark = pytest.mark.crash


def test_cuts_sample(short_life):
    """On a sample of the disks that cuts leave of a short life nothing is lost, doubled or locked."""
    outcome = cuts.cut(cuts.Task(short_life, share=0.15), 1)
    assert outcome.disks > 250
    assert not outcome.faults, outcome.examples


@pytest.mark.parametrize(
    "name", ["lying disk", "names never synced", "synchronous=NORMAL", "answers before the commit"]
)
def test_cuts_control(name, short_life):
    """The rig loses acknowledged entries where the disk or the code is known to lose them."""
    assert name in CONTROLS
    outcome = control(name, short_life, share=0.06)
    assert outcome.faults["acknowledged lost"] > 0, outcome


def test_cuts_resumed(short_life):
    """The real daemon goes on after a cut: old answers stand, no original twice, and a second cut loses nothing."""
    for resumed in cuts.resume(short_life, 1, seed=4):
        assert resumed.printed_twice == 0
        outcome = cuts.cut(cuts.Task(resumed.record, resumed.promised, share=0.1), 1)
        assert outcome.disks > 40
        assert not outcome.faults, outcome.examples


def test_life_is_rich():
    """The full life crosses a period, is killed and stopped, and has paper, refusals and a stick."""
    assert {life.kill, life.stop, life.printed, life.refusals, life.refused_tracks} <= set(life.LIFE)
