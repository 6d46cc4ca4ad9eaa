"""A failure report as a value, and the same without what tells of persons (RFC 9991 6, RFC 6590).

What a mail administrator needs stays readable: hosts, domains, times, results. Masked are the local parts of addresses,
names, subjects, logins, and every field of which nobody knows that it is harmless.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from parsers.values import MAX_MESSAGES

AuthFailure = Literal["adsp", "bodyhash", "revoked", "signature", "spf", "dmarc", "unknown"]
"""RFC 6591 3.2.2; RFC 9991 4 adds dmarc."""

Level = Literal["none", "redacted", "full"]
"""Of the original message's header section: nothing, the masked fields, all of it."""

MASK: Final = "*"

_TECHNICAL: Final = frozenset(
    {
        "arc-authentication-results",
        "authentication-results",
        "authentication-results-original",
        "auto-submitted",
        "content-transfer-encoding",
        "date",
        "mime-version",
        "precedence",
        "received",
        "received-spf",
        "user-agent",
        "x-mailer",
        "x-ms-exchange-authentication-results",
        "x-originating-ip",
        "x-received",
        "x-spf-result",
    }
)
"""Fields that stay, but for the addresses and logins in them."""
_ADDRESSES: Final = frozenset(
    {
        "bcc",
        "cc",
        "delivered-to",
        "envelope-to",
        "errors-to",
        "from",
        "in-reply-to",
        "list-post",
        "message-id",
        "references",
        "reply-to",
        "resent-from",
        "resent-message-id",
        "resent-sender",
        "resent-to",
        "return-path",
        "sender",
        "to",
        "x-original-from",
        "x-original-to",
    }
)
"""Fields of which the domains stay."""
_SIGNATURES: Final = frozenset(
    {"arc-message-signature", "arc-seal", "dkim-signature", "x-google-dkim-signature"}
)
_TAGS: Final = frozenset({"a", "c", "cv", "d", "h", "i", "q", "s", "t", "v", "x"})
"""Of a signature (RFC 6376 3.5): not the hashes, which tell whether a text was sent, and not copied fields."""

_BEFORE_LOCAL_PART: Final = re.compile(r"[\s<>(),;:\[\]]")
_PROPERTY: Final = re.compile(
    r"(?:(?:smtp|header|body|policy)\.[a-z-]+|envelope-from|identity|sender|x-sender|i|d|from|to)=",
    re.IGNORECASE,
)
"""What may stand before an address by the grammar of its field; every other `=` belongs to the local part (VERP)."""
_LOGIN: Final = re.compile(
    r"(?<![\w.-])((?:authenticated(?:[ -](?:as|by|id|sender|user))?|account|auth|login|smtp\.auth|user(?:id)?)(?:[:=]\s?|\s))"
    r"(?!(?:as|by|fail|none|pass|with)\b)[^\s();,]+",
    re.IGNORECASE,
)
_DOMAIN: Final = re.compile(r"@([\w.-]{1,255}|\[[0-9A-Fa-f:.IPv]{1,60}\])")


@dataclass(frozen=True, slots=True)
class FailureReport:
    """A report about one message (or `incidents` like it) that failed; absent fields are None."""

    content_sha256: str
    """Over everything below as it was reported: the same report is known again, masked or not."""
    feedback_type: str | None = None
    """auth-failure; abuse and others (RFC 5965 7.3) are read as well."""
    version: str | None = None
    user_agent: str | None = None
    source_ip: str | None = None
    """Canonical text."""
    reported_domain: str | None = None
    arrival_at: datetime | None = None
    """UTC."""
    auth_failure: tuple[AuthFailure, ...] = ()
    auth_failure_raw: str | None = None
    """As sent, where a token is unknown."""
    identity_alignment: str | None = None
    """`none`, or what is aligned: `dkim`, `spf`, `dkim,spf` (RFC 9991 4)."""
    delivery_result: str | None = None
    """delivered, spam, policy, reject, other (RFC 6591 3.2.2), or whatever was sent."""
    reporting_mta: str | None = None
    original_envelope_id: str | None = None
    original_mail_from: str | None = None
    original_rcpt_to: str | None = None
    authentication_results: str | None = None
    dkim_domain: str | None = None
    dkim_selector: str | None = None
    dkim_identity: str | None = None
    spf_dns: str | None = None
    """One a line."""
    header_from: str | None = None
    """Domain of the original message's From."""
    incidents: Annotated[int, Field(ge=0, le=MAX_MESSAGES)] = 1
    headers: str | None = None
    """The original message's header section, each field unfolded on one line."""


def redact(report: FailureReport, level: Level) -> FailureReport:
    """Mask a report; its content_sha256 stays that of the whole one."""
    if level == "full":
        return report
    return replace(
        report,
        original_mail_from=_masked(report.original_mail_from),
        original_rcpt_to=_masked(report.original_rcpt_to),
        dkim_identity=_masked(report.dkim_identity),
        authentication_results=_masked(report.authentication_results),
        spf_dns=_masked(report.spf_dns),
        headers=_masked_headers(report.headers) if level == "redacted" and report.headers else None,
    )


def _masked(value: str | None) -> str | None:
    return value and _technical(value)


def _masked_headers(headers: str) -> str:
    """Mask a header section, each field on one line."""
    fields = (line.partition(": ") for line in headers.split("\n"))
    return "\n".join(f"{name}: {_field(name)(value)}" for name, _, value in fields)


def _field(name: str) -> Callable[[str], str]:
    lowered = name.lower()
    if lowered in _TECHNICAL:
        return _technical
    if lowered in _ADDRESSES:
        return _domains
    if lowered in _SIGNATURES:
        return _signature
    return _media_type if lowered == "content-type" else _hidden


def _hidden(value: str) -> str:
    return value and MASK


def _technical(value: str) -> str:
    return _LOGIN.sub(rf"\1{MASK}", _without_local_parts(value))


def _without_local_parts(value: str) -> str:
    """Mask what stands before each `@`: no expression, because a stranger's text would make it look far back."""
    *before, last = value.split("@")
    return "".join(f"{_without_last_word(each)}@" for each in before) + last


def _without_last_word(text: str) -> str:
    """Mask the local part that a text ends in (RFC 5322 3.4.1); none is left of an identity such as `@example.org`."""
    if text.endswith('"'):
        return text[: text.find('"')] + MASK
    word = _BEFORE_LOCAL_PART.split(text)[-1]
    start = len(text) - len(word)
    found = _PROPERTY.match(word)
    kept = found.end() if found else 0
    return text[: start + kept] + (MASK if len(word) > kept else "")


def _domains(value: str) -> str:
    """Give the addresses' domains alone: no display name, no comment, no local part."""
    if value in ("", "<>"):
        return value
    return ", ".join(f"{MASK}@{domain}" for domain in _DOMAIN.findall(value)) or MASK


def _signature(value: str) -> str:
    """Keep who signed and how (RFC 6376 3.5, RFC 8617 4.1)."""
    tags = (tag.strip().partition("=") for tag in value.split(";"))
    kept = (f"{name.strip()}={text.strip()}" for name, _, text in tags if name.strip().lower() in _TAGS)
    return _without_local_parts("; ".join(kept))


def _media_type(value: str) -> str:
    """Leave the parameters out: a file's name is one."""
    return value.partition(";")[0].strip()
