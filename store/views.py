"""What analysts may rely on: the views, their columns, and what each of them means. Data alone; no SQL here.

The newest migration that makes a view has its text. A test holds this page to what both databases have; a change of it is
a new revision and a line in the changelog (docs/schema.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Type(StrEnum):
    """What a column's values are."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    MOMENT = "moment"
    ADDRESS = "address"


TYPES: Mapping[Type, tuple[str, str]] = {
    Type.TEXT: ("text", "text"),
    Type.INTEGER: ("bigint, integer or smallint", "integer"),
    Type.NUMBER: ("double precision", "real"),
    Type.BOOLEAN: ("boolean", "integer: 1 or 0"),
    Type.DATE: ("date", "text: 2026-11-01"),
    Type.MOMENT: ("timestamp with time zone", "text, in UTC: 2026-11-01 13:45:00.000000"),
    Type.ADDRESS: ("inet", "text"),
}
"""What a type is on PostgreSQL, and on SQLite."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a view."""

    type: Type
    comment: str
    nullable: bool


@dataclass(frozen=True, slots=True)
class View:
    """One view; its columns in their order."""

    comment: str
    columns: Mapping[str, Column]
    day: str | None = "day"
    """The column by which it can be cut into days."""
    shown: bool = True
    """A role made by `ruamill db grant-analyst` may read it."""


def _always(type: Type, comment: str) -> Column:  # noqa: A002 (the word that Column has for it)
    return Column(type, comment, nullable=False)


def _maybe(type: Type, comment: str) -> Column:  # noqa: A002 (the same)
    return Column(type, comment, nullable=True)


_DAY = _always(Type.DATE, "UTC day on which the reported period begins")
_DOMAIN = _maybe(Type.TEXT, "domain whose policy was applied, lower case")
_ROLLED_DOMAIN = _always(Type.TEXT, "domain whose policy was applied; empty text where the report has none")
_ADDRESS = _maybe(Type.ADDRESS, "sending address; empty where the report's text is no address")
_SOURCE = _always(Type.ADDRESS, "sending address")
_REPORT_KEY = _always(Type.INTEGER, "the report: reports.report_key")
_REPORTER = _maybe(Type.TEXT, "who reports: org_name")
_MESSAGES = _always(Type.INTEGER, "how many messages were reported")
_PASSING = _always(Type.INTEGER, "of them, those that passed DMARC")
_FAILING = _always(Type.INTEGER, "of them, those that failed DMARC")
_DKIM_PASSING = _always(Type.INTEGER, "of them, those with an aligned DKIM signature that passed")
_SPF_PASSING = _always(Type.INTEGER, "of them, those with an aligned SPF pass")
_FIRST_DAY = _always(Type.DATE, "first day on which it was seen")
_LAST_DAY = _always(Type.DATE, "last day on which it was seen")
_INGESTED_AT = _always(Type.MOMENT, "when it was stored")
_WHOLE = _always(Type.BOOLEAN, "false where only the records before a damaged place could be read")
_DIALECT = _always(Type.TEXT, "rfc7489 or rfc9990")
_HEADER_FROM = _maybe(Type.TEXT, "author domain")
_DISPOSITION = _maybe(Type.TEXT, "what the receiver did: none, pass, quarantine, reject, unknown")
_DKIM = _maybe(Type.TEXT, "aligned DKIM as evaluated: pass, fail, unknown")
_SPF = _maybe(Type.TEXT, "aligned SPF as evaluated: pass, fail, unknown")
_DMARC_PASS = _always(Type.BOOLEAN, "dkim or spf is pass")
_NULL_PATH = _maybe(Type.BOOLEAN, "MAIL FROM:<>: a bounce or an automatic reply; empty where not reported")
_ORDINAL = _always(Type.INTEGER, "the record: its position in the report, from 0")
_NAME = _maybe(Type.TEXT, "reverse name (PTR) of the address")
_NAME_CONFIRMED = _maybe(Type.BOOLEAN, "the name has the address among its own; empty: no name")
_SERVICE = _maybe(Type.TEXT, "the service behind it: key in the catalogue")
_OWNER = _maybe(Type.TEXT, "registered owner of the network, else the name of its autonomous system")
_COUNTRY = _maybe(Type.TEXT, "as registered; not a location")
_NETWORK = {
    "network_name": _maybe(Type.TEXT, "registered name of the network"),
    "country": _COUNTRY,
    "asn": _maybe(Type.INTEGER, "autonomous system that announces it"),
    "registry": _maybe(Type.TEXT, "who answered; empty: an MMDB file, or nobody yet"),
    "lookup_state": _always(Type.TEXT, "waiting, found, not_found, reserved, error"),
}
_VERDICT = _maybe(
    Type.TEXT,
    "failing_own, bounces, unknown, fragile, forwarded, recipient_gateway, passing: the worst where there are several; "
    "empty: not judged yet",
)
_REASON = _maybe(Type.TEXT, "why, in one sentence")
_NEXT_STEP = _maybe(Type.TEXT, "what to do about it; empty: nothing")
_NOT_COUNTED = _always(Type.INTEGER, "of them, those that are in no sum: another one has their identity")
_FOREIGN = _always(Type.INTEGER, "of them, those about a domain that is none of ours")
_DAMAGED = _always(Type.INTEGER, "of them, those of which only the beginning could be read")
_SENDER_DIFFERS = _always(Type.INTEGER, "of them, those that another domain than the reporter's mailed")

_POLICY = {
    "p": _maybe(Type.TEXT, "published policy: none, quarantine, reject, unknown"),
    "sp": _maybe(Type.TEXT, "published policy for subdomains"),
    "np": _maybe(Type.TEXT, "published policy for subdomains that do not exist (RFC 9990)"),
    "adkim": _maybe(Type.TEXT, "published DKIM alignment: r or s"),
    "aspf": _maybe(Type.TEXT, "published SPF alignment: r or s"),
    "pct": _maybe(Type.INTEGER, "published percentage (RFC 7489)"),
}
_TESTING = _maybe(Type.TEXT, "published t tag: y or n (RFC 9990)")
_REPORT = {
    "report_key": _REPORT_KEY,
    "reporter": _REPORTER,
    "report_id": _maybe(Type.TEXT, "the reporter's identifier, without angle brackets"),
    "policy_domain": _DOMAIN,
    "begins_at": _maybe(Type.MOMENT, "start of the reported period"),
    "ends_at": _maybe(Type.MOMENT, "end of the reported period"),
    "day": _always(Type.DATE, "UTC day on which the period begins (else ends, else it was stored)"),
}
_BELOW_RECORD = {
    "day": _DAY,
    "policy_domain": _DOMAIN,
    "report_key": _REPORT_KEY,
    "ordinal": _ORDINAL,
    "position": _always(Type.INTEGER, "position in the record, from 0"),
    "reporter": _REPORTER,
    "source_ip": _ADDRESS,
    "header_from": _HEADER_FROM,
    "messages": _always(Type.INTEGER, "messages of the record: a record with two rows here has them in both"),
    "disposition": _DISPOSITION,
    "dkim": _DKIM,
    "spf": _SPF,
    "dmarc_pass": _DMARC_PASS,
    "null_path": _NULL_PATH,
}

_RECORDS_FLAT = View(
    "Everything about a record in one row; only counted reports",
    {
        **_REPORT,
        **_POLICY,
        "testing": _TESTING,
        "dialect": _DIALECT,
        "whole": _WHOLE,
        "ingested_at": _INGESTED_AT,
        "ordinal": _ORDINAL,
        "source_ip": _ADDRESS,
        "messages": _MESSAGES,
        "disposition": _DISPOSITION,
        "dkim": _DKIM,
        "spf": _SPF,
        "dmarc_pass": _DMARC_PASS,
        "header_from": _HEADER_FROM,
        "envelope_from": _maybe(Type.TEXT, "domain of the return path"),
        "envelope_to": _maybe(Type.TEXT, "domain of the recipients"),
        "null_path": _NULL_PATH,
        "dkim_recomputed": _maybe(
            Type.TEXT, "aligned DKIM by the listed results: pass, fail; empty: not computable"
        ),
        "spf_recomputed": _maybe(
            Type.TEXT, "aligned SPF by the listed results: pass, fail; empty: not computable"
        ),
        "recomputed": _maybe(Type.TEXT, "against the reporter's evaluation: agrees, differs, not_computable"),
        "dkim_results": _maybe(Type.TEXT, "signatures as domain/selector=result, in order"),
        "spf_results": _maybe(Type.TEXT, "SPF checks as scope:domain=result, in order"),
        "reasons": _maybe(
            Type.TEXT, "why the disposition differs from the policy, as type: comment, in order"
        ),
    },
)

_SOURCES = View(
    "Who sends as each domain: one row for each sending address, over all days",
    {
        "policy_domain": _ROLLED_DOMAIN,
        "source_ip": _SOURCE,
        "messages": _MESSAGES,
        "passing": _PASSING,
        "failing": _FAILING,
        "first_day": _FIRST_DAY,
        "last_day": _LAST_DAY,
        "name": _NAME,
        "name_confirmed": _NAME_CONFIRMED,
        "service": _SERVICE,
        "owner": _OWNER,
        **_NETWORK,
        "verdict": _VERDICT,
        "reason": _REASON,
        "next_step": _NEXT_STEP,
    },
    day=None,
)

_SOURCE_DAYS = View(
    "Messages of each sending address by day and author domain",
    {
        "day": _DAY,
        "policy_domain": _ROLLED_DOMAIN,
        "header_from": _always(Type.TEXT, "author domain; empty text where absent"),
        "source_ip": _SOURCE,
        "name": _NAME,
        "service": _SERVICE,
        "owner": _OWNER,
        "messages": _MESSAGES,
        "passing": _PASSING,
        "failing": _FAILING,
        "dkim_passing": _DKIM_PASSING,
        "spf_passing": _SPF_PASSING,
    },
)

_DOMAIN_DAYS = View(
    "Messages of each policy domain by day",
    {
        "day": _DAY,
        "policy_domain": _ROLLED_DOMAIN,
        "records": _always(Type.INTEGER, "how many records were reported"),
        "messages": _MESSAGES,
        "passing": _PASSING,
        "failing": _FAILING,
        "dkim_passing": _DKIM_PASSING,
        "spf_passing": _SPF_PASSING,
        "quarantined": _always(Type.INTEGER, "of them, those that the receiver quarantined"),
        "rejected": _always(Type.INTEGER, "of them, those that the receiver rejected"),
    },
)

_FAILING_SOURCES = View(
    "Who failed DMARC in the 30 days up to the last reported day of each domain, and what to do about it",
    {
        "policy_domain": _ROLLED_DOMAIN,
        "who": _always(Type.TEXT, "the service's name, else the owner, else the name, else the address"),
        "verdict": _maybe(
            Type.TEXT,
            "failing_own, bounces, unknown, fragile, forwarded, recipient_gateway, passing: that of most failures where "
            "there are several; empty: not judged yet",
        ),
        "addresses": _always(Type.INTEGER, "how many sending addresses"),
        "messages": _MESSAGES,
        "failing": _FAILING,
        "first_day": _FIRST_DAY,
        "last_day": _LAST_DAY,
        "reason": _REASON,
        "next_step": _NEXT_STEP,
    },
    day=None,
)

_NEW_SOURCES = View(
    "Addresses first seen in the 7 days up to the last reported day of their domain",
    {
        "policy_domain": _ROLLED_DOMAIN,
        "source_ip": _SOURCE,
        "first_day": _FIRST_DAY,
        "last_day": _LAST_DAY,
        "messages": _MESSAGES,
        "passing": _PASSING,
        "failing": _FAILING,
        "name": _NAME,
        "name_confirmed": _NAME_CONFIRMED,
        "service": _SERVICE,
        "owner": _OWNER,
        "country": _COUNTRY,
        "verdict": _VERDICT,
        "reason": _REASON,
        "next_step": _NEXT_STEP,
    },
    day=None,
)

_ADDRESSES = View(
    "Whose machine each sending address is, as far as look-ups have come",
    {
        "source_ip": _SOURCE,
        "first_day": _maybe(Type.DATE, "first day on which it was seen, for any domain"),
        "last_day": _maybe(Type.DATE, "last day on which it was seen, for any domain"),
        "name": _NAME,
        "name_confirmed": _NAME_CONFIRMED,
        "service": _SERVICE,
        "owner": _OWNER,
        **_NETWORK,
    },
    day=None,
)

_REPORTS = View(
    "Every aggregate report about our domains, the uncounted ones too",
    {
        **_REPORT,
        "email": _maybe(Type.TEXT, "the reporter's address"),
        "dialect": _DIALECT,
        **_POLICY,
        "fo": _maybe(Type.TEXT, "published failure reporting options"),
        "testing": _TESTING,
        "records": _always(Type.INTEGER, "how many records it has"),
        "messages": _always(Type.INTEGER, "sum of their messages"),
        "counted": _always(Type.BOOLEAN, "false where it is in no sum: another report has its identity"),
        "whole": _WHOLE,
        "sender_fits": _maybe(
            Type.BOOLEAN, "the mail's author domain is the reporter's; empty where either is unknown"
        ),
        "received_at": _maybe(
            Type.MOMENT,
            "when our mail server took the mail; empty where no mail brought it, or its header does not say",
        ),
        "ingested_at": _INGESTED_AT,
        "hours_late": _maybe(
            Type.NUMBER, "hours from the end of the period until received_at; empty where either is unknown"
        ),
        "deviations": _always(Type.INTEGER, "in how many ways it departs from the standard (deviation.code)"),
        "decision": _maybe(
            Type.TEXT,
            "what a person decided of a conflict: left, replaced, replacing, added; empty: nothing yet",
        ),
    },
)

_REPORTER_QUALITY = View(
    "How well each reporter reports: how many, how late, what departs",
    {
        "reporter": _REPORTER,
        "reports": _always(Type.INTEGER, "how many reports"),
        "reports_not_counted": _NOT_COUNTED,
        "reports_foreign": _FOREIGN,
        "reports_damaged": _DAMAGED,
        "reports_sender_differs": _SENDER_DIFFERS,
        "first_day": _always(Type.DATE, "first day that a report is about"),
        "last_day": _always(Type.DATE, "last day that a report is about"),
        "records": _always(Type.INTEGER, "how many records they have"),
        "messages": _always(Type.INTEGER, "sum of their messages"),
        "mean_hours_late": _maybe(
            Type.NUMBER, "hours from the end of the period until the mail came, on average; empty: no mail"
        ),
        "max_hours_late": _maybe(Type.NUMBER, "the same, of the latest one"),
        "reports_departing": _always(Type.INTEGER, "reports that depart from the standard"),
        "deviations": _maybe(Type.TEXT, "how, in all: codes of deviations, by comma"),
    },
    day=None,
)

_INGEST_HEALTH = View(
    "What became of the mail, by day and mailbox",
    {
        "day": _always(Type.DATE, "UTC day on which it got its outcome"),
        "source": _always(Type.TEXT, "name of the mailbox in the settings, or 'file'"),
        "messages": _always(Type.INTEGER, "mails and files that were seen"),
        "stored": _always(Type.INTEGER, "of them, those with a new report, all of it whole"),
        "partial": _always(Type.INTEGER, "of them, those with a report of which something was refused"),
        "duplicate": _always(Type.INTEGER, "of them, those whose reports were all known"),
        "conflict": _always(
            Type.INTEGER, "of them, those with a known identity and other content: not counted"
        ),
        "not_a_report": _always(Type.INTEGER, "of them, ordinary mail"),
        "unsupported": _always(Type.INTEGER, "of them, reports of a kind that is not stored"),
        "corrupt": _always(Type.INTEGER, "of them, those meant to be a report and unreadable"),
        "refused": _always(Type.INTEGER, "of them, those over a limit, hostile, or forged by setting"),
        "retry": _always(Type.INTEGER, "of them, those that are tried again"),
        "reports": _always(Type.INTEGER, "aggregate reports that were stored"),
        "reports_not_counted": _NOT_COUNTED,
        "reports_foreign": _FOREIGN,
        "reports_damaged": _DAMAGED,
        "reports_sender_differs": _SENDER_DIFFERS,
        "mails_not_passing": _always(
            Type.INTEGER, "mails to which our mail server gave another DMARC verdict than pass"
        ),
    },
)

_SIGNATURES = View(
    "DKIM signatures as the receivers saw them, each with its record; only counted reports",
    {
        **_BELOW_RECORD,
        "domain": _maybe(Type.TEXT, "d= of the signature"),
        "selector": _maybe(Type.TEXT, "s= of the signature"),
        "result": _maybe(
            Type.TEXT, "of the signature: none, pass, fail, policy, neutral, temperror, permerror, unknown"
        ),
    },
)

_SPF_CHECKS = View(
    "SPF checks as the receivers made them, each with its record; only counted reports",
    {
        **_BELOW_RECORD,
        "domain": _maybe(Type.TEXT, "domain that was checked"),
        "scope": _maybe(Type.TEXT, "helo, mfrom, unknown"),
        "result": _maybe(
            Type.TEXT,
            "of the check: none, neutral, pass, fail, softfail, policy, temperror, permerror, unknown",
        ),
    },
)

_OVERRIDES = View(
    "Why receivers did something else than the policy says, each with its record; only counted reports",
    {
        **_BELOW_RECORD,
        "type": _maybe(Type.TEXT, "forwarded, mailing_list, local_policy, …, unknown"),
        "comment": _maybe(Type.TEXT, "as sent"),
    },
)

_TLS_DAYS = View(
    "TLS sessions by day, policy domain and kind of policy; only counted reports",
    {
        "day": _DAY,
        "policy_domain": _maybe(Type.TEXT, "domain of the policy, lower case"),
        "policy_type": _maybe(Type.TEXT, "tlsa, sts, no-policy-found, unknown"),
        "reports": _always(Type.INTEGER, "how many reports"),
        "successful_sessions": _always(Type.INTEGER, "sessions that kept the policy"),
        "failed_sessions": _always(Type.INTEGER, "sessions that did not"),
    },
)

_FAILURE_MESSAGES = View(
    "Single messages that failed, as reported; foreign ones left out",
    {
        "id": _always(Type.INTEGER, "the failure report"),
        "received_at": _maybe(Type.MOMENT, "when our mail server took the report"),
        "reporter": _maybe(Type.TEXT, "author domain of the mail that brought it"),
        "arrival_at": _maybe(Type.MOMENT, "when the message arrived at the reporter"),
        "source_ip": _maybe(Type.ADDRESS, "sending address"),
        "reported_domain": _maybe(Type.TEXT, "lower case"),
        "header_from": _maybe(Type.TEXT, "author domain of the message, lower case"),
        "feedback_type": _maybe(Type.TEXT, "auth-failure, abuse, …"),
        "version": _maybe(Type.TEXT, "as sent"),
        "auth_failure": _maybe(
            Type.TEXT, "dmarc, spf, signature, bodyhash, revoked, adsp, unknown; several by comma"
        ),
        "auth_failure_raw": _maybe(Type.TEXT, "as sent, where one is unknown"),
        "identity_alignment": _maybe(Type.TEXT, "spf, dkim or none (RFC 9991)"),
        "delivery_result": _maybe(Type.TEXT, "delivered, spam, policy, reject, other"),
        "incidents": _always(Type.INTEGER, "how many messages it stands for"),
        "dkim_domain": _maybe(Type.TEXT, "d= of the signature"),
        "dkim_selector": _maybe(Type.TEXT, "s= of the signature"),
        "dkim_identity": _maybe(Type.TEXT, "i= of the signature; masked by setting"),
        "spf_dns": _maybe(Type.TEXT, "SPF records as found, one a line"),
        "authentication_results": _maybe(Type.TEXT, "as sent; masked by setting"),
        "original_mail_from": _maybe(Type.TEXT, "return path; masked by setting"),
        "original_rcpt_to": _maybe(Type.TEXT, "recipients; masked by setting"),
        "original_envelope_id": _maybe(Type.TEXT, "as sent"),
        "reporting_mta": _maybe(Type.TEXT, "the reporter's mail server"),
        "user_agent": _maybe(Type.TEXT, "software that made the report"),
        "headers": _maybe(Type.TEXT, "the message's header section; masked, or left out, by setting"),
        "ingested_at": _INGESTED_AT,
    },
    day=None,
    shown=False,  # header sections of real mail
)

VIEWS: Mapping[str, View] = {
    "records_flat": _RECORDS_FLAT,
    "sources": _SOURCES,
    "source_days": _SOURCE_DAYS,
    "domain_days": _DOMAIN_DAYS,
    "failing_sources": _FAILING_SOURCES,
    "new_sources": _NEW_SOURCES,
    "addresses": _ADDRESSES,
    "reports": _REPORTS,
    "reporter_quality": _REPORTER_QUALITY,
    "ingest_health": _INGEST_HEALTH,
    "signatures": _SIGNATURES,
    "spf_checks": _SPF_CHECKS,
    "overrides": _OVERRIDES,
    "tls_days": _TLS_DAYS,
    "failure_messages": _FAILURE_MESSAGES,
}
"""Name -> view: those that answer most first."""
