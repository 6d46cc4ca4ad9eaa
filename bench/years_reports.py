"""Two years of reports about 200 domains, invented: how many records in, the rows of the writer's tables out, day by day.

The mail that bench/senders.py invents, spread over 50,000 addresses: each domain has machines that send for years and
strangers (forwarders, forgers) that come and go. Domains, reporters and machines are skewed as Zipf found words to be.
The same seed gives the same rows. They end where the mails of make_corpus.py begin.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address
from itertools import count
from math import exp
from random import Random
from typing import Any

from bench.make_corpus import FIRST_DAY, SEED
from bench.reporters import REPORTERS, Reporter
from bench.senders import DOMAINS as FEW
from bench.senders import IPV4_BASE, IPV6_BASE, PolicyDomain, Sending, Signature, sending
from store import schema
from store.bulk import Row

END = datetime.fromtimestamp(FIRST_DAY, UTC).date()
"""The first day that is not reported on."""
DAYS = 731
BEGINNING = END - timedelta(days=DAYS)
RECORDS_A_REPORT = 23

DOMAINS = tuple(replace(it, name=it.name.replace(".", f"{more}.")) for more in ("", *"2345") for it in FEW)
ADDRESSES = 52_000
"""About 50,000 of them are seen."""
MACHINES = 12_000
"""The first addresses: those of services and of the domains' own machines. The others are strangers."""
STRANGE = 0.22
"""Share of records that strangers cause."""
SPREAD = 7_919
"""Distance between two strangers that follow each other: a prime number, so that all have their turn."""
STAY = 45
"""Days that a stranger goes on for."""
SECOND_SIGNATURE = 0.25
"""Share of messages that carry a second signature."""
REPORTERS_MORE = 110
QUIET = 17
"""Every so manieth reporter falls silent a month before the end."""
CONFLICT = 2_000
"""Every so manieth report comes again under the same identity, with other content."""

DOMAIN_WEIGHTS = tuple(1 / (rank + 1) for rank in range(len(DOMAINS)))
POLICIES = ("none", "quarantine", "reject")

PACKED_BYTES, PACKED_BYTES_A_RECORD, XML_BYTES, XML_BYTES_A_RECORD = 580, 20, 900, 800
"""What XML takes, as make_corpus.py writes it: compressed, and as it is."""


def reporters() -> tuple[Reporter, ...]:
    """Give those everybody knows, and many that hardly anybody does."""
    known = sorted(REPORTERS, key=lambda it: -it.weight)
    unknown = (
        replace(known[number % len(known)], org_name=name, submitter=name, sender=f"dmarc@{name}")
        for number in range(REPORTERS_MORE)
        for name in (f"mx{number}.receiver.example",)
    )
    return (*known, *unknown)


REPORTING = reporters()
REPORTER_WEIGHTS = tuple((rank + 1) ** -1.5 for rank in range(len(REPORTING)))


def address(number: int) -> str:
    """Give one of the addresses, every sixth of IPv6."""
    if number % 6 == 5:  # noqa: PLR2004 (the sixth)
        return str(IPv6Address(IPV6_BASE + (number >> 6 << 80) + (number << 64) + 0x25))
    return str(IPv4Address(IPV4_BASE + 2 * number + 1))


@dataclass(frozen=True, slots=True)
class Pattern:
    """What machines of one kind cause in report after report: rows in which the keys and the count are yet to be set."""

    record: Row
    record_told: Row
    """The same from a reporter who tells the envelope."""
    record_dkim: tuple[Row, ...]
    record_spf: Row
    record_reason: Row | None


def _columns(table: str) -> list[str]:
    return [column.name for column in schema.metadata.tables[table].columns]


def _row(table: str, **values: Any) -> Row:  # noqa: ANN401 (values of any column)
    """Give a row of a table, columns without a value empty."""
    return tuple(values.get(name) for name in _columns(table))


def pattern(rng: Random, it: Sending) -> Pattern:
    """Turn what was sent into rows."""
    said = {
        "source_ip": it.address,
        "disposition": it.disposition,
        "dkim": it.dkim,
        "spf": it.spf,
        "dmarc_pass": "pass" in (it.dkim, it.spf),
        "header_from": it.header_from,
        "dkim_recomputed": it.dkim,
        "spf_recomputed": it.spf,
        "recomputed": "agrees",
    }
    told = {"envelope_from": it.envelope_from or None, "null_path": not it.envelope_from}
    signatures = it.signatures[: 2 if rng.random() < SECOND_SIGNATURE else 1]
    reason = _row("record_reason", position=0, type="local_policy", comment="arc=pass")
    return Pattern(
        record=_row("record", **said),
        record_told=_row("record", **said, **told, envelope_to="mailbox.example"),
        record_dkim=tuple(
            _row("record_dkim", position=position, domain=d.domain, selector=d.selector, result=d.result)
            for position, d in enumerate(signatures)
        ),
        record_spf=_row(
            "record_spf", position=0, domain=it.spf_domain, scope=it.spf_scope, result=it.spf_result
        ),
        record_reason=reason if it.overridden else None,
    )


def stranger(rng: Random, domain: PolicyDomain, number: int) -> Sending:
    """Invent a forwarder, whose signature holds, or a forger."""
    forwards = rng.random() < 0.5  # noqa: PLR2004 (a half)
    host = f"mail{number % 997}.forwarder.example"
    caught = "none" if forwards else domain.policy
    overridden = rng.random() < 0.2  # noqa: PLR2004 (a fifth)
    return Sending(
        address=address(number),
        messages=1,
        disposition="none" if overridden else caught,
        dkim="pass" if forwards else "fail",
        spf="fail",
        overridden=overridden,
        header_from=domain.name,
        envelope_from=host if forwards else domain.name,
        signatures=(Signature(domain.name, "selector1", "pass"),) if forwards else (),
        spf_domain=host if forwards else domain.name,
        spf_scope="mfrom",
        spf_result="pass" if forwards else rng.choice(("fail", "softfail", "none")),
    )


@dataclass(frozen=True)
class Estate:
    """One domain and all that send in its name; `size` is 1 for the largest domain, less for the others."""

    domain: PolicyDomain
    size: float
    first_host: int
    """Of its own; those of all domains go once round the machines."""
    first_stranger: int
    """The same, of strangers; they meet several domains."""

    @property
    def hosts(self) -> int:
        """How many machines send for it."""
        return max(10, int(2_000 * self.size))

    @property
    def visits(self) -> int:
        """How many strangers send in its name."""
        return max(60, int(18_000 * self.size))

    @cached_property
    def machines(self) -> tuple[Pattern, ...]:
        """What its machines send for years, the most usual first."""
        rng = Random(f"{SEED} machines of {self.domain.name}")
        numbers = [self.first_host + int(self.hosts * rng.random() ** 2) for _ in range(3 * self.hosts)]
        return tuple(
            pattern(rng, replace(sending(rng, self.domain), address=address(number % MACHINES)))
            for number in numbers
        )

    @cached_property
    def strangers(self) -> tuple[Pattern, ...]:
        """What comes and goes, in the order in which it does."""
        rng = Random(f"{SEED} strangers at {self.domain.name}")
        others = ADDRESSES - MACHINES
        numbers = [(self.first_stranger + visit) * SPREAD % others for visit in range(self.visits)]
        return tuple(pattern(rng, stranger(rng, self.domain, MACHINES + number)) for number in numbers)

    def choose(self, rng: Random, past: float) -> Pattern:
        """Choose who sends, when so much of the time is past."""
        if rng.random() < STRANGE:
            here = self.strangers
            window = STAY / DAYS * len(here)
            return here[int(past * (len(here) - window) + rng.random() * window)]
        here = self.machines
        moved = int(past * 4) * len(here) // 10  # machines are taken out of use, others come
        return here[(int(len(here) * rng.random() ** 2.5) + moved) % len(here)]


def estates() -> tuple[Estate, ...]:
    """Give every domain, the largest first."""
    found: list[Estate] = []
    hosts = visits = 0
    for domain, size in zip(DOMAINS, DOMAIN_WEIGHTS, strict=True):
        found.append(Estate(domain, size, hosts, visits))
        hosts, visits = hosts + found[-1].hosts, visits + found[-1].visits
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Planned:
    """A report that will be made."""

    estate: int
    reporter: int
    records: int


@dataclass(frozen=True)
class Years:
    """All that is reported, `records` records or a few more."""

    records: int
    _estates: tuple[Estate, ...] = field(default_factory=estates)

    def days(self) -> Iterator[dict[str, list[Row]]]:
        """Give the rows of each day: name of the table -> rows, in the order of its columns."""
        keys = count(1)
        for number in range(DAYS):
            rng = Random(f"{SEED} day {number}")
            day = _Day(number, rng, {name: [] for name in TABLES})
            for planned in self._plan(number, self._scale):
                key = next(keys)
                day.report(key, self._estates[planned.estate], REPORTING[planned.reporter], planned.records)
                if key % CONFLICT == 0:
                    day.again(next(keys))
            yield day.rows

    @cached_property
    def _pairs(self) -> list[tuple[int, int, float, float]]:
        """Tell who reports on whom: domain, reporter, how likely on one day, and how many records then."""
        share = 1 / sum(DOMAIN_WEIGHTS) / sum(REPORTER_WEIGHTS)
        records = self.records / DAYS
        weights = [
            (estate, reporter, share * domain * reporting)
            for estate, domain in enumerate(DOMAIN_WEIGHTS)
            for reporter, reporting in enumerate(REPORTER_WEIGHTS)
        ]
        reports = records / RECORDS_A_REPORT
        low, high = 0.0, 1e9
        for _ in range(80):
            middle = (low + high) / 2
            expected = sum(1 - exp(-middle * weight) for _, _, weight in weights)
            low, high = (middle, high) if expected < reports else (low, middle)
        likely = [(*pair, 1 - exp(-low * pair[2])) for pair in weights]
        return [
            (estate, reporter, chance, records * weight / chance)
            for estate, reporter, weight, chance in likely
        ]

    def _plan(self, number: int, scale: float) -> Iterator[Planned]:
        rng = Random(f"{SEED} plan {number}")
        day = BEGINNING + timedelta(days=number)
        busy = (0.5 if day.weekday() >= 5 else 1.2) * (0.7 + 0.6 * number / DAYS) * scale  # noqa: PLR2004 (Saturday)
        draw, spread = rng.random, rng.lognormvariate
        for estate, reporter, chance, records in self._pairs:
            if draw() >= chance or (reporter and reporter % QUIET == 0 and number > DAYS - 30):
                continue
            yield Planned(estate, reporter, max(1, round(busy * records * spread(-0.18, 0.6))))

    @cached_property
    def _scale(self) -> float:
        """Find what makes it as many records as are wanted."""
        scale = 1.0
        for _ in range(3):
            sample = range(0, DAYS, 10)
            found = sum(it.records for number in sample for it in self._plan(number, scale))
            scale *= self.records * len(sample) / DAYS / found * 1.003
        return scale


TABLES = (
    "message",
    "report",
    "report_xml",
    "record",
    "record_dkim",
    "record_spf",
    "record_reason",
    "deviation",
)
PLACES = {
    table: tuple(_columns(table).index(name) for name in ("report_key", "ordinal"))
    for table in ("record", "record_dkim", "record_spf", "record_reason")
}
"""Where the keys stand in a row."""
MESSAGES = _columns("record").index("messages")
COUNTS = tuple(
    min(int(Random(f"{SEED} count {number}").paretovariate(1.1)), 50_000) for number in range(9_973)
)
NOISE = Random(SEED).randbytes(1 << 20)


@dataclass(slots=True)
class _Day:
    """The rows of one day."""

    number: int
    rng: Random
    rows: dict[str, list[Row]]

    @property
    def day(self) -> date:
        return BEGINNING + timedelta(days=self.number)

    def report(self, key: int, estate: Estate, reporter: Reporter, records: int) -> None:
        """Add a report and the mail that it came with."""
        begins = datetime.combine(self.day, datetime.min.time(), UTC)
        ends = begins + timedelta(seconds=86_399)
        received = ends + timedelta(hours=min(self.rng.expovariate(1 / 5), 200))
        first = len(self.rows["record"])
        self._records(key, estate, reporter, records)
        messages = sum(row[MESSAGES] for row in self.rows["record"][first:])
        policy = POLICIES[min(2, int(self.number / DAYS * (1 + len(estate.domain.name) % 3)))]
        report_id = f"{begins.timestamp():.0f}.{key}@{reporter.submitter}"
        self.rows["report"].append(
            _row(
                "report",
                id=key,
                message_key=key,
                identity=_sha256("identity", key),
                reporter=reporter.org_name,
                report_id=report_id,
                policy_domain=estate.domain.name,
                begins_at=begins,
                ends_at=ends,
                day=self.day,
                email=reporter.sender,
                extra_contact_info=f"https://{reporter.submitter}/dmarc",
                dialect="rfc9990" if reporter.rfc9990 else "rfc7489",
                version="1.0",
                p=policy,
                sp=policy,
                adkim="r",
                aspf="r",
                pct=None if reporter.rfc9990 else 100,
                fo="1",
                xml_sha256=_sha256("xml", key),
                xml_bytes=XML_BYTES + XML_BYTES_A_RECORD * records,
                records=records,
                messages=messages,
                counted=True,
                whole=True,
                ingested_at=received + timedelta(minutes=5),
                is_foreign=False,
                sender_fits=True,
            )
        )
        self._mail(key, reporter, report_id, estate.domain.name, received)
        packed = PACKED_BYTES + PACKED_BYTES_A_RECORD * records
        self.rows["report_xml"].append((key, "gzip", _noise(self.rng, packed)))

    def again(self, key: int) -> None:
        """Add the last report once more, as a conflict without records of its own interest."""
        columns, last = _columns("report"), self.rows["report"][-1]
        second = dict(zip(columns, last, strict=True)) | {
            "id": key,
            "message_key": key,
            "xml_sha256": _sha256("xml", key),
            "counted": False,
        }
        self.rows["report"].append(_row("report", **second))
        mail = dict(zip(_columns("message"), self.rows["message"][-1], strict=True))
        changed = {"id": key, "uid": str(key), "sha256": _sha256("mail", key), "outcome": "conflict"}
        self.rows["message"].append(_row("message", **(mail | changed)))
        for table, (report_key, _) in PLACES.items():
            same = [row for row in self.rows[table] if row[report_key] == last[0]]
            self.rows[table] += [(*row[:report_key], key, *row[report_key + 1 :]) for row in same]
        self.rows["report_xml"].append((key, *self.rows["report_xml"][-1][1:]))

    def _mail(self, key: int, reporter: Reporter, report_id: str, domain: str, received: datetime) -> None:
        self.rows["message"].append(
            _row(
                "message",
                id=key,
                source="reports",
                folder="INBOX",
                uidvalidity=1_700_000_000,
                uid=str(key),
                sha256=_sha256("mail", key),
                size=6_500,
                message_id=f"<{_sha256('id', key)[:32]}@{reporter.host}>",
                sender=reporter.sender,
                subject=f"Report Domain: {domain} Submitter: {reporter.submitter} Report-ID: <{report_id}>",
                received_at=received,
                outcome="stored",
                attempts=1,
                first_seen_at=received + timedelta(minutes=5),
                decided_at=received + timedelta(minutes=5),
                from_domain=reporter.sender.partition("@")[2],
                dmarc="pass",
            )
        )
        if not reporter.scope:
            place = "record/auth_results/spf/scope"
            self.rows["deviation"].append((key, 0, key, "missing", place, "left empty", None, 1))

    def _records(self, key: int, estate: Estate, reporter: Reporter, records: int) -> None:
        past, rng, rows = self.number / DAYS, self.rng, self.rows
        add = {table: rows[table].append for table in PLACES}
        for ordinal in range(records):
            it = estate.choose(rng, past)
            row = list(it.record_told if reporter.envelope else it.record)
            row[MESSAGES] = COUNTS[(key * 31 + ordinal * 17) % len(COUNTS)]
            add["record"](_keyed("record", row, key, ordinal))
            for signature in it.record_dkim:
                add["record_dkim"](_keyed("record_dkim", list(signature), key, ordinal))
            add["record_spf"](_keyed("record_spf", list(it.record_spf), key, ordinal))
            if it.record_reason:
                add["record_reason"](_keyed("record_reason", list(it.record_reason), key, ordinal))


def _keyed(table: str, row: list[Any], key: int, ordinal: int) -> Row:
    first, second = PLACES[table]
    row[first], row[second] = key, ordinal
    return tuple(row)


def _sha256(what: str, key: int) -> str:
    return hashlib.sha256(f"{what} {key}".encode()).hexdigest()


def _noise(rng: Random, size: int) -> bytes:
    """Give bytes that no database can compress, as it is with compressed XML."""
    start = rng.randrange(max(1, len(NOISE) - size))
    return NOISE[start : start + size]
