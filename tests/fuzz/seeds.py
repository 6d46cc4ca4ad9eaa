"""The fuzzer's first corpus: our own fixtures in, one file of choices and content each out."""

import re
from collections.abc import Iterator
from itertools import cycle, islice, product
from pathlib import Path

from tests.fuzz import inputs
from tests.fuzz.inputs import Input

FIXTURES = Path(__file__).parents[2] / "fixtures"
_FIELD = re.compile(rb"^Authentication-Results: (.*(?:\n[ \t].*)*)", re.MULTILINE)
_REPORT_CHOICES = tuple(product(range(len(inputs.CONTAINERS)), range(inputs.TLS)))
"""Every container in every carrier for an aggregate report."""


def write_seeds(folder: Path) -> int:
    """Write every seed into the folder; return how many."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {name for name, seed in seeds() if (folder / name).write_bytes(seed.data())}
    return len(names)


def seeds() -> Iterator[tuple[str, Input]]:
    """Give each seed with a name: the reports in every container and carrier, the mails and refused files as they are."""
    yield from _reports()
    for path in _fixtures("mails", "refused", "failures"):
        yield f"{path.parent.name}-{path.name}", as_it_is(path)
    for path in _fixtures("tls"):
        yield f"tls-{path.name}", _tls_report(path)
    for path in _fixtures("mails"):
        yield from _fields_of(path)


def as_it_is(path: Path) -> Input:
    """Take a file as the whole message."""
    return Input(0, inputs.FILE, 0, 0, path.read_bytes())


def _fixtures(*folders: str) -> list[Path]:
    """List what is to be read: beside each file stands a .json with what it says."""
    found = [path for folder in folders for path in sorted((FIXTURES / folder).iterdir())]
    return [path for path in found if path.suffix != ".json" or path.parent.name == "tls"]


def _reports() -> Iterator[tuple[str, Input]]:
    paths = _fixtures("reports")
    number = max(len(paths), len(_REPORT_CHOICES))
    for path, (container, carrier), limits in islice(
        zip(cycle(paths), cycle(_REPORT_CHOICES), cycle((0, 0, 1)), strict=False), number
    ):
        name = f"reports-{path.stem}-{container}-{carrier}-{limits}"
        yield name, Input(container, carrier, limits, 0, path.read_bytes())


def _tls_report(path: Path) -> Input:
    packed = path.suffix == ".gz"
    return Input(0 if packed else 1, inputs.TLS, 0, 0, path.read_bytes())


def _fields_of(path: Path) -> Iterator[tuple[str, Input]]:
    for number, field in enumerate(_FIELD.findall(path.read_bytes())):
        yield f"field-{path.stem}-{number}", Input(0, inputs.CHECKED, 0, 0, field)
