"""The daemon's side of the process that answers: slow, faulty or dying, a question gets an answer or a reason."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from einvoiced import errors
from einvoiced.keepers import finder
from einvoiced.keepers.finder import Finder

HEAD = "import json, os, sys, time\nasked = json.loads(sys.stdin.readline())\n"
SAY = "def say(**what): print(json.dumps(what), flush=True)\n"


def with_finder(code: str, use: Callable[[Finder], Awaitable[Any]], tmp_path: Path) -> Any:
    """Use a finder whose process runs this code."""

    async def run() -> Any:
        each = Finder(tmp_path, asyncio.get_running_loop())
        each.command = [sys.executable, "-c", SAY + HEAD + code, str(tmp_path)]
        try:
            return await use(each)
        finally:
            await each.stop()

    return asyncio.run(run())


def test_a_question_hears_how_far_the_building_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of hanging; once it is built the next question is answered by the same process."""
    monkeypatch.setattr(finder, "PATIENCE", 0.2)
    code = """
say(progress=[30, 120])
asked = json.loads(sys.stdin.readline())
say(id=asked["id"], result={"pid": os.getpid()})
"""

    async def use(each: Finder) -> Any:
        with pytest.raises(errors.AnswersBuilding) as building:
            await each.ask("find", {})
        return building.value.facts["percent"], json.loads(bytes(await each.ask("find", {})))

    percent, answer = with_finder(code, use, tmp_path)
    assert percent == 25
    assert answer["pid"] > 0


def test_a_fault_is_told_and_the_next_question_is_answered(tmp_path: Path) -> None:
    """What is wrong stands in the error."""
    code = """
say(id=asked["id"], error="DatabaseError: it is gone")
asked = json.loads(sys.stdin.readline())
say(id=asked["id"], result=7)
sys.stdin.readline()
"""

    async def use(each: Finder) -> bytes:
        with pytest.raises(errors.QuestionFailed, match="it is gone"):
            await each.ask("find", {})
        return bytes(await each.ask("find", {}))

    assert with_finder(code, use, tmp_path) == b"7"


def test_a_process_that_died_is_replaced_once(tmp_path: Path) -> None:
    """The question is asked again; of one that dies each time people hear."""
    code = """
mark = sys.argv[1] + "/died"
if not os.path.exists(mark):
    open(mark, "w").close()
    os._exit(9)
say(id=asked["id"], result=1)
sys.stdin.readline()
"""

    async def once(each: Finder) -> bytes:
        return bytes(await each.ask("find", {}))

    assert with_finder(code, once, tmp_path) == b"1"
    with pytest.raises(errors.QuestionFailed):
        with_finder("os._exit(9)", once, tmp_path)


@pytest.mark.parametrize("noise", ["print('not json', flush=True)", "say(id='x')", "print('{}' + ' ' * (17 << 20))"])
def test_noise_ends_the_process_not_the_daemon(tmp_path: Path, noise: str) -> None:
    """Whatever it says, whoever waits gets an error."""

    async def use(each: Finder) -> None:
        with pytest.raises(errors.QuestionFailed):
            await each.ask("find", {})

    with_finder(f"{noise}\ntime.sleep(60)", use, tmp_path)


def test_nothing_is_asked_after_the_end(tmp_path: Path) -> None:
    """A stopped finder starts no process."""

    async def use(each: Finder) -> None:
        await each.stop()
        with pytest.raises(errors.BoxStopping):
            await each.ask("find", {})

    with_finder("", use, tmp_path)
