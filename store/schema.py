"""The tables. alembic/versions makes them; `alembic check` holds the two together.

Keys are made by the client, under the one write lock, so that nothing waits for RETURNING: a record is
(report, ordinal), what hangs below it (report, ordinal, position). Tokens are text, never native enumerations: what a
reporter sends that nobody foresaw is stored as it came (`…_raw`), with the normalised value beside it.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
    literal_column,
    text,
)

from store.types import Address, Key, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


INDEXED: Final = 200
"""Characters of a stranger's text up to which it is found by an index: beyond 2,704 bytes PostgreSQL would refuse the row."""


def is_short(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Tell what an index has, in its very words: a query reaches it by saying the same."""
    return func.length(column) <= literal_column(str(INDEXED))


def _table(
    name: str, comment: str, *parts: Column[Any] | UniqueConstraint | Index, rowid: bool = False
) -> Table:
    """Define a table; on SQLite without a row id, so that a composite key is the table and no second index."""
    return Table(name, metadata, *parts, comment=comment, sqlite_with_rowid=rowid)


def _index_short(column: str, *columns: str) -> Index:
    """Index the rows in which a column with a stranger's text is short (`is_short`)."""
    where = text(f"length({column}) <= {INDEXED}")
    return Index(None, *columns, postgresql_where=where, sqlite_where=where)


def _key(name: str, parent: str, *, primary: bool = True) -> Column[int]:
    """Give a reference to a parent row; the ledger's row is written last, so that one is checked at the commit."""
    last = parent == "message"
    return Column(
        name,
        Key,
        ForeignKey(
            f"{parent}.id",
            ondelete="CASCADE",
            deferrable=last or None,
            initially="DEFERRED" if last else None,
        ),
        primary_key=primary,
        nullable=False,
        autoincrement=False,
        comment=f"the {parent}",
    )


def _required(name: str, kind: Any, comment: str, **more: Any) -> Column[Any]:  # noqa: ANN401 (SQLAlchemy's own)
    return Column(name, kind, nullable=False, comment=comment, **more)


def _optional(name: str, kind: Any, comment: str) -> Column[Any]:  # noqa: ANN401 (SQLAlchemy's own)
    return Column(name, kind, nullable=True, comment=comment)


def _part(name: str, kind: Any, comment: str) -> Column[Any]:  # noqa: ANN401 (SQLAlchemy's own)
    """Give one column of a composite key."""
    return Column(name, kind, primary_key=True, nullable=False, autoincrement=False, comment=comment)


message = _table(
    "message",
    "The ledger: one mail or file that was seen, and what became of it",
    Column("id", Key, primary_key=True, autoincrement=False, comment="key"),
    _required("source", Text, "name of the mailbox in the settings, or 'file'"),
    _required("folder", Text, "folder of the mailbox, or of the file"),
    _required("uidvalidity", BigInteger, "IMAP UIDVALIDITY; 0 elsewhere"),
    _required("uid", Text, "IMAP UID, Maildir key or file name"),
    _required("sha256", String(64), "of the bytes, in hex; empty where they were not fetched"),
    _required("size", BigInteger, "bytes"),
    _optional("message_id", Text, "Message-ID field"),
    _optional("sender", Text, "From field"),
    _optional("subject", Text, "Subject field"),
    _optional("received_at", UtcDateTime, "when the receiving server took it, by its Received field"),
    _required(
        "outcome",
        Text,
        "stored, partial, duplicate, conflict, not_a_report, unsupported, corrupt, refused, retry",
    ),
    _optional("reason", Text, "why, in one line"),
    _required("attempts", Integer, "how often it was read"),
    _required("first_seen_at", UtcDateTime, "when it was first read"),
    _required("decided_at", UtcDateTime, "when it got this outcome"),
    _optional(
        "from_domain", Text, "author domain of the mail, lower case; empty where it has none, or several"
    ),
    _optional(
        "dmarc", Text, "the trusted receiving server's DMARC verdict on the mail; empty where it gave none"
    ),
    UniqueConstraint("source", "folder", "uidvalidity", "uid", "sha256"),
    Index(None, "outcome"),
    Index(None, "decided_at"),
    rowid=True,
)

message_raw = _table(
    "message_raw",
    "The bytes of messages that are kept for another try",
    _key("message_key", "message"),
    _required("packing", Text, "how data is compressed: zlib"),
    _required("data", LargeBinary, "the message, compressed"),
    rowid=True,
)

report = _table(
    "report",
    "One aggregate report",
    Column("id", Key, primary_key=True, autoincrement=False, comment="key"),
    _key("message_key", "message", primary=False),
    _required("identity", String(64), "SHA-256 of reporter, report_id, policy_domain, begin and end, in hex"),
    _optional("reporter", Text, "org_name"),
    _optional("report_id", Text, "the reporter's identifier, without angle brackets"),
    _optional("policy_domain", Text, "domain whose policy was applied, lower case"),
    _optional("begins_at", UtcDateTime, "start of the reported period"),
    _optional("ends_at", UtcDateTime, "end of the reported period"),
    _required("day", Date, "UTC day it begins on (else ends, else was ingested): the day of the rollups"),
    _optional("email", Text, "the reporter's address"),
    _optional("extra_contact_info", Text, "as sent"),
    _required("dialect", Text, "rfc7489 or rfc9990"),
    _optional("version", Text, "as sent"),
    _optional("generator", Text, "software that made the report (RFC 9990)"),
    _optional("p", Text, "published policy: none, quarantine, reject, unknown"),
    _optional("sp", Text, "published policy for subdomains"),
    _optional("np", Text, "published policy for subdomains that do not exist (RFC 9990)"),
    _optional("adkim", Text, "published DKIM alignment: r or s"),
    _optional("aspf", Text, "published SPF alignment: r or s"),
    _optional("pct", SmallInteger, "published percentage (RFC 7489)"),
    _optional("fo", Text, "published failure reporting options"),
    _optional("testing", Text, "published t tag: y or n (RFC 9990)"),
    _optional("discovery_method", Text, "psl or treewalk (RFC 9990)"),
    _optional("errors", Text, "error elements, one a line"),
    _required("xml_sha256", String(64), "SHA-256 of the XML, in hex"),
    _required("xml_bytes", BigInteger, "size of the XML"),
    _required("records", BigInteger, "number of records"),
    _required("messages", BigInteger, "sum of their messages"),
    _required("counted", Boolean, "false for a second report with a known identity, and for a foreign one"),
    _required("whole", Boolean, "false where only the records before a damaged place could be read"),
    _required("ingested_at", UtcDateTime, "when it was stored"),
    _required("is_foreign", Boolean, "about a domain that is none of ours", server_default=false()),
    _optional(
        "sender_fits", Boolean, "the mail's author domain is the reporter's; empty where either is unknown"
    ),
    _optional(
        "decision",
        Text,
        "what a person decided of a conflict: left, replaced, replacing, added; empty: nothing yet",
    ),
    UniqueConstraint("xml_sha256"),
    Index(
        "uq_report_identity_counted",
        "identity",
        unique=True,
        postgresql_where=text("counted"),
        sqlite_where=text("counted"),
    ),
    Index(
        "ix_report_identity_uncounted",
        "identity",
        postgresql_where=text("NOT counted AND NOT is_foreign"),
        sqlite_where=text("NOT counted AND NOT is_foreign"),
    ),
    Index(None, "policy_domain", "day"),
    Index(None, "day"),
    _index_short("reporter", "reporter", "day"),
    Index(None, "message_key"),
    Index(None, "ingested_at"),
    rowid=True,
)

report_xml = _table(
    "report_xml",
    "A report's XML, compressed as the reporter sent it, so that it can be parsed again",
    _key("report_key", "report"),
    _required("packing", Text, "gzip, zlib or deflate (raw, from a zip archive)"),
    _required("data", LargeBinary, "the compressed XML"),
    rowid=True,
)

pruned_report = _table(
    "pruned_report",
    "What is still known of a report that was removed for its age: another copy of it is not counted again",
    Column("xml_sha256", String(64), primary_key=True, comment="SHA-256 of the XML, in hex"),
    _required("identity", String(64), "report.identity"),
    _required("counted", Boolean, "report.counted"),
    _required("pruned_at", UtcDateTime, "when its removal began"),
    Index(
        "uq_pruned_report_identity_counted",
        "identity",
        unique=True,
        postgresql_where=text("counted"),
        sqlite_where=text("counted"),
    ),
)

record = _table(
    "record",
    "One record of a report: messages with one source address, author domain and result",
    _key("report_key", "report"),
    _part("ordinal", Integer, "position in the report, from 0"),
    _optional("source_ip", Address, "sending address; empty where the report's text is none"),
    _required("messages", BigInteger, "count"),
    _optional("disposition", Text, "what the receiver did: none, pass, quarantine, reject, unknown"),
    _optional("dkim", Text, "aligned DKIM as evaluated: pass, fail, unknown"),
    _optional("spf", Text, "aligned SPF as evaluated: pass, fail, unknown"),
    _required("dmarc_pass", Boolean, "dkim or spf is pass"),
    _optional("header_from", Text, "author domain"),
    _optional("envelope_from", Text, "domain of the return path"),
    _optional("envelope_to", Text, "domain of the recipients"),
    _optional("null_path", Boolean, "MAIL FROM:<>: a bounce or an automatic reply; empty where not reported"),
    _optional("disposition_raw", Text, "the token as sent, where it is another"),
    _optional("dkim_raw", Text, "the token as sent, where it is another"),
    _optional("spf_raw", Text, "the token as sent, where it is another"),
    _optional(
        "dkim_recomputed", Text, "aligned DKIM by the listed results: pass, fail; empty: not computable"
    ),
    _optional("spf_recomputed", Text, "aligned SPF by the listed results: pass, fail; empty: not computable"),
    _optional("recomputed", Text, "against the reporter's evaluation: agrees, differs, not_computable"),
    Index(None, "source_ip"),
)

record_dkim = _table(
    "record_dkim",
    "One DKIM signature as the receiver saw it",
    _key("report_key", "report"),
    _part("ordinal", Integer, "the record"),
    _part("position", Integer, "position in the record, from 0"),
    _optional("domain", Text, "d= of the signature"),
    _optional("selector", Text, "s= of the signature"),
    _optional("result", Text, "none, pass, fail, policy, neutral, temperror, permerror, unknown"),
    _optional("human_result", Text, "as sent"),
    _optional("result_raw", Text, "the token as sent, where it is another"),
)

record_spf = _table(
    "record_spf",
    "One SPF check as the receiver made it",
    _key("report_key", "report"),
    _part("ordinal", Integer, "the record"),
    _part("position", Integer, "position in the record, from 0"),
    _optional("domain", Text, "domain that was checked"),
    _optional("scope", Text, "helo, mfrom, unknown"),
    _optional("result", Text, "none, neutral, pass, fail, softfail, policy, temperror, permerror, unknown"),
    _optional("human_result", Text, "as sent"),
    _optional("scope_raw", Text, "the token as sent, where it is another"),
    _optional("result_raw", Text, "the token as sent, where it is another"),
)

record_reason = _table(
    "record_reason",
    "Why the disposition differs from the published policy",
    _key("report_key", "report"),
    _part("ordinal", Integer, "the record"),
    _part("position", Integer, "position in the record, from 0"),
    _optional("type", Text, "forwarded, mailing_list, local_policy, …, unknown"),
    _optional("comment", Text, "as sent"),
    _optional("type_raw", Text, "the token as sent, where it is another"),
)

tls_report = _table(
    "tls_report",
    "One SMTP TLS report (RFC 8460)",
    Column("id", Key, primary_key=True, autoincrement=False, comment="key"),
    _key("message_key", "message", primary=False),
    _required(
        "identity", String(64), "SHA-256 of organization, report_id, period and policy domains, in hex"
    ),
    _required("json_sha256", String(64), "SHA-256 of the JSON, in hex"),
    _optional("organization", Text, "organization-name"),
    _optional("report_id", Text, "report-id"),
    _optional("contact", Text, "contact-info"),
    _optional("begins_at", UtcDateTime, "start of the reported period"),
    _optional("ends_at", UtcDateTime, "end of the reported period"),
    _required("day", Date, "UTC day it begins on (else ends, else was ingested)"),
    _required("is_foreign", Boolean, "about domains none of which is ours"),
    _required("counted", Boolean, "false for a second report with a known identity, and for a foreign one"),
    _required("ingested_at", UtcDateTime, "when it was stored"),
    UniqueConstraint("json_sha256"),
    Index(
        "uq_tls_report_identity_counted",
        "identity",
        unique=True,
        postgresql_where=text("counted"),
        sqlite_where=text("counted"),
    ),
    Index(None, "message_key"),
    Index(None, "ingested_at"),
    rowid=True,
)

tls_report_json = _table(
    "tls_report_json",
    "A TLS report's JSON, compressed as the reporter sent it, so that it can be parsed again",
    _key("tls_report_key", "tls_report"),
    _required("packing", Text, "gzip, zlib or deflate (raw, from a zip archive)"),
    _required("data", LargeBinary, "the compressed JSON"),
    rowid=True,
)

tls_policy = _table(
    "tls_policy",
    "One policy of a TLS report, and how many sessions kept it",
    _key("tls_report_key", "tls_report"),
    _part("position", Integer, "position in the report, from 0"),
    _optional("policy_type", Text, "tlsa, sts, no-policy-found, unknown"),
    _optional("policy_type_raw", Text, "the token as sent, where it is another"),
    _optional("policy_domain", Text, "domain of the policy, lower case"),
    _optional("policy_string", Text, "the policy as found, one string a line"),
    _optional("mx_host", Text, "mx-host patterns, one a line"),
    _required("successful_sessions", BigInteger, "total-successful-session-count"),
    _required("failed_sessions", BigInteger, "total-failure-session-count"),
    Index(None, "policy_domain"),
)

tls_failure = _table(
    "tls_failure",
    "One kind of failed sessions under a policy of a TLS report",
    _key("tls_report_key", "tls_report"),
    _part("position", Integer, "the policy"),
    _part("ordinal", Integer, "position in the policy, from 0"),
    _optional("result_type", Text, "certificate-expired, starttls-not-supported, …, unknown (RFC 8460 4.3)"),
    _optional("result_type_raw", Text, "the token as sent, where it is another"),
    _optional("sending_mta_ip", Address, "sending address"),
    _optional("receiving_mx_hostname", Text, "the mail exchanger's name"),
    _optional("receiving_mx_helo", Text, "the name it greeted with"),
    _optional("receiving_ip", Address, "the mail exchanger's address"),
    _required("failed_sessions", BigInteger, "failed-session-count"),
    _optional("reason_code", Text, "failure-reason-code"),
    _optional("additional_information", Text, "as sent"),
)

failure_report = _table(
    "failure_report",
    "One failure report about one message (RFC 6591, RFC 9991): its fields and that message's header, never its body",
    Column("id", Key, primary_key=True, autoincrement=False, comment="key"),
    _key("message_key", "message", primary=False),
    _required("content_sha256", String(64), "SHA-256 of what was reported, before masking, in hex"),
    _optional("feedback_type", Text, "auth-failure, abuse, …"),
    _optional("user_agent", Text, "software that made the report"),
    _optional("version", Text, "as sent"),
    _optional("source_ip", Address, "sending address"),
    _optional("reported_domain", Text, "lower case"),
    _optional("arrival_at", UtcDateTime, "when the message arrived at the reporter"),
    _optional(
        "auth_failure", Text, "dmarc, spf, signature, bodyhash, revoked, adsp, unknown; several by comma"
    ),
    _optional("auth_failure_raw", Text, "as sent, where one is unknown"),
    _optional("identity_alignment", Text, "spf, dkim or none (RFC 9991)"),
    _optional("delivery_result", Text, "delivered, spam, policy, reject, other"),
    _optional("reporting_mta", Text, "the reporter's mail server"),
    _optional("original_envelope_id", Text, "as sent"),
    _optional("original_mail_from", Text, "return path; masked by setting"),
    _optional("original_rcpt_to", Text, "recipients; masked by setting"),
    _optional("authentication_results", Text, "as sent; masked by setting"),
    _optional("dkim_domain", Text, "d= of the signature"),
    _optional("dkim_selector", Text, "s= of the signature"),
    _optional("dkim_identity", Text, "i= of the signature; masked by setting"),
    _optional("spf_dns", Text, "SPF records as found, one a line"),
    _optional("header_from", Text, "author domain of the message, lower case"),
    _required("incidents", BigInteger, "how many messages it stands for"),
    _optional("headers", Text, "the message's header section; masked, or left out, by setting"),
    _required("is_foreign", Boolean, "about a domain that is none of ours"),
    _required("ingested_at", UtcDateTime, "when it was stored"),
    UniqueConstraint("content_sha256"),
    Index(None, "message_key"),
    Index(None, "reported_domain", "arrival_at"),
    Index(None, "ingested_at"),
    rowid=True,
)

deviation = _table(
    "deviation",
    "How a report departs from the standard, or which attachment of a message was not taken",
    _key("message_key", "message"),
    _part("position", Integer, "position among the message's deviations, from 0"),
    Column(
        "report_key",
        Key,
        ForeignKey("report.id", ondelete="CASCADE"),
        comment="the report; empty for an attachment that was not taken",
    ),
    _required("code", Text, "stable code"),
    _required("place", Text, "path of the element, or name of the attachment"),
    _required("action", Text, "what was done about it"),
    _optional("raw", Text, "what stood there, the first time"),
    _required("times", BigInteger, "how often"),
    Index(None, "report_key"),
    Index(None, "code"),
)

domain_day_rollup = _table(
    "domain_day_rollup",
    "Messages a day, by policy domain and result; kept by the writer, exact at every commit",
    _part("policy_domain", Text, "empty text where the report has none"),
    _part("day", Date, "report.day"),
    _part("disposition", Text, "empty text where absent"),
    _part("dkim", Text, "empty text where absent"),
    _part("spf", Text, "empty text where absent"),
    _required("messages", BigInteger, "sum"),
    _required("records", BigInteger, "number"),
)

source_day_rollup = _table(
    "source_day_rollup",
    "Messages a day, by policy domain, author domain, sending address and result; records without address left out",
    _part("policy_domain", Text, "empty text where the report has none"),
    _part("day", Date, "report.day"),
    _part("source_ip", Address, "sending address"),
    _part("header_from", Text, "empty text where absent"),
    _part("disposition", Text, "empty text where absent"),
    _part("dkim", Text, "empty text where absent"),
    _part("spf", Text, "empty text where absent"),
    _required("messages", BigInteger, "sum"),
    _required("records", BigInteger, "number"),
)

source_seen = _table(
    "source_seen",
    "First and last day of each sending address for each policy domain",
    _part("policy_domain", Text, "empty text where the report has none"),
    _part("source_ip", Address, "sending address"),
    _required("first_day", Date, "earliest report.day"),
    _required("last_day", Date, "latest report.day"),
)

network = _table(
    "network",
    "One network as registered, or one that no registry knows",
    Column("id", Key, primary_key=True, autoincrement=False, comment="key"),
    _required("first_address", LargeBinary(16), "lowest address, 16 bytes, IPv4 as ::ffff:0:0/96"),
    _required("last_address", LargeBinary(16), "highest address, 16 bytes"),
    _optional("handle", Text, "RDAP handle"),
    _optional("name", Text, "RDAP name"),
    _optional("owner", Text, "registrant"),
    _optional("country", Text, "as registered; not a location"),
    _optional("registry", Text, "arin, ripencc, apnic, lacnic, afrinic; empty: from an MMDB file"),
    _optional("asn", BigInteger, "origin autonomous system"),
    _optional("as_name", Text, "its name, from an MMDB file"),
    _optional("registered", Text, "the registered range, of which this is a part: first - last"),
    _required("state", Text, "found, not_found", server_default="found"),
    _required("fetched_at", UtcDateTime, "when the registry answered"),
    _required("good_until", UtcDateTime, "when it is asked again"),
    Index(None, "first_address"),
    rowid=True,
)

source = _table(
    "source",
    "One sending address and who it belongs to",
    _part("source_ip", Address, "sending address"),
    Column("network_key", Key, ForeignKey("network.id"), comment="its network, once looked up"),
    _optional("name", Text, "PTR"),
    _optional("service", Text, "the service behind it: key in the catalogue"),
    _optional("first_day", Date, "first seen"),
    _optional("last_day", Date, "last seen"),
    _required("state", Text, "waiting, found, not_found, reserved, error"),
    _optional("next_try_at", UtcDateTime, "when it is looked up again"),
    _required(
        "failures", Integer, "look-ups that failed since the last one that did not", server_default="0"
    ),
    _optional("error", Text, "why the last look-up failed; empty when it did not"),
    _optional("name_confirmed", Boolean, "the name has this address among its own; empty: no name"),
    _optional("name_next_try_at", UtcDateTime, "when its name is asked for again; empty: never was"),
    _required("name_failures", Integer, "as failures, for the name", server_default="0"),
    _optional("service_evidence", Text, "what shows the service: kind, and what was found"),
    Index(None, "network_key"),
    Index(None, "state", "next_try_at"),
)

registry = _table(
    "registry",
    "Whom look-ups ask: the registries, and the name servers",
    _part("name", Text, "arin, ripencc, apnic, lacnic, afrinic, bootstrap, origin, names"),
    _required("queries", BigInteger, "asked so far"),
    _required("failures", Integer, "in a row, up to now"),
    _optional("closed_until", UtcDateTime, "not asked before then"),
    _optional("last_error", Text, "why it is not; empty when the last answer was good"),
    _optional("last_error_at", UtcDateTime, "when"),
)

source_verdict = _table(
    "source_verdict",
    "What a sending address is to a policy domain, over the 30 days up to the last report",
    _part("policy_domain", Text, "policy domain"),
    _part("source_ip", Address, "sending address"),
    _part("verdict", Text, "passing, fragile, failing_own, bounces, forwarded, recipient_gateway, unknown"),
    _optional("service", Text, "the service behind it, as judged for this domain: key in the catalogue"),
    _required("who", Text, "the service's name, else the owner, else the name, else the address"),
    _required("messages", BigInteger, "of this verdict in the period"),
    _required("failing", BigInteger, "of them, those that fail DMARC"),
    _required("reason", Text, "why, in one sentence"),
    _optional("next_step", Text, "what to do about it; empty: nothing"),
    _required("evidence", Text, "identifiers that were seen, one a line"),
    _required("first_day", Date, "first of the period on which it was seen"),
    _required("last_day", Date, "last of the period on which it was seen"),
    _required("judged_at", UtcDateTime, "when"),
    Index(None, "source_ip"),
    _index_short("who", "policy_domain", "who"),
)

domain_standing = _table(
    "domain_standing",
    "How a policy domain stands, as it was judged last: what pages show without judging anything",
    _part("policy_domain", Text, "policy domain"),
    _required("judged_at", UtcDateTime, "when"),
    _required("last_day", Date, "the last day that was reported: the periods that were judged end on it"),
    _required("level", Text, "act, look, well"),
    _required("sentence", Text, "the verdict over the 30 days, in one sentence"),
    _optional("p", Text, "published policy: none, quarantine, reject, unknown"),
    _optional("testing", Text, "published t tag: y or n (RFC 9989)"),
    _required("content", LargeBinary, "what was judged of all periods, as JSON, compressed by zlib"),
    rowid=True,
)

domain_standing_period = _table(
    "domain_standing_period",
    "What was judged of a policy domain's sources in one of the periods up to the last day",
    _part("policy_domain", Text, "policy domain"),
    _part("days", SmallInteger, "7, 30, 90"),
    _required("content", LargeBinary, "its sources and selectors, as JSON, compressed by zlib"),
    rowid=True,
)

mailbox_state = _table(
    "mailbox_state",
    "How far each folder of each mailbox was read",
    _part("source", Text, "name of the mailbox in the settings"),
    _part("folder", Text, "folder"),
    _required("uidvalidity", BigInteger, "IMAP UIDVALIDITY; 0 elsewhere"),
    _required("last_uid", BigInteger, "every message up to this UID has its outcome"),
    _optional("last_poll_at", UtcDateTime, "end of the last poll that went through"),
    _optional("last_error", Text, "what stopped the last poll; empty when it went through"),
    _optional("last_error_at", UtcDateTime, "when"),
    _optional("waiting", BigInteger, "messages without an outcome when it was last looked at"),
    _optional("oldest_waiting_at", UtcDateTime, "when the oldest of those arrived"),
)

summary_delivery = _table(
    "summary_delivery",
    "Which letter or alert went to whom for which period; claimed before it is sent",
    Column("id", Key, primary_key=True, autoincrement=False, comment="key"),
    _required("kind", Text, "daily, weekly, alert"),
    _required("channel", Text, "mail, webhook"),
    _required("recipient", Text, "mail address, or name of the webhook"),
    _required("topic", Text, "the domain, or 'all'; of an alert its cause"),
    _required("period_begins_at", UtcDateTime, "reports ingested after then; of an alert the day"),
    _required("period_ends_at", UtcDateTime, "until then"),
    _required("message_id", Text, "Message-ID of the letter, the same at every try"),
    _required("subject", Text, "its subject"),
    _required(
        "content",
        LargeBinary,
        "as it is sent, the same at every try, compressed by zlib; empty once it was sent",
    ),
    _required("claimed_at", UtcDateTime, "when it was claimed"),
    _required("attempts", Integer, "how often it was tried"),
    _optional("next_try_at", UtcDateTime, "when it is tried next; empty: it was sent, or given up"),
    _optional("sent_at", UtcDateTime, "when the mail server took it"),
    _optional("error", Text, "why it did not, the last time"),
    UniqueConstraint("recipient", "channel", "kind", "topic", "period_begins_at"),
    Index(None, "next_try_at"),
    rowid=True,
)

reparse_run = _table(
    "reparse_run",
    "A run that reads every kept XML again, how far it came and what it changed",
    Column("id", Key, primary_key=True, autoincrement=False, comment="key"),
    _required("version", Text, "the ruamill that reads"),
    _required("started_at", UtcDateTime, "when it began"),
    _optional(
        "finished_at", UtcDateTime, "when it was done; empty: it goes on with the next `ruamill reparse`"
    ),
    _required("last_key", BigInteger, "every report up to this report.id was read"),
    _required("end_key", BigInteger, "the newest report.id when it began"),
    _required("reports", BigInteger, "read so far"),
    _required("changed", BigInteger, "of them, those whose rows were rebuilt"),
    _required("unreadable", BigInteger, "of them, those that could not be read; their rows stay"),
    _required("changes", Text, "what changed, as JSON: table.column -> number of rows"),
    rowid=True,
)
