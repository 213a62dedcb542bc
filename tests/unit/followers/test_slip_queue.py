"""Slips that wait: in their order, only the newest of the box's own, and none twice."""

from __future__ import annotations

from einvoiced.followers.slip_queue import OWN_SLIPS, Slip, SlipQueue


def slips(queue: SlipQueue) -> list[bytes]:
    """All that wait, taken out one by one."""
    found = []
    while (slip := queue.first) is not None:
        found.append(slip.make())
        queue.drop(slip)
    return found


def named(name: str, entry: int | None = None) -> Slip:
    """A slip whose bytes are its name."""
    return Slip(name.encode, entry)


def test_the_boxs_own_give_way_to_newer_ones_and_tills_to_none() -> None:
    """A printer that is away for long: the newest twenty of the box's own are kept, every till's is."""
    queue = SlipQueue()
    queue.add(named("till", 7))
    for number in range(OWN_SLIPS + 2):
        queue.add(named(f"own {number}"))
    assert len(queue) == OWN_SLIPS + 1
    assert slips(queue) == [b"till", *(b"own %d" % number for number in range(2, OWN_SLIPS + 2))]


def test_only_what_still_waits_is_kept() -> None:
    """After a fault: tills' slips that the journal knows as done go, and so do the box's own when told."""
    queue = SlipQueue()
    for slip in (named("a", 1), named("own"), named("b", 2)):
        queue.add(slip)
    queue.keep({2})
    assert (len(queue), queue.first is not None and queue.first.entry) == (2, None)
    queue.drop_own()
    assert slips(queue) == [b"b"]
    queue.drop(slip)  # dropped before: nothing happens
    assert queue.first is None
