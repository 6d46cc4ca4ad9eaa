"""Other reports, genuineness, alignment recomputed; and the views over them.

Tables are altered in place, never copied: a copy on SQLite would drop what hangs below them.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import INET

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
ADDRESS = sa.String().with_variant(INET(), "postgresql")
TABLES = ("tls_report_json", "tls_policy", "tls_failure", "tls_report", "failure_report")
COLUMNS = (
    ("message", "from_domain"),
    ("message", "dmarc"),
    ("record", "dkim_recomputed"),
    ("record", "spf_recomputed"),
    ("record", "recomputed"),
    ("report", "is_foreign"),
    ("report", "sender_fits"),
)
COMMENTS = {
    ("report", "counted"): (
        "false for a second report with a known identity and other content",
        "false for a second report with a known identity, and for a foreign one",
    ),
    ("report", "whole"): (
        "false where only part of it could be read",
        "false where only the records before a damaged place could be read",
    ),
}
"""Column -> comment before, comment after."""

RECOMPUTED = """record.null_path,
       record.dkim_recomputed,
       record.spf_recomputed,
       record.recomputed,"""

DIALECTS = {
    "postgresql": {
        "day": "CAST(message.decided_at AT TIME ZONE 'UTC' AS date)",
        "hours": "extract(epoch FROM message.received_at - report.ends_at) / 3600",
        "codes": "string_agg(code, ', ' ORDER BY code)",
    },
    "sqlite": {
        "day": "date(message.decided_at)",
        "hours": "(julianday(message.received_at) - julianday(report.ends_at)) * 24",
        "codes": "group_concat(code, ', ')",
    },
}

OUTCOMES = (
    *("stored", "partial", "duplicate", "conflict", "not_a_report"),
    *("unsupported", "corrupt", "refused", "retry"),
)
INGEST_HEALTH = """
CREATE VIEW ingest_health AS
SELECT {day} AS day,
       message.source,
       count(*) AS messages,
       {outcomes},
       CAST(coalesce(sum(found.reports), 0) AS bigint) AS reports,
       CAST(coalesce(sum(found.not_counted), 0) AS bigint) AS reports_not_counted,
       CAST(coalesce(sum(found.is_foreign), 0) AS bigint) AS reports_foreign,
       CAST(coalesce(sum(found.damaged), 0) AS bigint) AS reports_damaged,
       CAST(coalesce(sum(found.sender_differs), 0) AS bigint) AS reports_sender_differs,
       sum(CASE WHEN message.dmarc <> 'pass' THEN 1 ELSE 0 END) AS mails_not_passing
FROM message
LEFT JOIN (
    SELECT message_key,
           count(*) AS reports,
           sum(CASE WHEN counted OR is_foreign THEN 0 ELSE 1 END) AS not_counted,
           sum(CASE WHEN is_foreign THEN 1 ELSE 0 END) AS is_foreign,
           sum(CASE WHEN whole THEN 0 ELSE 1 END) AS damaged,
           sum(CASE WHEN sender_fits THEN 0 WHEN sender_fits IS NULL THEN 0 ELSE 1 END) AS sender_differs
    FROM report
    GROUP BY message_key
) AS found ON found.message_key = message.id
GROUP BY 1, 2
"""

REPORTER_QUALITY = """
CREATE VIEW reporter_quality AS
SELECT report.reporter,
       count(*) AS reports,
       sum(CASE WHEN report.counted OR report.is_foreign THEN 0 ELSE 1 END) AS reports_not_counted,
       sum(CASE WHEN report.is_foreign THEN 1 ELSE 0 END) AS reports_foreign,
       sum(CASE WHEN report.whole THEN 0 ELSE 1 END) AS reports_damaged,
       sum(CASE WHEN report.sender_fits THEN 0 WHEN report.sender_fits IS NULL THEN 0 ELSE 1 END)
           AS reports_sender_differs,
       min(report.day) AS first_day,
       max(report.day) AS last_day,
       CAST(sum(report.records) AS bigint) AS records,
       CAST(sum(report.messages) AS bigint) AS messages,
       CAST(avg({hours}) AS double precision) AS mean_hours_late,
       CAST(max({hours}) AS double precision) AS max_hours_late,
       sum(CASE WHEN kinds.kinds > 0 THEN 1 ELSE 0 END) AS reports_departing,
       max(codes.codes) AS deviations
FROM report
JOIN message ON message.id = report.message_key
LEFT JOIN (SELECT report_key, count(*) AS kinds FROM deviation GROUP BY report_key) AS kinds
       ON kinds.report_key = report.id
LEFT JOIN (
    SELECT reporter, {codes} AS codes
    FROM (
        SELECT DISTINCT coalesce(report.reporter, '') AS reporter, deviation.code
        FROM deviation JOIN report ON report.id = deviation.report_key
        ORDER BY 1, 2
    ) AS each_once
    GROUP BY reporter
) AS codes ON codes.reporter = coalesce(report.reporter, '')
GROUP BY report.reporter
"""

TLS_DAYS = """
CREATE VIEW tls_days AS
SELECT tls_report.day,
       tls_policy.policy_domain,
       tls_policy.policy_type,
       count(DISTINCT tls_report.id) AS reports,
       CAST(sum(tls_policy.successful_sessions) AS bigint) AS successful_sessions,
       CAST(sum(tls_policy.failed_sessions) AS bigint) AS failed_sessions
FROM tls_report
JOIN tls_policy ON tls_policy.tls_report_key = tls_report.id
WHERE tls_report.counted
GROUP BY tls_report.day, tls_policy.policy_domain, tls_policy.policy_type
"""

FAILURE_MESSAGES = """
CREATE VIEW failure_messages AS
SELECT failure_report.id,
       message.received_at,
       message.from_domain AS reporter,
       failure_report.arrival_at,
       failure_report.source_ip,
       failure_report.reported_domain,
       failure_report.header_from,
       failure_report.feedback_type,
       failure_report.version,
       failure_report.auth_failure,
       failure_report.auth_failure_raw,
       failure_report.identity_alignment,
       failure_report.delivery_result,
       failure_report.incidents,
       failure_report.dkim_domain,
       failure_report.dkim_selector,
       failure_report.dkim_identity,
       failure_report.spf_dns,
       failure_report.authentication_results,
       failure_report.original_mail_from,
       failure_report.original_rcpt_to,
       failure_report.original_envelope_id,
       failure_report.reporting_mta,
       failure_report.user_agent,
       failure_report.headers,
       failure_report.ingested_at
FROM failure_report
JOIN message ON message.id = failure_report.message_key
WHERE NOT failure_report.is_foreign
"""

VIEWS = {
    "ingest_health": (INGEST_HEALTH, "What became of the mail, by day and mailbox"),
    "reporter_quality": (
        REPORTER_QUALITY,
        "How well each reporter reports: how many, how late, what departs",
    ),
    "tls_days": (TLS_DAYS, "TLS sessions by day, policy domain and kind of policy; only counted reports"),
    "failure_messages": (FAILURE_MESSAGES, "Single messages that failed, as reported; foreign ones left out"),
}


def make_records_flat(dialect: str, columns: str) -> None:
    """Make the view as revision 0001 did, with these columns for the last of its own."""
    scripts: Any = op.get_context().environment_context.script
    first = scripts.get_revision("0001").module
    op.execute("DROP VIEW IF EXISTS records_flat")
    op.execute(first.records_flat(dialect).replace("record.null_path,", columns))
    if dialect == "postgresql":
        op.execute(f"COMMENT ON VIEW records_flat IS '{first.RECORDS_FLAT_COMMENT}'")


def make_views(dialect: str) -> None:
    outcomes = ",\n       ".join(
        f"sum(CASE WHEN message.outcome = '{it}' THEN 1 ELSE 0 END) AS {it}" for it in OUTCOMES
    )
    for name, (text, comment) in VIEWS.items():
        op.execute(text.format(outcomes=outcomes, **DIALECTS[dialect]))
        if dialect == "postgresql":
            op.execute(f"COMMENT ON VIEW {name} IS '{comment}'")


def comment_columns(position: int) -> None:
    for (table, column), comments in COMMENTS.items():
        op.execute(f"COMMENT ON COLUMN {table}.{column} IS '{comments[position]}'")


def upgrade() -> None:
    op.create_table(
        "failure_report",
        sa.Column("id", KEY, autoincrement=False, nullable=False, comment="key"),
        sa.Column("message_key", KEY, autoincrement=False, nullable=False, comment="the message"),
        sa.Column(
            "content_sha256",
            sa.String(length=64),
            nullable=False,
            comment="SHA-256 of what was reported, before masking, in hex",
        ),
        sa.Column("feedback_type", sa.Text(), nullable=True, comment="auth-failure, abuse, …"),
        sa.Column("user_agent", sa.Text(), nullable=True, comment="software that made the report"),
        sa.Column("version", sa.Text(), nullable=True, comment="as sent"),
        sa.Column("source_ip", ADDRESS, nullable=True, comment="sending address"),
        sa.Column("reported_domain", sa.Text(), nullable=True, comment="lower case"),
        sa.Column("arrival_at", MOMENT, nullable=True, comment="when the message arrived at the reporter"),
        sa.Column(
            "auth_failure",
            sa.Text(),
            nullable=True,
            comment="dmarc, spf, signature, bodyhash, revoked, adsp, unknown; several by comma",
        ),
        sa.Column("auth_failure_raw", sa.Text(), nullable=True, comment="as sent, where one is unknown"),
        sa.Column("identity_alignment", sa.Text(), nullable=True, comment="spf, dkim or none (RFC 9991)"),
        sa.Column(
            "delivery_result", sa.Text(), nullable=True, comment="delivered, spam, policy, reject, other"
        ),
        sa.Column("reporting_mta", sa.Text(), nullable=True, comment="the reporter's mail server"),
        sa.Column("original_envelope_id", sa.Text(), nullable=True, comment="as sent"),
        sa.Column("original_mail_from", sa.Text(), nullable=True, comment="return path; masked by setting"),
        sa.Column("original_rcpt_to", sa.Text(), nullable=True, comment="recipients; masked by setting"),
        sa.Column("authentication_results", sa.Text(), nullable=True, comment="as sent; masked by setting"),
        sa.Column("dkim_domain", sa.Text(), nullable=True, comment="d= of the signature"),
        sa.Column("dkim_selector", sa.Text(), nullable=True, comment="s= of the signature"),
        sa.Column(
            "dkim_identity", sa.Text(), nullable=True, comment="i= of the signature; masked by setting"
        ),
        sa.Column("spf_dns", sa.Text(), nullable=True, comment="SPF records as found, one a line"),
        sa.Column(
            "header_from", sa.Text(), nullable=True, comment="author domain of the message, lower case"
        ),
        sa.Column("incidents", sa.BigInteger(), nullable=False, comment="how many messages it stands for"),
        sa.Column(
            "headers",
            sa.Text(),
            nullable=True,
            comment="the message's header section; masked, or left out, by setting",
        ),
        sa.Column("is_foreign", sa.Boolean(), nullable=False, comment="about a domain that is none of ours"),
        sa.Column("ingested_at", MOMENT, nullable=False, comment="when it was stored"),
        sa.ForeignKeyConstraint(
            ["message_key"],
            ["message.id"],
            name=op.f("fk_failure_report_message_key"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failure_report")),
        sa.UniqueConstraint("content_sha256", name=op.f("uq_failure_report_content_sha256")),
        comment="One failure report about one message (RFC 6591, RFC 9991): its fields and that message's header, never its body",
        sqlite_with_rowid=True,
    )
    op.create_index(op.f("ix_failure_report_message_key"), "failure_report", ["message_key"], unique=False)
    op.create_index(
        op.f("ix_failure_report_reported_domain_arrival_at"),
        "failure_report",
        ["reported_domain", "arrival_at"],
        unique=False,
    )

    op.create_table(
        "tls_report",
        sa.Column("id", KEY, autoincrement=False, nullable=False, comment="key"),
        sa.Column("message_key", KEY, autoincrement=False, nullable=False, comment="the message"),
        sa.Column(
            "identity",
            sa.String(length=64),
            nullable=False,
            comment="SHA-256 of organization, report_id, period and policy domains, in hex",
        ),
        sa.Column("json_sha256", sa.String(length=64), nullable=False, comment="SHA-256 of the JSON, in hex"),
        sa.Column("organization", sa.Text(), nullable=True, comment="organization-name"),
        sa.Column("report_id", sa.Text(), nullable=True, comment="report-id"),
        sa.Column("contact", sa.Text(), nullable=True, comment="contact-info"),
        sa.Column("begins_at", MOMENT, nullable=True, comment="start of the reported period"),
        sa.Column("ends_at", MOMENT, nullable=True, comment="end of the reported period"),
        sa.Column(
            "day", sa.Date(), nullable=False, comment="UTC day it begins on (else ends, else was ingested)"
        ),
        sa.Column("is_foreign", sa.Boolean(), nullable=False, comment="about domains none of which is ours"),
        sa.Column(
            "counted",
            sa.Boolean(),
            nullable=False,
            comment="false for a second report with a known identity, and for a foreign one",
        ),
        sa.Column("ingested_at", MOMENT, nullable=False, comment="when it was stored"),
        sa.ForeignKeyConstraint(
            ["message_key"],
            ["message.id"],
            name=op.f("fk_tls_report_message_key"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tls_report")),
        sa.UniqueConstraint("json_sha256", name=op.f("uq_tls_report_json_sha256")),
        comment="One SMTP TLS report (RFC 8460)",
        sqlite_with_rowid=True,
    )
    op.create_index(op.f("ix_tls_report_message_key"), "tls_report", ["message_key"], unique=False)
    op.create_index(
        "uq_tls_report_identity_counted",
        "tls_report",
        ["identity"],
        unique=True,
        postgresql_where=sa.text("counted"),
        sqlite_where=sa.text("counted"),
    )

    op.create_table(
        "tls_failure",
        sa.Column("tls_report_key", KEY, autoincrement=False, nullable=False, comment="the tls_report"),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False, comment="the policy"),
        sa.Column(
            "ordinal",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="position in the policy, from 0",
        ),
        sa.Column(
            "result_type",
            sa.Text(),
            nullable=True,
            comment="certificate-expired, starttls-not-supported, …, unknown (RFC 8460 4.3)",
        ),
        sa.Column(
            "result_type_raw", sa.Text(), nullable=True, comment="the token as sent, where it is another"
        ),
        sa.Column("sending_mta_ip", ADDRESS, nullable=True, comment="sending address"),
        sa.Column("receiving_mx_hostname", sa.Text(), nullable=True, comment="the mail exchanger's name"),
        sa.Column("receiving_mx_helo", sa.Text(), nullable=True, comment="the name it greeted with"),
        sa.Column("receiving_ip", ADDRESS, nullable=True, comment="the mail exchanger's address"),
        sa.Column("failed_sessions", sa.BigInteger(), nullable=False, comment="failed-session-count"),
        sa.Column("reason_code", sa.Text(), nullable=True, comment="failure-reason-code"),
        sa.Column("additional_information", sa.Text(), nullable=True, comment="as sent"),
        sa.ForeignKeyConstraint(
            ["tls_report_key"],
            ["tls_report.id"],
            name=op.f("fk_tls_failure_tls_report_key"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tls_report_key", "position", "ordinal", name=op.f("pk_tls_failure")),
        comment="One kind of failed sessions under a policy of a TLS report",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tls_policy",
        sa.Column("tls_report_key", KEY, autoincrement=False, nullable=False, comment="the tls_report"),
        sa.Column(
            "position",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="position in the report, from 0",
        ),
        sa.Column("policy_type", sa.Text(), nullable=True, comment="tlsa, sts, no-policy-found, unknown"),
        sa.Column(
            "policy_type_raw", sa.Text(), nullable=True, comment="the token as sent, where it is another"
        ),
        sa.Column("policy_domain", sa.Text(), nullable=True, comment="domain of the policy, lower case"),
        sa.Column(
            "policy_string", sa.Text(), nullable=True, comment="the policy as found, one string a line"
        ),
        sa.Column("mx_host", sa.Text(), nullable=True, comment="mx-host patterns, one a line"),
        sa.Column(
            "successful_sessions", sa.BigInteger(), nullable=False, comment="total-successful-session-count"
        ),
        sa.Column("failed_sessions", sa.BigInteger(), nullable=False, comment="total-failure-session-count"),
        sa.ForeignKeyConstraint(
            ["tls_report_key"],
            ["tls_report.id"],
            name=op.f("fk_tls_policy_tls_report_key"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tls_report_key", "position", name=op.f("pk_tls_policy")),
        comment="One policy of a TLS report, and how many sessions kept it",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_tls_policy_policy_domain"), "tls_policy", ["policy_domain"], unique=False)

    op.create_table(
        "tls_report_json",
        sa.Column("tls_report_key", KEY, autoincrement=False, nullable=False, comment="the tls_report"),
        sa.Column(
            "packing", sa.Text(), nullable=False, comment="gzip, zlib or deflate (raw, from a zip archive)"
        ),
        sa.Column("data", sa.LargeBinary(), nullable=False, comment="the compressed JSON"),
        sa.ForeignKeyConstraint(
            ["tls_report_key"],
            ["tls_report.id"],
            name=op.f("fk_tls_report_json_tls_report_key"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tls_report_key", name=op.f("pk_tls_report_json")),
        comment="A TLS report's JSON, compressed as the reporter sent it, so that it can be parsed again",
        sqlite_with_rowid=True,
    )
    op.add_column(
        "message",
        sa.Column(
            "from_domain",
            sa.Text(),
            nullable=True,
            comment="author domain of the mail, lower case; empty where it has none, or several",
        ),
    )
    op.add_column(
        "message",
        sa.Column(
            "dmarc",
            sa.Text(),
            nullable=True,
            comment="the trusted receiving server's DMARC verdict on the mail; empty where it gave none",
        ),
    )

    op.add_column(
        "record",
        sa.Column(
            "dkim_recomputed",
            sa.Text(),
            nullable=True,
            comment="aligned DKIM by the listed results: pass, fail; empty: not computable",
        ),
    )
    op.add_column(
        "record",
        sa.Column(
            "spf_recomputed",
            sa.Text(),
            nullable=True,
            comment="aligned SPF by the listed results: pass, fail; empty: not computable",
        ),
    )
    op.add_column(
        "record",
        sa.Column(
            "recomputed",
            sa.Text(),
            nullable=True,
            comment="against the reporter's evaluation: agrees, differs, not_computable",
        ),
    )

    op.add_column(
        "report",
        sa.Column(
            "is_foreign",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="about a domain that is none of ours",
        ),
    )
    op.add_column(
        "report",
        sa.Column(
            "sender_fits",
            sa.Boolean(),
            nullable=True,
            comment="the mail's author domain is the reporter's; empty where either is unknown",
        ),
    )

    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        comment_columns(1)
        op.execute("ALTER TABLE tls_report_json ALTER COLUMN data SET STORAGE EXTERNAL")
    make_records_flat(dialect, RECOMPUTED)
    make_views(dialect)


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    for view in (*VIEWS, "records_flat"):
        op.execute(f"DROP VIEW {view}")
    for table in TABLES:
        op.drop_table(table)
    for table, column in COLUMNS:
        op.drop_column(table, column)
    make_records_flat(dialect, "record.null_path,")
    if dialect == "postgresql":
        comment_columns(0)
