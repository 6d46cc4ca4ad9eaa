"""The first tables, and records_flat.

Everything is written out, nothing taken from store: a migration must do the same for ever.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import INET

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
ADDRESS = sa.String().with_variant(INET(), "postgresql")
TABLES = (
    "domain_day_rollup",
    "mailbox_state",
    "message",
    "network",
    "source_day_rollup",
    "source_seen",
    "summary_delivery",
    "message_raw",
    "report",
    "source",
    "deviation",
    "record",
    "record_dkim",
    "record_reason",
    "record_spf",
    "report_xml",
)

RECORDS_FLAT_COMMENT = "Everything about a record in one row; only counted reports"

RECORDS_FLAT = """
CREATE VIEW records_flat AS
SELECT report.id AS report_key,
       report.reporter,
       report.report_id,
       report.policy_domain,
       report.begins_at,
       report.ends_at,
       report.day,
       report.p,
       report.sp,
       report.np,
       report.adkim,
       report.aspf,
       report.pct,
       report.testing,
       report.dialect,
       report.whole,
       report.ingested_at,
       record.ordinal,
       record.source_ip,
       record.messages,
       record.disposition,
       record.dkim,
       record.spf,
       record.dmarc_pass,
       record.header_from,
       record.envelope_from,
       record.envelope_to,
       record.null_path,
       {dkim_results} AS dkim_results,
       {spf_results} AS spf_results,
       {reasons} AS reasons
FROM report
JOIN record ON record.report_key = report.id
WHERE report.counted
"""

JOINED = {
    "postgresql": """(
           SELECT string_agg({text}, '; ' ORDER BY position) FROM {table} AS it
           WHERE it.report_key = record.report_key AND it.ordinal = record.ordinal
       )""",
    # SQLite orders within an aggregate only from 3.44 on; it keeps the order of a subquery
    "sqlite": """(
           SELECT group_concat(line, '; ') FROM (
               SELECT {text} AS line FROM {table} AS it
               WHERE it.report_key = record.report_key AND it.ordinal = record.ordinal ORDER BY position
           )
       )""",
}
DKIM_TEXT = "coalesce(it.domain, '') || coalesce('/' || it.selector, '') || '=' || coalesce(it.result, '')"
SPF_TEXT = "coalesce(it.scope || ':', '') || coalesce(it.domain, '') || '=' || coalesce(it.result, '')"
REASON_TEXT = "coalesce(it.type, '') || coalesce(': ' || it.comment, '')"


def records_flat(dialect: str) -> str:
    joined = JOINED[dialect]
    return RECORDS_FLAT.format(
        dkim_results=joined.format(text=DKIM_TEXT, table="record_dkim"),
        spf_results=joined.format(text=SPF_TEXT, table="record_spf"),
        reasons=joined.format(text=REASON_TEXT, table="record_reason"),
    )


def upgrade() -> None:
    op.create_table(
        "domain_day_rollup",
        sa.Column(
            "policy_domain",
            sa.Text(),
            autoincrement=False,
            nullable=False,
            comment="empty text where the report has none",
        ),
        sa.Column("day", sa.Date(), autoincrement=False, nullable=False, comment="report.day"),
        sa.Column(
            "disposition", sa.Text(), autoincrement=False, nullable=False, comment="empty text where absent"
        ),
        sa.Column("dkim", sa.Text(), autoincrement=False, nullable=False, comment="empty text where absent"),
        sa.Column("spf", sa.Text(), autoincrement=False, nullable=False, comment="empty text where absent"),
        sa.Column("messages", sa.BigInteger(), nullable=False, comment="sum"),
        sa.Column("records", sa.BigInteger(), nullable=False, comment="number"),
        sa.PrimaryKeyConstraint(
            "policy_domain", "day", "disposition", "dkim", "spf", name=op.f("pk_domain_day_rollup")
        ),
        comment="Messages a day, by policy domain and result; kept by the writer, exact at every commit",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "mailbox_state",
        sa.Column(
            "source",
            sa.Text(),
            autoincrement=False,
            nullable=False,
            comment="name of the mailbox in the settings",
        ),
        sa.Column("folder", sa.Text(), autoincrement=False, nullable=False, comment="folder"),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False, comment="IMAP UIDVALIDITY; 0 elsewhere"),
        sa.Column(
            "last_uid",
            sa.BigInteger(),
            nullable=False,
            comment="every message up to this UID has its outcome",
        ),
        sa.Column("last_poll_at", MOMENT, nullable=True, comment="end of the last poll that went through"),
        sa.Column(
            "last_error",
            sa.Text(),
            nullable=True,
            comment="what stopped the last poll; empty when it went through",
        ),
        sa.Column("last_error_at", MOMENT, nullable=True, comment="when"),
        sa.PrimaryKeyConstraint("source", "folder", name=op.f("pk_mailbox_state")),
        comment="How far each folder of each mailbox was read",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "message",
        sa.Column("id", KEY, autoincrement=False, nullable=False, comment="key"),
        sa.Column(
            "source", sa.Text(), nullable=False, comment="name of the mailbox in the settings, or 'file'"
        ),
        sa.Column("folder", sa.Text(), nullable=False, comment="folder of the mailbox, or of the file"),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False, comment="IMAP UIDVALIDITY; 0 elsewhere"),
        sa.Column("uid", sa.Text(), nullable=False, comment="IMAP UID, Maildir key or file name"),
        sa.Column(
            "sha256",
            sa.String(length=64),
            nullable=False,
            comment="of the bytes, in hex; empty where they were not fetched",
        ),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="bytes"),
        sa.Column("message_id", sa.Text(), nullable=True, comment="Message-ID field"),
        sa.Column("sender", sa.Text(), nullable=True, comment="From field"),
        sa.Column("subject", sa.Text(), nullable=True, comment="Subject field"),
        sa.Column(
            "received_at",
            MOMENT,
            nullable=True,
            comment="when the receiving server took it, by its Received field",
        ),
        sa.Column(
            "outcome",
            sa.Text(),
            nullable=False,
            comment="stored, partial, duplicate, conflict, not_a_report, unsupported, corrupt, refused, retry",
        ),
        sa.Column("reason", sa.Text(), nullable=True, comment="why, in one line"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="how often it was read"),
        sa.Column("first_seen_at", MOMENT, nullable=False, comment="when it was first read"),
        sa.Column("decided_at", MOMENT, nullable=False, comment="when it got this outcome"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint(
            "source",
            "folder",
            "uidvalidity",
            "uid",
            "sha256",
            name=op.f("uq_message_source_folder_uidvalidity_uid_sha256"),
        ),
        comment="The ledger: one mail or file that was seen, and what became of it",
        sqlite_with_rowid=True,
    )
    op.create_index(op.f("ix_message_outcome"), "message", ["outcome"], unique=False)

    op.create_table(
        "network",
        sa.Column("id", KEY, autoincrement=False, nullable=False, comment="key"),
        sa.Column(
            "first_address",
            sa.LargeBinary(length=16),
            nullable=False,
            comment="lowest address, 16 bytes, IPv4 as ::ffff:0:0/96",
        ),
        sa.Column(
            "last_address", sa.LargeBinary(length=16), nullable=False, comment="highest address, 16 bytes"
        ),
        sa.Column("handle", sa.Text(), nullable=True, comment="RDAP handle"),
        sa.Column("name", sa.Text(), nullable=True, comment="RDAP name"),
        sa.Column("owner", sa.Text(), nullable=True, comment="registrant"),
        sa.Column("country", sa.Text(), nullable=True, comment="as registered; not a location"),
        sa.Column("registry", sa.Text(), nullable=True, comment="arin, ripencc, apnic, lacnic, afrinic"),
        sa.Column("asn", sa.BigInteger(), nullable=True, comment="origin autonomous system"),
        sa.Column("fetched_at", MOMENT, nullable=False, comment="when the registry answered"),
        sa.Column("good_until", MOMENT, nullable=False, comment="when it is asked again"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network")),
        comment="One network as registered",
        sqlite_with_rowid=True,
    )
    op.create_index(op.f("ix_network_first_address"), "network", ["first_address"], unique=False)

    op.create_table(
        "source_day_rollup",
        sa.Column(
            "policy_domain",
            sa.Text(),
            autoincrement=False,
            nullable=False,
            comment="empty text where the report has none",
        ),
        sa.Column("day", sa.Date(), autoincrement=False, nullable=False, comment="report.day"),
        sa.Column("source_ip", ADDRESS, autoincrement=False, nullable=False, comment="sending address"),
        sa.Column(
            "header_from", sa.Text(), autoincrement=False, nullable=False, comment="empty text where absent"
        ),
        sa.Column(
            "disposition", sa.Text(), autoincrement=False, nullable=False, comment="empty text where absent"
        ),
        sa.Column("dkim", sa.Text(), autoincrement=False, nullable=False, comment="empty text where absent"),
        sa.Column("spf", sa.Text(), autoincrement=False, nullable=False, comment="empty text where absent"),
        sa.Column("messages", sa.BigInteger(), nullable=False, comment="sum"),
        sa.Column("records", sa.BigInteger(), nullable=False, comment="number"),
        sa.PrimaryKeyConstraint(
            "policy_domain",
            "day",
            "source_ip",
            "header_from",
            "disposition",
            "dkim",
            "spf",
            name=op.f("pk_source_day_rollup"),
        ),
        comment="Messages a day, by policy domain, author domain, sending address and result; records without address left out",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "source_seen",
        sa.Column(
            "policy_domain",
            sa.Text(),
            autoincrement=False,
            nullable=False,
            comment="empty text where the report has none",
        ),
        sa.Column("source_ip", ADDRESS, autoincrement=False, nullable=False, comment="sending address"),
        sa.Column("first_day", sa.Date(), nullable=False, comment="earliest report.day"),
        sa.Column("last_day", sa.Date(), nullable=False, comment="latest report.day"),
        sa.PrimaryKeyConstraint("policy_domain", "source_ip", name=op.f("pk_source_seen")),
        comment="First and last day of each sending address for each policy domain",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "summary_delivery",
        sa.Column("id", KEY, autoincrement=False, nullable=False, comment="key"),
        sa.Column("recipient", sa.Text(), nullable=False, comment="mail address"),
        sa.Column("period_begins_at", MOMENT, nullable=False, comment="reports ingested from then"),
        sa.Column("period_ends_at", MOMENT, nullable=False, comment="until then"),
        sa.Column(
            "message_id", sa.Text(), nullable=False, comment="Message-ID of the letter, the same at every try"
        ),
        sa.Column("claimed_at", MOMENT, nullable=False, comment="when it was claimed"),
        sa.Column("sent_at", MOMENT, nullable=True, comment="when the mail server took it"),
        sa.Column("error", sa.Text(), nullable=True, comment="why it did not, the last time"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_summary_delivery")),
        sa.UniqueConstraint(
            "recipient", "period_begins_at", name=op.f("uq_summary_delivery_recipient_period_begins_at")
        ),
        comment="Which letter went to whom for which period; claimed before it is sent",
        sqlite_with_rowid=True,
    )
    op.create_table(
        "message_raw",
        sa.Column("message_key", KEY, autoincrement=False, nullable=False, comment="the message"),
        sa.Column("packing", sa.Text(), nullable=False, comment="how data is compressed: zlib"),
        sa.Column("data", sa.LargeBinary(), nullable=False, comment="the message, compressed"),
        sa.ForeignKeyConstraint(
            ["message_key"],
            ["message.id"],
            name=op.f("fk_message_raw_message_key"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("message_key", name=op.f("pk_message_raw")),
        comment="The bytes of messages that are kept for another try",
        sqlite_with_rowid=True,
    )
    op.create_table(
        "report",
        sa.Column("id", KEY, autoincrement=False, nullable=False, comment="key"),
        sa.Column("message_key", KEY, autoincrement=False, nullable=False, comment="the message"),
        sa.Column(
            "identity",
            sa.String(length=64),
            nullable=False,
            comment="SHA-256 of reporter, report_id, policy_domain, begin and end, in hex",
        ),
        sa.Column("reporter", sa.Text(), nullable=True, comment="org_name"),
        sa.Column(
            "report_id", sa.Text(), nullable=True, comment="the reporter's identifier, without angle brackets"
        ),
        sa.Column(
            "policy_domain", sa.Text(), nullable=True, comment="domain whose policy was applied, lower case"
        ),
        sa.Column("begins_at", MOMENT, nullable=True, comment="start of the reported period"),
        sa.Column("ends_at", MOMENT, nullable=True, comment="end of the reported period"),
        sa.Column(
            "day",
            sa.Date(),
            nullable=False,
            comment="UTC day it begins on (else ends, else was ingested): the day of the rollups",
        ),
        sa.Column("email", sa.Text(), nullable=True, comment="the reporter's address"),
        sa.Column("extra_contact_info", sa.Text(), nullable=True, comment="as sent"),
        sa.Column("dialect", sa.Text(), nullable=False, comment="rfc7489 or rfc9990"),
        sa.Column("version", sa.Text(), nullable=True, comment="as sent"),
        sa.Column("generator", sa.Text(), nullable=True, comment="software that made the report (RFC 9990)"),
        sa.Column(
            "p", sa.Text(), nullable=True, comment="published policy: none, quarantine, reject, unknown"
        ),
        sa.Column("sp", sa.Text(), nullable=True, comment="published policy for subdomains"),
        sa.Column(
            "np",
            sa.Text(),
            nullable=True,
            comment="published policy for subdomains that do not exist (RFC 9990)",
        ),
        sa.Column("adkim", sa.Text(), nullable=True, comment="published DKIM alignment: r or s"),
        sa.Column("aspf", sa.Text(), nullable=True, comment="published SPF alignment: r or s"),
        sa.Column("pct", sa.SmallInteger(), nullable=True, comment="published percentage (RFC 7489)"),
        sa.Column("fo", sa.Text(), nullable=True, comment="published failure reporting options"),
        sa.Column("testing", sa.Text(), nullable=True, comment="published t tag: y or n (RFC 9990)"),
        sa.Column("discovery_method", sa.Text(), nullable=True, comment="psl or treewalk (RFC 9990)"),
        sa.Column("errors", sa.Text(), nullable=True, comment="error elements, one a line"),
        sa.Column("xml_sha256", sa.String(length=64), nullable=False, comment="SHA-256 of the XML, in hex"),
        sa.Column("xml_bytes", sa.BigInteger(), nullable=False, comment="size of the XML"),
        sa.Column("records", sa.BigInteger(), nullable=False, comment="number of records"),
        sa.Column("messages", sa.BigInteger(), nullable=False, comment="sum of their messages"),
        sa.Column(
            "counted",
            sa.Boolean(),
            nullable=False,
            comment="false for a second report with a known identity and other content",
        ),
        sa.Column("whole", sa.Boolean(), nullable=False, comment="false where only part of it could be read"),
        sa.Column("ingested_at", MOMENT, nullable=False, comment="when it was stored"),
        sa.ForeignKeyConstraint(
            ["message_key"],
            ["message.id"],
            name=op.f("fk_report_message_key"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
        sa.UniqueConstraint("xml_sha256", name=op.f("uq_report_xml_sha256")),
        comment="One aggregate report",
        sqlite_with_rowid=True,
    )
    op.create_index(op.f("ix_report_ingested_at"), "report", ["ingested_at"], unique=False)
    op.create_index(op.f("ix_report_message_key"), "report", ["message_key"], unique=False)
    op.create_index(
        op.f("ix_report_policy_domain_begins_at"), "report", ["policy_domain", "begins_at"], unique=False
    )
    op.create_index(
        "uq_report_identity_counted",
        "report",
        ["identity"],
        unique=True,
        postgresql_where=sa.text("counted"),
        sqlite_where=sa.text("counted"),
    )

    op.create_table(
        "source",
        sa.Column("source_ip", ADDRESS, autoincrement=False, nullable=False, comment="sending address"),
        sa.Column("network_key", KEY, nullable=True, comment="its network, once looked up"),
        sa.Column("name", sa.Text(), nullable=True, comment="PTR"),
        sa.Column("service", sa.Text(), nullable=True, comment="the service behind it"),
        sa.Column("first_day", sa.Date(), nullable=True, comment="first seen"),
        sa.Column("last_day", sa.Date(), nullable=True, comment="last seen"),
        sa.Column("state", sa.Text(), nullable=False, comment="waiting, found, not_found, reserved, error"),
        sa.Column("next_try_at", MOMENT, nullable=True, comment="when it is looked up again"),
        sa.ForeignKeyConstraint(["network_key"], ["network.id"], name=op.f("fk_source_network_key")),
        sa.PrimaryKeyConstraint("source_ip", name=op.f("pk_source")),
        comment="One sending address and who it belongs to",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_source_network_key"), "source", ["network_key"], unique=False)
    op.create_index(op.f("ix_source_state_next_try_at"), "source", ["state", "next_try_at"], unique=False)

    op.create_table(
        "deviation",
        sa.Column("message_key", KEY, autoincrement=False, nullable=False, comment="the message"),
        sa.Column(
            "position",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="position among the message's deviations, from 0",
        ),
        sa.Column(
            "report_key", KEY, nullable=True, comment="the report; empty for an attachment that was not taken"
        ),
        sa.Column("code", sa.Text(), nullable=False, comment="stable code"),
        sa.Column(
            "place", sa.Text(), nullable=False, comment="path of the element, or name of the attachment"
        ),
        sa.Column("action", sa.Text(), nullable=False, comment="what was done about it"),
        sa.Column("raw", sa.Text(), nullable=True, comment="what stood there, the first time"),
        sa.Column("times", sa.BigInteger(), nullable=False, comment="how often"),
        sa.ForeignKeyConstraint(
            ["message_key"],
            ["message.id"],
            name=op.f("fk_deviation_message_key"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["report_key"], ["report.id"], name=op.f("fk_deviation_report_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_key", "position", name=op.f("pk_deviation")),
        comment="How a report departs from the standard, or which attachment of a message was not taken",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_deviation_code"), "deviation", ["code"], unique=False)
    op.create_index(op.f("ix_deviation_report_key"), "deviation", ["report_key"], unique=False)

    op.create_table(
        "record",
        sa.Column("report_key", KEY, autoincrement=False, nullable=False, comment="the report"),
        sa.Column(
            "ordinal",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="position in the report, from 0",
        ),
        sa.Column(
            "source_ip",
            ADDRESS,
            nullable=True,
            comment="sending address; empty where the report's text is none",
        ),
        sa.Column("messages", sa.BigInteger(), nullable=False, comment="count"),
        sa.Column(
            "disposition",
            sa.Text(),
            nullable=True,
            comment="what the receiver did: none, pass, quarantine, reject, unknown",
        ),
        sa.Column("dkim", sa.Text(), nullable=True, comment="aligned DKIM as evaluated: pass, fail, unknown"),
        sa.Column("spf", sa.Text(), nullable=True, comment="aligned SPF as evaluated: pass, fail, unknown"),
        sa.Column("dmarc_pass", sa.Boolean(), nullable=False, comment="dkim or spf is pass"),
        sa.Column("header_from", sa.Text(), nullable=True, comment="author domain"),
        sa.Column("envelope_from", sa.Text(), nullable=True, comment="domain of the return path"),
        sa.Column("envelope_to", sa.Text(), nullable=True, comment="domain of the recipients"),
        sa.Column(
            "null_path",
            sa.Boolean(),
            nullable=True,
            comment="MAIL FROM:<>: a bounce or an automatic reply; empty where not reported",
        ),
        sa.Column(
            "disposition_raw", sa.Text(), nullable=True, comment="the token as sent, where it is another"
        ),
        sa.Column("dkim_raw", sa.Text(), nullable=True, comment="the token as sent, where it is another"),
        sa.Column("spf_raw", sa.Text(), nullable=True, comment="the token as sent, where it is another"),
        sa.ForeignKeyConstraint(
            ["report_key"], ["report.id"], name=op.f("fk_record_report_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("report_key", "ordinal", name=op.f("pk_record")),
        comment="One record of a report: messages with one source address, author domain and result",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_record_source_ip"), "record", ["source_ip"], unique=False)

    op.create_table(
        "record_dkim",
        sa.Column("report_key", KEY, autoincrement=False, nullable=False, comment="the report"),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False, comment="the record"),
        sa.Column(
            "position",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="position in the record, from 0",
        ),
        sa.Column("domain", sa.Text(), nullable=True, comment="d= of the signature"),
        sa.Column("selector", sa.Text(), nullable=True, comment="s= of the signature"),
        sa.Column(
            "result",
            sa.Text(),
            nullable=True,
            comment="none, pass, fail, policy, neutral, temperror, permerror, unknown",
        ),
        sa.Column("human_result", sa.Text(), nullable=True, comment="as sent"),
        sa.Column("result_raw", sa.Text(), nullable=True, comment="the token as sent, where it is another"),
        sa.ForeignKeyConstraint(
            ["report_key"], ["report.id"], name=op.f("fk_record_dkim_report_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("report_key", "ordinal", "position", name=op.f("pk_record_dkim")),
        comment="One DKIM signature as the receiver saw it",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "record_reason",
        sa.Column("report_key", KEY, autoincrement=False, nullable=False, comment="the report"),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False, comment="the record"),
        sa.Column(
            "position",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="position in the record, from 0",
        ),
        sa.Column(
            "type", sa.Text(), nullable=True, comment="forwarded, mailing_list, local_policy, …, unknown"
        ),
        sa.Column("comment", sa.Text(), nullable=True, comment="as sent"),
        sa.Column("type_raw", sa.Text(), nullable=True, comment="the token as sent, where it is another"),
        sa.ForeignKeyConstraint(
            ["report_key"], ["report.id"], name=op.f("fk_record_reason_report_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("report_key", "ordinal", "position", name=op.f("pk_record_reason")),
        comment="Why the disposition differs from the published policy",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "record_spf",
        sa.Column("report_key", KEY, autoincrement=False, nullable=False, comment="the report"),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False, comment="the record"),
        sa.Column(
            "position",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="position in the record, from 0",
        ),
        sa.Column("domain", sa.Text(), nullable=True, comment="domain that was checked"),
        sa.Column("scope", sa.Text(), nullable=True, comment="helo, mfrom, unknown"),
        sa.Column(
            "result",
            sa.Text(),
            nullable=True,
            comment="none, neutral, pass, fail, softfail, policy, temperror, permerror, unknown",
        ),
        sa.Column("human_result", sa.Text(), nullable=True, comment="as sent"),
        sa.Column("scope_raw", sa.Text(), nullable=True, comment="the token as sent, where it is another"),
        sa.Column("result_raw", sa.Text(), nullable=True, comment="the token as sent, where it is another"),
        sa.ForeignKeyConstraint(
            ["report_key"], ["report.id"], name=op.f("fk_record_spf_report_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("report_key", "ordinal", "position", name=op.f("pk_record_spf")),
        comment="One SPF check as the receiver made it",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "report_xml",
        sa.Column("report_key", KEY, autoincrement=False, nullable=False, comment="the report"),
        sa.Column(
            "packing", sa.Text(), nullable=False, comment="gzip, zlib or deflate (raw, from a zip archive)"
        ),
        sa.Column("data", sa.LargeBinary(), nullable=False, comment="the compressed XML"),
        sa.ForeignKeyConstraint(
            ["report_key"], ["report.id"], name=op.f("fk_report_xml_report_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("report_key", name=op.f("pk_report_xml")),
        comment="A report's XML, compressed as the reporter sent it, so that it can be parsed again",
        sqlite_with_rowid=True,
    )
    op.execute(records_flat(op.get_bind().dialect.name))
    if op.get_bind().dialect.name == "postgresql":
        # the blobs are compressed already: keep them aside, and do not try again
        op.execute("ALTER TABLE report_xml ALTER COLUMN data SET STORAGE EXTERNAL")
        op.execute("ALTER TABLE message_raw ALTER COLUMN data SET STORAGE EXTERNAL")
        op.execute(f"COMMENT ON VIEW records_flat IS '{RECORDS_FLAT_COMMENT}'")


def downgrade() -> None:
    op.execute("DROP VIEW records_flat")
    for table in reversed(TABLES):
        op.drop_table(table)
