"""What every test of the commands gets."""

import logging
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """Leave no log behind that writes where pytest captured one test: a process of its own has only one command."""
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers.clear()
