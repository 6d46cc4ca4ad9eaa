"""MMDB files and an address in, its autonomous system and country out. Nobody is asked."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from itertools import islice
from pathlib import Path
from typing import Any, Final

import maxminddb
from maxminddb import InvalidDatabaseError

from enrich.addresses import group
from enrich.values import Address, Network

NUMBERS: Final = ("autonomous_system_number", "asn")
"""What MaxMind and IPinfo call an autonomous system."""
NAMES: Final = ("autonomous_system_organization", "as_name", "name")
"""What they call its name; the last is IPinfo's in files of systems alone."""
COUNTRIES: Final = ("registered_country", "country")
"""Where MaxMind has a country; the first is that of the registration, which is what we are after."""
CODES: Final = ("country_code", "country")
"""Where IPinfo has one; in its files of today the second is the name of the country."""

TRIED = 1000
"""Records of a file that are looked at to tell what is in it."""

COUNTRY_CODE = 2
"""Letters of ISO 3166-1 alpha-2."""


class OfflineError(Exception):
    """A file that cannot be used: which, and why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file says of itself, and what its records have."""

    kind: str
    built: datetime
    asn: bool
    country: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """What one record tells."""

    asn: int | None
    as_name: str | None
    country: str | None


class Offline:
    """Opens files, and looks addresses up in them; several threads may do so at once.

    The files are mapped into memory: whoever brings a new one puts it into the old one's place by renaming it, as
    geoipupdate does. Raises OfflineError.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        with ExitStack() as opened:
            self._readers = [(path, opened.enter_context(_open(path))) for path in paths]
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Let go of the files."""
        self._opened.close()

    def network(self, address: Address) -> Network | None:
        """Give what the files know, earlier ones first, for the range in which all of them say the same.

        That is never wider than the /24 or /48 around the address. None where they know neither autonomous system nor
        country. Raises OfflineError where a file is damaged.
        """
        around = group(address)
        known = []
        for path, reader in self._readers:
            record, length = _look(path, reader, address)
            length = max(length, around.prefixlen)
            around = ip_network((address, length), strict=False)
            known.append(_known(record))
        systems = ((each.asn, each.as_name) for each in known if each.asn is not None)
        asn, as_name = next(systems, (None, None))
        country = next((each.country for each in known if each.country), None)
        if asn is None and country is None:
            return None
        return Network(
            first=around[0],
            last=around[-1],
            registered=None,
            handle=None,
            name=None,
            owner=None,
            country=country,
            registry=None,
            asn=asn,
            as_name=as_name,
        )


def contents(path: Path) -> Contents:
    """Look into a file: what it says of itself, and what its first records have. Raises OfflineError."""
    with _open(path) as reader:
        about = reader.metadata()
        try:
            known = [_known(record) for _, record in islice(reader, TRIED)]
        except InvalidDatabaseError as error:
            raise OfflineError(path, f"is damaged ({error})") from None
    return Contents(
        kind=about.database_type,
        built=datetime.fromtimestamp(about.build_epoch, UTC),
        asn=any(each.asn is not None for each in known),
        country=any(each.country for each in known),
    )


def _open(path: Path) -> maxminddb.Reader:
    try:
        return maxminddb.open_database(path)
    except InvalidDatabaseError:
        raise OfflineError(path, "is no MMDB file") from None
    except OSError as error:
        raise OfflineError(path, f"cannot be read ({error.strerror or error})") from None


def _look(path: Path, reader: maxminddb.Reader, address: Address) -> tuple[Any, int]:
    """Give the record of an address, and the length of the prefix that it is for."""
    if address.version > reader.metadata().ip_version:
        return None, 0
    try:
        return reader.get_with_prefix_len(address)
    except InvalidDatabaseError as error:
        raise OfflineError(path, f"is damaged ({error})") from None


def _known(record: Any) -> _Known:  # noqa: ANN401 (whatever a file has)
    if not isinstance(record, Mapping):
        return _Known(None, None, None)
    names = (record[key] for key in NAMES if isinstance(record.get(key), str))
    return _Known(_number(record), next(names, None), _country(record))


def _number(record: Mapping[str, Any]) -> int | None:
    """Read 64496, or IPinfo's "AS64496"."""
    found = next((str(record[key]).removeprefix("AS") for key in NUMBERS if key in record), "")
    return int(found) if found.isdecimal() else None


def _country(record: Mapping[str, Any]) -> str | None:
    nested = (record[key].get("iso_code") for key in COUNTRIES if isinstance(record.get(key), Mapping))
    codes = [*nested, *(record.get(key) for key in CODES)]
    return next((it for it in codes if isinstance(it, str) and len(it) == COUNTRY_CODE), None)
