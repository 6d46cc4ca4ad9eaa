"""What MMDB files tell of an address, in the layouts of those who publish such files."""

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from enrich.offline import Offline, OfflineError, contents
from enrich.values import Network

MAXMIND_ASN = {"autonomous_system_number": 64500, "autonomous_system_organization": "Example Inc."}
MAXMIND_COUNTRY = {"country": {"iso_code": "CA"}, "registered_country": {"iso_code": "US"}}
IPINFO_LITE = {
    "asn": "AS64500",
    "as_name": "Example Inc.",
    "as_domain": "example.com",
    "country": "United States",
    "country_code": "US",
}
IPINFO_COUNTRY_ASN = {
    "asn": "AS64500",
    "as_name": "Example Inc.",
    "country": "US",
    "country_name": "United States",
}
IPINFO_ASN = {"asn": "AS64500", "name": "Example Inc.", "domain": "example.com"}
DB_IP_COUNTRY = {"continent": {"code": "NA"}, "country": {"iso_code": "US", "names": {"en": "United States"}}}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Give what writes a file: network -> record in, its path out."""

    def written(networks: Mapping[str, object], version: int = 6) -> Path:
        writer = MMDBWriter(version, "Test-Data", ipv4_compatible=version == 6, int_type="u32")
        for network, record in networks.items():
            writer.insert_network(IPSet([network]), record)  # type: ignore[arg-type]  # (any record is one)
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.mmdb"
        writer.to_db_file(str(path))
        return path

    return written


def look(address: str, *paths: Path) -> Network | None:
    with closing(Offline(paths)) as offline:
        return offline.network(ip_address(address))


def told(found: Network | None) -> tuple[int | None, str | None, str | None]:
    assert found
    assert (found.registry, found.owner, found.handle, found.registered) == (None, None, None, None)
    return found.asn, found.as_name, found.country


def scope(found: Network | None) -> str:
    assert found
    return f"{found.first} - {found.last}"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (MAXMIND_ASN, (64500, "Example Inc.", None)),
        (MAXMIND_COUNTRY, (None, None, "US")),
        (DB_IP_COUNTRY, (None, None, "US")),
        (IPINFO_LITE, (64500, "Example Inc.", "US")),
        (IPINFO_COUNTRY_ASN, (64500, "Example Inc.", "US")),
        (IPINFO_ASN, (64500, "Example Inc.", None)),
        ({"asn": "AS64500"}, (64500, None, None)),
        ({"asn": "none", "as_name": 7, "country_code": "US"}, (None, None, "US")),
    ],
)
def test_the_layouts_of_those_who_publish_files(
    record: object, expected: tuple[int | None, str | None, str | None], write: Write
) -> None:
    path = write({"192.0.2.0/24": record, "2001:db8::/32": record})
    assert told(look("192.0.2.7", path)) == expected
    assert told(look("2001:db8::7", path)) == expected
    assert look("198.51.100.7", path) is None


def test_several_files_are_one(write: Write) -> None:
    systems, countries = write({"192.0.2.0/24": MAXMIND_ASN}), write({"192.0.2.0/24": MAXMIND_COUNTRY})
    assert told(look("192.0.2.7", systems, countries)) == (64500, "Example Inc.", "US")
    other = write({"192.0.2.0/24": {"asn": "AS64501", "as_name": "Another", "country_code": "DE"}})
    assert told(look("192.0.2.7", systems, other)) == (64500, "Example Inc.", "DE")
    assert told(look("192.0.2.7", other, systems)) == (64501, "Another", "DE")


def test_an_answer_is_for_the_range_in_which_all_files_agree(write: Write) -> None:
    wide = write({"192.0.0.0/16": MAXMIND_ASN, "2001:db8::/32": MAXMIND_ASN})
    assert scope(look("192.0.2.7", wide)) == "192.0.2.0 - 192.0.2.255"
    assert scope(look("2001:db8:1:2::7", wide)) == "2001:db8:1:: - 2001:db8:1:ffff:ffff:ffff:ffff:ffff"
    narrow = write({"192.0.2.0/28": MAXMIND_COUNTRY})
    assert scope(look("192.0.2.7", wide, narrow)) == "192.0.2.0 - 192.0.2.15"
    assert (
        scope(look("192.0.2.77", wide, narrow)) == "192.0.2.64 - 192.0.2.127"
    )  # what the narrow one leaves open


def test_a_file_of_ipv4_alone_knows_nothing_of_ipv6(write: Write) -> None:
    path = write({"192.0.2.0/24": MAXMIND_ASN}, version=4)
    assert look("2001:db8::7", path) is None
    assert told(look("192.0.2.7", path)) == (64500, "Example Inc.", None)


def test_records_of_something_else_tell_nothing(write: Write) -> None:
    path = write({"192.0.2.0/24": {"is_anonymous": True}, "198.51.100.0/24": "words"})
    assert look("192.0.2.7", path) is None
    assert look("198.51.100.7", path) is None
    found = contents(path)
    assert (found.asn, found.country) == (False, False)


def test_what_a_file_says_of_itself(write: Write) -> None:
    found = contents(write({"192.0.2.0/24": IPINFO_LITE}))
    assert (found.kind, found.asn, found.country) == ("Test-Data", True, True)
    assert timedelta() <= datetime.now(UTC) - found.built < timedelta(minutes=5)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, write: Write) -> None:
    good = write({"192.0.2.0/24": MAXMIND_ASN})
    with pytest.raises(OfflineError, match=r"none\.mmdb: cannot be read \(No such file"):
        Offline([good, tmp_path / "none.mmdb"])
    words = tmp_path / "words.mmdb"
    words.write_text("words")
    with pytest.raises(OfflineError, match=r"words\.mmdb: is no MMDB file"):
        Offline([words])
    with pytest.raises(OfflineError, match=r"words\.mmdb: is no MMDB file"):
        contents(words)


def test_a_damaged_file_is_named(tmp_path: Path, write: Write) -> None:
    whole = write({"192.0.2.0/24": IPINFO_ASN}).read_bytes()
    key = whole.find(b"\x43asn")  # a text of three bytes
    damaged = tmp_path / "damaged.mmdb"
    damaged.write_bytes(whole[:key] + b"\xff" * 4 + whole[key + 4 :])
    with pytest.raises(OfflineError, match=r"damaged\.mmdb: is damaged"):
        look("192.0.2.7", damaged)
    with pytest.raises(OfflineError, match=r"damaged\.mmdb: is damaged"):
        contents(damaged)


def test_a_file_may_be_replaced_by_renaming(write: Write) -> None:
    path, newer = write({"192.0.2.0/24": MAXMIND_ASN}), write({"192.0.2.0/24": MAXMIND_COUNTRY})
    with closing(Offline([path])) as offline:
        newer.rename(path)
        assert told(offline.network(ip_address("192.0.2.7"))) == (64500, "Example Inc.", None)
    assert told(look("192.0.2.7", path)) == (None, None, "US")
