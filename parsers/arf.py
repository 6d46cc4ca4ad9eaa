"""The parts of a mail in, the failure reports among them out (RFC 6591, RFC 9991; RFC 5965 is their form).

Of the message that failed only its header section is read, never anything of its body: no DKIM-Canonicalized-Body, and
nothing behind the first blank line.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.errors import MissingHeaderBodySeparatorDefect
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from typing import Any, Final, cast, get_args

from parsers import text
from parsers.errors import CorruptError
from parsers.failure import AuthFailure, FailureReport
from parsers.printable import one_line
from parsers.values import MAX_MESSAGES, UNKNOWN

HEADERS_LENGTH: Final = 64 * 1024
"""Characters of the original message's header section that are kept: whole fields, as many as fit."""
FIELD_LENGTH: Final = 4_096
REPEATS: Final = 20
"""Fields of one name that are looked at: RFC 5965 3.2 lets some come again."""
TOKENS: Final = 10

_AUTH_FAILURES: Final = frozenset(get_args(AuthFailure)) - {UNKNOWN}
_FEEDBACK: Final = "message/feedback-report"
_ORIGINALS: Final = frozenset(
    {"message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers"}
)
_ENCODED: Final = frozenset({"base64", "quoted-printable"})
_FIELDS: Final = frozenset(
    {
        "arrival-date",
        "auth-failure",
        "authentication-results",
        "delivery-result",
        "dkim-domain",
        "dkim-identity",
        "dkim-selector",
        "feedback-type",
        "from",
        "identity-alignment",
        "incidents",
        "original-envelope-id",
        "original-mail-from",
        "original-rcpt-to",
        "received-date",
        "reported-domain",
        "reporting-mta",
        "source-ip",
        "spf-dns",
        "user-agent",
        "version",
    }
)
"""What is read; no other field of a report is kept."""

_COMMENT: Final = re.compile(r"\([^()]*\)")
_SEPARATORS: Final = re.compile(r"[\s,;]+")
_AT_DOMAIN: Final = re.compile(r"@([^\s<>(),;:\"@]+)")

_NOTICE: Final = "has failed the published DMARC policy"
"""Exim's words (antispamcloud, Baruwa): a plain text and no ARF part."""
_NOTICE_LINE: Final = re.compile(r"^[ \t]*([A-Z][A-Za-z ]{1,30}):[ \t]*(.*)$", re.MULTILINE)
_NOTICE_COPY: Final = re.compile(r"^-{4,} ?This is a copy of the headers.*\n", re.MULTILINE)

Fields = dict[str, list[str]]
"""Field names in lower case to what each field of that name says, on one line."""


def failures_of(parts: Sequence[Message]) -> tuple[FailureReport, ...]:
    """Read every failure report among a mail's parts, the containers and what lies in them in the order they stand.

    Nothing for a mail without one. Raises CorruptError where a feedback-report part says nothing.
    """
    pairs = list(_pairs(parts))
    found = [_read(_fields(feedback), original) for feedback, original in pairs]
    if pairs and not any(found):
        raise CorruptError("a failure report (RFC 6591) without any field that is known")
    return tuple(report for report in (found or _notices(parts)) if report)


def _pairs(parts: Sequence[Message]) -> Iterator[tuple[Message, Message | None]]:
    """Give the header sections of each feedback-report part and of the original beside it (RFC 5965 2).

    The original may be a failure report itself, of a mail loop: what lies in it is no report about ours.
    """
    inside: set[int] = set()
    for container in parts:
        if id(container) in inside or container.get_content_maintype() != "multipart":
            continue
        children = _children(container)
        feedback = next((it for it in children if it.get_content_type() == _FEEDBACK), None)
        if feedback is None:
            continue
        original = next((it for it in children if it.get_content_type() in _ORIGINALS), None)
        inside |= {id(it) for it in original.walk()} if original else set()
        yield _section(feedback), original and _section(original)


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return cast("list[Message]", payload) if isinstance(payload, list) else []


def _section(part: Message) -> Message:
    """Give the header section that a part holds.

    The email package takes what is in message/* for a mail, and finds no fields in one that is encoded (RFC 2046 5.2
    forbids that; Netease's reports come so).
    """
    inner = next(iter(_children(part)), part)
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if inner is part:
        return _parsed(_decoded(part))
    if inner.keys() and encoding not in _ENCODED:
        return inner
    whole = Message()
    whole["Content-Transfer-Encoding"] = encoding
    whole.set_payload(_rejoined(inner)[: 2 * HEADERS_LENGTH])
    return _parsed(_decoded(whole))


def _rejoined(mail: Message) -> str:
    """Put a mail that was parsed before it was decoded together again; its blank line too, where it had one."""
    fields = "".join(f"{name}: {value}\n" for name, value in _raw_items(mail))
    unbroken = any(isinstance(defect, MissingHeaderBodySeparatorDefect) for defect in mail.defects)
    return fields + ("" if unbroken else "\n") + _decoded(mail).decode("ascii", "surrogateescape")


def _decoded(part: Message) -> bytes:
    """Undo the transfer encoding (RFC 2045 6), of no more than a header section may have."""
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError):  # a charset parameter that is no charset
        payload = None
    return payload[: 2 * HEADERS_LENGTH] if isinstance(payload, bytes) else b""


def _parsed(data: bytes) -> Message:
    return BytesHeaderParser().parsebytes(data.lstrip())


def _raw_items(section: Message) -> Iterator[tuple[str, str]]:
    """Give names and values as they stand: bytes outside ASCII come as lone surrogates."""
    return cast("Iterator[tuple[str, str]]", cast("Any", section).raw_items())  # typeshed does not know it


def _fields(section: Message) -> Fields:
    found: Fields = {}
    for name, value in _raw_items(section):
        values = found.setdefault(name.lower(), []) if name.lower() in _FIELDS else None
        if values is not None and len(values) < REPEATS and (line := _line(value[:FIELD_LENGTH])):
            values.append(line)
    return found


def _line(raw: str) -> str:
    return one_line(raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def _headers(section: Message) -> str | None:
    lines: list[str] = []
    size = 0
    for name, value in _raw_items(section):
        lines.append(f"{name}: {_line(value)}")
        size += len(lines[-1]) + 1
        if size > HEADERS_LENGTH:
            lines.pop()
            break
    return "\n".join(lines) or None


# -- the report


def _read(fields: Fields, original: Message | None) -> FailureReport | None:
    """Read one report; None where its part says nothing."""
    if not any(fields.values()):
        return None

    def first(name: str) -> str | None:
        return next(iter(fields.get(name, ())), None)

    tokens, raw = _tokens(first("auth-failure"))
    return _report(
        original,
        feedback_type=_lower(first("feedback-type")),
        version=first("version"),
        user_agent=first("user-agent"),
        source_ip=_source(first("source-ip")),
        reported_domain=_name(first("reported-domain")),
        arrival_at=_moment(first("arrival-date") or first("received-date")),  # RFC 5965 3.2 has both
        auth_failure=tokens,
        auth_failure_raw=raw,
        identity_alignment=_lower(first("identity-alignment"), ","),
        delivery_result=_lower(first("delivery-result")),
        reporting_mta=_host(first("reporting-mta")),
        original_envelope_id=first("original-envelope-id"),
        original_mail_from=_path(first("original-mail-from")),
        original_rcpt_to=", ".join(filter(None, map(_path, fields.get("original-rcpt-to", ())))) or None,
        authentication_results=first("authentication-results"),
        dkim_domain=_name(first("dkim-domain")),
        dkim_selector=first("dkim-selector"),
        dkim_identity=first("dkim-identity"),
        spf_dns="\n".join(fields.get("spf-dns", ())) or None,
        incidents=_incidents(first("incidents")),
    )


def _report(original: Message | None, **values: Any) -> FailureReport:  # noqa: ANN401 (fields of FailureReport)
    if original is not None:
        senders = _fields(original).get("from", [])
        values |= {"headers": _headers(original), "header_from": _domain_in(senders[0]) if senders else None}
    said = {name: str(value) for name, value in values.items() if value}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return FailureReport(content_sha256=digest, **values)


def _lower(value: str | None, separator: str = ", ") -> str | None:
    return value and value.lower().replace(", ", separator)


def _path(value: str | None) -> str | None:
    """Take the brackets off an address, which some put around it; the null path `<>` keeps them."""
    return value and (value.strip("<>") or value)


def _tokens(value: str | None) -> tuple[tuple[str, ...], str | None]:
    """Read Auth-Failure: one token by RFC 6591 3.1, a list in practice; and the value as sent where one is unknown."""
    words = _SEPARATORS.split(_COMMENT.sub(" ", value or "").lower())
    tokens = tuple(word if word in _AUTH_FAILURES else UNKNOWN for word in words[:TOKENS] if word)
    return tuple(dict.fromkeys(tokens)), value if UNKNOWN in tokens else None


def _source(value: str | None) -> str | None:
    """Read Source-IP; OpenDMARC puts the host's name behind it, others brackets around it."""
    return text.address(next(iter((value or "").split()), ""))


def _moment(value: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value or "")
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _host(value: str | None) -> str | None:
    """Read a name with its type in front: `dns; mx.example.org` (RFC 5965 3.2, RFC 3464 2.2.2)."""
    return text.domain((value or "").rpartition(";")[2].strip())


def _name(value: str | None) -> str | None:
    return text.domain(one_line(value)) if value and len(value) <= text.LONGEST_DOMAIN else None


def _domain_in(mailbox: str) -> str | None:
    """Give the domain of an address, past a display name that looks like one."""
    found = _AT_DOMAIN.search(mailbox.rpartition("<")[2])
    return _name(found[1]) if found else None


def _incidents(value: str | None) -> int:
    """Read how many messages it stands for: one where it does not say (RFC 5965 3.2)."""
    number = text.integer(value)
    return number if number is not None and 0 <= number <= MAX_MESSAGES else 1


# -- notices in plain text


def _notices(parts: Sequence[Message]) -> list[FailureReport | None]:
    return [
        _notice(data.decode("utf-8", "replace").replace("\r\n", "\n"))
        for part in parts
        if part.get_content_type() == "text/plain" and not part.is_multipart()
        for data in [_decoded(part)]
        if _NOTICE.encode() in data
    ]


def _notice(words: str) -> FailureReport | None:
    """Read a notice; None where it does not name the sender's address and the domain."""
    told, *copy = _NOTICE_COPY.split(words, maxsplit=1)
    said = {name.lower(): value for name, value in _NOTICE_LINE.findall(told)}
    source, domain = _source(said.get("sender ip address")), _name(said.get("sender domain"))
    if source is None or domain is None:
        return None
    aligned = [it for it in ("dkim", "spf") if said.get(f"{it} alignment", "").strip().lower() == "yes"]
    return _report(
        _parsed(copy[0].encode()) if copy else None,
        feedback_type="auth-failure",
        source_ip=source,
        reported_domain=domain,
        arrival_at=_moment(said.get("received date")),
        auth_failure=("dmarc",),
        identity_alignment=",".join(aligned) or "none",
        delivery_result=_lower(one_line(said.get("dmarc results", ""))) or None,
    )
