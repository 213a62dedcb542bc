"""Lives that several tests look at are recorded once."""

import pytest

from tests.crash import life
from tests.crash.record import Record


@pytest.fixture(scope="session")
def short_life() -> Record:
    """A short life of the real daemon."""
    return life.live(life.SHORT)
