"""A soak of a minute: what half an hour of it says is in docs/hardening.md."""

from pathlib import Path

import pytest

from tests.soak.run import Soak

SECONDS = 40


@pytest.mark.dovecot
@pytest.mark.postgresql
def test_nothing_is_lost_while_one_thing_after_another_goes_wrong(tmp_path: Path) -> None:
    soak = Soak(tmp_path, seed=4, mails_per_second=5)
    soak.run(SECONDS)
    figures = soak.figures
    assert figures.reports > 50
    assert len(figures.recoveries) > 1
    assert "| fault | times |" in figures.table("today")
