"""One piece of evidence, whose machine it came from, and what the domain uses in; what its sender is to the domain out.

A table of rules, the strongest first: the first that holds gives the verdict. docs/verdicts.md says it in words.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from summary.hosts import Host
from summary.reading import Dkim, Reading, Spf
from summary.ties import FOR_MEMBERS, SENDERS, Ties


class Verdict(StrEnum):
    """What a source is to a domain."""

    PASSING = "passing"
    FRAGILE = "fragile"
    FAILING_OWN = "failing_own"
    BOUNCES = "bounces"
    FORWARDED = "forwarded"
    RECIPIENT_GATEWAY = "recipient_gateway"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """Which rule gave the verdict: what its reason is made of."""

    PASSES = "passes"
    REMAINDER = "remainder"
    """A little of a sender's mail that fails where the rest passes."""
    SPF_ALONE = "spf_alone"
    DKIM_ALONE = "dkim_alone"
    INTACT = "intact"
    """Passed on by others with the signature whole."""
    REPORTED = "reported"
    """The receiver says that it was forwarded."""
    FORWARDER = "forwarder"
    """A machine of a mailing list or a forwarding service."""
    ANOTHER_PASSES = "another_passes"
    """The domain's own signature beside a pass of another organisation's."""
    OWN = "own"
    SHARED = "shared"
    """A gateway of ours, which others use as well, and nothing that shows who wrote."""
    UNALIGNED = "unaligned"
    """What is ours passes, and does not count."""
    EMPTY_PATH = "empty_path"
    SCANNED = "scanned"
    SCANNED_UNSURE = "scanned_unsure"
    """By a gateway that may be the recipient's or ours."""
    NEW_KEY = "new_key"
    """A signature in the domain's name with a key that has verified nowhere."""
    ALTERED = "altered"
    """A signature with a known key that does not verify, and nothing else."""
    MEMBER = "member"
    """Another customer of a mailbox service or a gateway."""
    SENDER = "sender"
    """A service that sends for its customers, of which the domain is none as far as is known."""
    STRANGER = "stranger"


@dataclass(frozen=True)
class Case:
    """A piece of evidence beside all that helps to judge it."""

    reading: Reading
    host: Host
    ties: Ties

    @cached_property
    def ours(self) -> bool:
        """It came from a machine that sends for the domain."""
        return self.ties.is_ours(self.reading, self.host)

    @cached_property
    def others(self) -> bool:
        """Another organisation passes: a signature or a return path that is neither ours nor our tenant's."""
        paths = () if self.reading.automatic else self.reading.paths
        return any(not self.ties.is_us(name) for name in (*paths, *self.reading.signers))

    @cached_property
    def has_known_key(self) -> bool:
        """It is signed with a key of the domain's that verifies, here or elsewhere; one without selector counts."""
        nameless = any(it.selector is None for it in self.reading.own)
        return nameless or any(key in self.ties.homes for key in self.reading.keys)

    @cached_property
    def is_away(self) -> bool:
        """Its signature is at home elsewhere."""
        homes = [self.ties.homes.get(key) for key in self.reading.keys]
        return bool(homes) and self.host.who not in homes

    @property
    def direct(self) -> bool:
        """It came from a machine of ours that forwards for nobody else."""
        return self.ours and self.host.kind not in FOR_MEMBERS


@dataclass(frozen=True, slots=True)
class Finding:
    """What a piece of evidence was found to be."""

    verdict: Verdict
    cause: Cause
    certain: bool = True
    """False: the reports allow another reading."""


def _passes_both(case: Case) -> bool:
    return case.reading.dkim is Dkim.PASSES and case.reading.spf is Spf.PASSES


def _passes_by_helo(case: Case) -> bool:
    """Bounces go straight back, so that SPF alone carries them well."""
    return case.reading.passes and case.reading.automatic


def _spf_alone(case: Case) -> bool:
    return case.reading.spf is Spf.PASSES


def _passed_on(case: Case) -> bool:
    """Our signature verifies, and not where it was made: it survived forwarding."""
    if not case.reading.passes or case.direct:
        return False
    between_members = case.host.kind in FOR_MEMBERS and case.reading.spf is Spf.REFUSED
    return case.is_away or (not case.ours and (between_members or _says_forwarded(case)))


def _unlisted(case: Case) -> bool:
    """DKIM passes, the return path is ours, and our SPF record leaves our machine out."""
    return _unlisted_stranger(case) and case.ours


def _unlisted_stranger(case: Case) -> bool:
    return case.reading.passes and case.reading.spf is Spf.REFUSED


def _passes(case: Case) -> bool:
    return case.reading.passes


_FORWARDED = frozenset({"forwarded", "trusted_forwarder", "mailing_list"})


def _says_forwarded(case: Case) -> bool:
    """Tell whether the receiver says so; an ARC chain tells it of others only: Microsoft 365 seals our own mail, too."""
    reasons = case.reading.evidence.reasons
    return not case.direct and (not _FORWARDED.isdisjoint(reasons) or ("arc" in reasons and not case.ours))


def _of_forwarder(case: Case) -> bool:
    return not case.ours and case.host.kind in {"forwarder", "list"}


def _another_passes(case: Case) -> bool:
    """Our signature beside another's pass, and not from a machine of ours; a sender's own pass is no forwarder's."""
    return not case.direct and case.others and case.has_known_key and case.host.kind not in SENDERS


def _is_bounce(case: Case) -> bool:
    return case.ours and case.reading.automatic


def _is_unaligned(case: Case) -> bool:
    return not case.is_away and (case.reading.dkim is Dkim.UNALIGNED or case.reading.spf is Spf.UNALIGNED)


def _is_shared(case: Case) -> bool:
    return case.ours and case.host.kind == "gateway" and case.others and not case.reading.own


def _is_own(case: Case) -> bool:
    return case.ours


def _scans(case: Case) -> bool:
    return bool(case.host.service and case.host.service.scans) and not case.others


def _scans_ours(case: Case) -> bool:
    return _scans(case) and case.has_known_key


def _has_new_key(case: Case) -> bool:
    return bool(case.reading.own) and not case.has_known_key


def _is_altered(case: Case) -> bool:
    return bool(case.reading.own)


def _of_member(case: Case) -> bool:
    return case.host.kind in {*FOR_MEMBERS, "gateway"} and case.others


def _of_sender(case: Case) -> bool:
    return case.host.kind in SENDERS or case.host.kind == "gateway"


def _always(_case: Case) -> bool:
    return True


RULES: Final[tuple[tuple[Callable[[Case], bool], Finding], ...]] = (
    (_passes_both, Finding(Verdict.PASSING, Cause.PASSES)),
    (_passes_by_helo, Finding(Verdict.PASSING, Cause.PASSES)),
    (_spf_alone, Finding(Verdict.FRAGILE, Cause.SPF_ALONE)),
    (_passed_on, Finding(Verdict.FORWARDED, Cause.INTACT)),
    (_unlisted, Finding(Verdict.FRAGILE, Cause.DKIM_ALONE)),
    (_unlisted_stranger, Finding(Verdict.FRAGILE, Cause.DKIM_ALONE, certain=False)),
    (_passes, Finding(Verdict.PASSING, Cause.PASSES)),
    # From here on nothing is aligned.
    (_says_forwarded, Finding(Verdict.FORWARDED, Cause.REPORTED)),
    (_another_passes, Finding(Verdict.FORWARDED, Cause.ANOTHER_PASSES)),
    (_of_forwarder, Finding(Verdict.FORWARDED, Cause.FORWARDER)),
    (_is_unaligned, Finding(Verdict.FAILING_OWN, Cause.UNALIGNED)),
    (_is_bounce, Finding(Verdict.BOUNCES, Cause.EMPTY_PATH)),
    (_is_shared, Finding(Verdict.FAILING_OWN, Cause.SHARED, certain=False)),
    (_is_own, Finding(Verdict.FAILING_OWN, Cause.OWN)),
    (_scans_ours, Finding(Verdict.RECIPIENT_GATEWAY, Cause.SCANNED)),
    (_scans, Finding(Verdict.RECIPIENT_GATEWAY, Cause.SCANNED_UNSURE, certain=False)),
    (_has_new_key, Finding(Verdict.UNKNOWN, Cause.NEW_KEY, certain=False)),
    (_is_altered, Finding(Verdict.UNKNOWN, Cause.ALTERED, certain=False)),
    (_of_member, Finding(Verdict.UNKNOWN, Cause.MEMBER, certain=False)),
    (_of_sender, Finding(Verdict.UNKNOWN, Cause.SENDER)),
    (_always, Finding(Verdict.UNKNOWN, Cause.STRANGER)),
)


def classify(case: Case) -> Finding:
    """Judge a piece of evidence by the first rule that holds."""
    return next(finding for holds, finding in RULES if holds(case))
