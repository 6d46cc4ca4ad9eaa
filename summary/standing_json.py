"""How a domain stands in, what the database keeps of it out; and back again."""

from dataclasses import replace
from typing import Final

from pydantic import TypeAdapter, ValidationError

from store.standing import Kept
from summary.selectors import Selector
from summary.standing import Line, Standing

_WHOLE: Final = TypeAdapter(Standing)
_PERIOD: Final = TypeAdapter(tuple[tuple[Line, ...], tuple[Selector, ...]])


def write(standing: Standing) -> Kept:
    """Give what is kept."""
    return Kept(
        policy_domain=standing.domain,
        judged_at=standing.judged_at,
        last_day=standing.last_day,
        level=standing.level.value,
        sentence=standing.sentence,
        p=standing.policy.p,
        testing=standing.policy.testing,
        content=_WHOLE.dump_json(replace(standing, lines={}, selectors={})),
        periods={
            days: _PERIOD.dump_json((lines, standing.selectors[days]))
            for days, lines in standing.lines.items()
        },
    )


def read(kept: Kept) -> Standing | None:
    """Give what was judged, with the sources of the periods that were loaded.

    None: another version of ruamill wrote it, and the next run that judges writes it anew.
    """
    try:
        standing = _WHOLE.validate_json(kept.content)
        periods = {days: _PERIOD.validate_json(content) for days, content in kept.periods.items()}
    except ValidationError:
        return None
    lines = {days: sources for days, (sources, _) in periods.items()}
    return replace(standing, lines=lines, selectors={days: it for days, (_, it) in periods.items()})
