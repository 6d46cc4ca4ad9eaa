"""For analysts: what was decided of conflicts, runs that read everything again, and the views as a contract.

Every view has its comment now, and each of its columns.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)

HOURS = {
    "postgresql": "CAST(extract(epoch FROM message.received_at - report.ends_at) AS double precision) / 3600",
    "sqlite": "(strftime('%s', message.received_at) - strftime('%s', report.ends_at)) / 3600.0",
}
"""By whole seconds, which is all that mails and reports tell: the days of julianday() are not exact."""

DOMAIN_DAYS = """
CREATE VIEW domain_days AS
SELECT day,
       policy_domain,
       CAST(sum(records) AS bigint) AS records,
       CAST(sum(messages) AS bigint) AS messages,
       CAST(sum(CASE WHEN dkim = 'pass' OR spf = 'pass' THEN messages ELSE 0 END) AS bigint) AS passing,
       CAST(sum(CASE WHEN dkim = 'pass' OR spf = 'pass' THEN 0 ELSE messages END) AS bigint) AS failing,
       CAST(sum(CASE WHEN dkim = 'pass' THEN messages ELSE 0 END) AS bigint) AS dkim_passing,
       CAST(sum(CASE WHEN spf = 'pass' THEN messages ELSE 0 END) AS bigint) AS spf_passing,
       CAST(sum(CASE WHEN disposition = 'quarantine' THEN messages ELSE 0 END) AS bigint) AS quarantined,
       CAST(sum(CASE WHEN disposition = 'reject' THEN messages ELSE 0 END) AS bigint) AS rejected
FROM domain_day_rollup
GROUP BY policy_domain, day
"""

ADDRESSES = """
CREATE VIEW addresses AS
SELECT source.source_ip,
       source.first_day,
       source.last_day,
       source.name,
       source.name_confirmed,
       source.service,
       coalesce(network.owner, network.as_name) AS owner,
       network.name AS network_name,
       network.country,
       network.asn,
       network.registry,
       source.state AS lookup_state
FROM source
LEFT JOIN network ON network.id = source.network_key
"""

REPORTS = """
CREATE VIEW reports AS
SELECT report.id AS report_key,
       report.reporter,
       report.report_id,
       report.policy_domain,
       report.begins_at,
       report.ends_at,
       report.day,
       report.email,
       report.dialect,
       report.p,
       report.sp,
       report.np,
       report.adkim,
       report.aspf,
       report.pct,
       report.fo,
       report.testing,
       report.records,
       report.messages,
       report.counted,
       report.whole,
       report.sender_fits,
       message.received_at,
       report.ingested_at,
       {hours} AS hours_late,
       (SELECT count(DISTINCT deviation.code) FROM deviation WHERE deviation.report_key = report.id) AS deviations,
       report.decision
FROM report
LEFT JOIN message ON message.id = report.message_key
WHERE NOT report.is_foreign
"""

BELOW_RECORD = """
CREATE VIEW {view} AS
SELECT report.day,
       report.policy_domain,
       record.report_key,
       record.ordinal,
       below.position,
       report.reporter,
       record.source_ip,
       record.header_from,
       record.messages,
       record.disposition,
       record.dkim,
       record.spf,
       record.dmarc_pass,
       record.null_path,
       {columns}
FROM report
JOIN record ON record.report_key = report.id
JOIN {table} AS below ON below.report_key = record.report_key + 0 AND below.ordinal = record.ordinal
WHERE report.counted
"""
"""`+ 0`: else PostgreSQL concludes that below.report_key = report.id, and may read all of a report's rows for each record."""
SIGNATURES = BELOW_RECORD.format(
    view="signatures", table="record_dkim", columns="below.domain, below.selector, below.result"
)
SPF_CHECKS = BELOW_RECORD.format(
    view="spf_checks", table="record_spf", columns="below.domain, below.scope, below.result"
)
OVERRIDES = BELOW_RECORD.format(view="overrides", table="record_reason", columns="below.type, below.comment")

DAYS = {
    "postgresql": """CROSS JOIN LATERAL (
            SELECT * FROM source_day_rollup AS each_day
            WHERE each_day.policy_domain = period.policy_domain AND each_day.day >= period.first_day
            OFFSET 0
        ) AS days""",
    "sqlite": """CROSS JOIN source_day_rollup AS days
               ON days.policy_domain = period.policy_domain AND days.day >= period.first_day""",
}
"""For each domain a look at the days of its period alone: left to themselves, both engines would go through all of them.

SQLite takes tables in the order of their CROSS JOINs; PostgreSQL does not see through OFFSET.
"""

# The last day of each domain by a step along the index, in place of a walk through all of its days. Whoever groups by
# period.policy_domain lets what a query says of the domain be known from the beginning.
# A reporter whose clock is wrong must not make everything else look old.
PERIOD = """WITH RECURSIVE domains (policy_domain) AS (
            SELECT min(policy_domain) FROM domain_day_rollup
            UNION ALL
            SELECT (
                SELECT min(following.policy_domain) FROM domain_day_rollup AS following
                WHERE following.policy_domain > domains.policy_domain
            )
            FROM domains
            WHERE domains.policy_domain IS NOT NULL
        ),
        newest (policy_domain, last_day) AS MATERIALIZED (
            SELECT policy_domain,
                   coalesce(
                       (
                           SELECT max(day) FROM domain_day_rollup AS past
                           WHERE past.policy_domain = domains.policy_domain AND past.day <= CURRENT_DATE
                       ),
                       (
                           SELECT max(day) FROM domain_day_rollup AS any_day
                           WHERE any_day.policy_domain = domains.policy_domain
                       )
                   )
            FROM domains
            WHERE policy_domain IS NOT NULL
        ),
        period (policy_domain, first_day) AS (SELECT policy_domain, {since} FROM newest)"""

# rows alike by a window, not by GROUP BY: SQLite lets what a query says of the domain down through two levels only so
FAILING_SOURCES = """
CREATE VIEW failing_sources AS
SELECT DISTINCT policy_domain,
       who,
       verdict,
       count(*) OVER alike AS addresses,
       CAST(sum(messages) OVER alike AS bigint) AS messages,
       CAST(sum(failing) OVER alike AS bigint) AS failing,
       min(first_day) OVER alike AS first_day,
       max(last_day) OVER alike AS last_day,
       max(reason) OVER alike AS reason,
       max(next_step) OVER alike AS next_step
FROM (
    SELECT sums.policy_domain,
           coalesce(
               judged.who,
               network.owner,
               network.as_name,
               CASE WHEN source.name_confirmed THEN source.name END,
               {address}
           ) AS who,
           sums.messages,
           sums.messages - sums.passing AS failing,
           sums.first_day,
           sums.last_day,
           judged.verdict,
           judged.reason,
           judged.next_step
    FROM (
        {last_30_days}
        SELECT period.policy_domain,
               source_ip,
               {sums},
               min(day) AS first_day,
               max(day) AS last_day
        FROM period
        {days}
        GROUP BY period.policy_domain, source_ip
    ) AS sums
    {known}
    {failing_most}
    WHERE sums.messages > sums.passing
) AS failing
WINDOW alike AS (PARTITION BY policy_domain, who, verdict)
"""

NEW_SOURCES = """
CREATE VIEW new_sources AS
SELECT sums.policy_domain,
       sums.source_ip,
       sums.first_day,
       sums.last_day,
       sums.messages,
       sums.passing,
       sums.messages - sums.passing AS failing,
       source.name,
       source.name_confirmed,
       coalesce(judged.service, source.service) AS service,
       coalesce(network.owner, network.as_name) AS owner,
       network.country,
       judged.verdict,
       judged.reason,
       judged.next_step
FROM (
    {last_7_days}
    SELECT period.policy_domain,
           seen.source_ip,
           seen.first_day,
           seen.last_day,
           {sums}
    FROM period
    {days}
    CROSS JOIN source_seen AS seen
    WHERE seen.policy_domain = days.policy_domain AND seen.source_ip = days.source_ip
      AND seen.first_day >= period.first_day
    GROUP BY period.policy_domain, seen.source_ip, seen.first_day, seen.last_day
) AS sums
{known}
{worst}
"""

# each side is summed before they are joined: messages and reports are many, their days, mailboxes and reporters few
INGEST_HEALTH = """
CREATE VIEW ingest_health AS
SELECT mails.day,
       mails.source,
       mails.messages,
       {outcome_names},
       coalesce(found.reports, 0) AS reports,
       coalesce(found.reports_not_counted, 0) AS reports_not_counted,
       coalesce(found.reports_foreign, 0) AS reports_foreign,
       coalesce(found.reports_damaged, 0) AS reports_damaged,
       coalesce(found.reports_sender_differs, 0) AS reports_sender_differs,
       mails.mails_not_passing
FROM (
    SELECT {day} AS day,
           message.source,
           count(*) AS messages,
           {outcomes},
           sum(CASE WHEN message.dmarc <> 'pass' THEN 1 ELSE 0 END) AS mails_not_passing
    FROM message
    GROUP BY 1, 2
) AS mails
LEFT JOIN (
    SELECT {day} AS day,
           message.source,
           {reports}
    FROM report
    JOIN message ON message.id = report.message_key
    GROUP BY 1, 2
) AS found ON found.day = mails.day AND found.source = mails.source
"""

REPORTER_QUALITY = """
CREATE VIEW reporter_quality AS
SELECT sent.reporter,
       sent.reports,
       sent.reports_not_counted,
       sent.reports_foreign,
       sent.reports_damaged,
       sent.reports_sender_differs,
       sent.first_day,
       sent.last_day,
       sent.records,
       sent.messages,
       sent.mean_hours_late,
       sent.max_hours_late,
       coalesce(departing.reports, 0) AS reports_departing,
       codes.codes AS deviations
FROM (
    SELECT report.reporter,
           {reports},
           min(report.day) AS first_day,
           max(report.day) AS last_day,
           CAST(sum(report.records) AS bigint) AS records,
           CAST(sum(report.messages) AS bigint) AS messages,
           avg({hours}) AS mean_hours_late,
           max({hours}) AS max_hours_late
    FROM report
    JOIN message ON message.id = report.message_key
    GROUP BY report.reporter
) AS sent
LEFT JOIN (
    SELECT coalesce(report.reporter, '') AS reporter, count(DISTINCT deviation.report_key) AS reports
    FROM deviation JOIN report ON report.id = deviation.report_key
    GROUP BY 1
) AS departing ON departing.reporter = coalesce(sent.reporter, '')
LEFT JOIN (
    SELECT reporter, {codes} AS codes
    FROM (
        SELECT DISTINCT coalesce(report.reporter, '') AS reporter, deviation.code
        FROM deviation JOIN report ON report.id = deviation.report_key
        ORDER BY 1, 2
    ) AS each_once
    GROUP BY reporter
) AS codes ON codes.reporter = coalesce(sent.reporter, '')
"""

REPORTS_SUMMED = """count(*) AS reports,
           sum(CASE WHEN report.counted OR report.is_foreign THEN 0 ELSE 1 END) AS reports_not_counted,
           sum(CASE WHEN report.is_foreign THEN 1 ELSE 0 END) AS reports_foreign,
           sum(CASE WHEN report.whole THEN 0 ELSE 1 END) AS reports_damaged,
           sum(CASE WHEN report.sender_fits THEN 0 WHEN report.sender_fits IS NULL THEN 0 ELSE 1 END)
               AS reports_sender_differs"""

VIEWS = {
    "ingest_health": INGEST_HEALTH,
    "reporter_quality": REPORTER_QUALITY,
    "failing_sources": FAILING_SOURCES,
    "new_sources": NEW_SOURCES,
    "domain_days": DOMAIN_DAYS,
    "addresses": ADDRESSES,
    "reports": REPORTS,
    "signatures": SIGNATURES,
    "spf_checks": SPF_CHECKS,
    "overrides": OVERRIDES,
}
"""Four with the columns that they had, and new ones."""
VERSION_COMMENTS = ("The revision of this schema; alembic keeps it", "the newest revision that was run")

COMMENTS = {
    "records_flat": "Everything about a record in one row; only counted reports",
    "sources": "Who sends as each domain: one row for each sending address, over all days",
    "source_days": "Messages of each sending address by day and author domain",
    "domain_days": "Messages of each policy domain by day",
    "failing_sources": "Who failed DMARC in the 30 days up to the last reported day of each domain, and what to do about it",
    "new_sources": "Addresses first seen in the 7 days up to the last reported day of their domain",
    "addresses": "Whose machine each sending address is, as far as look-ups have come",
    "reports": "Every aggregate report about our domains, the uncounted ones too",
    "reporter_quality": "How well each reporter reports: how many, how late, what departs",
    "ingest_health": "What became of the mail, by day and mailbox",
    "signatures": "DKIM signatures as the receivers saw them, each with its record; only counted reports",
    "spf_checks": "SPF checks as the receivers made them, each with its record; only counted reports",
    "overrides": "Why receivers did something else than the policy says, each with its record; only counted reports",
    "tls_days": "TLS sessions by day, policy domain and kind of policy; only counted reports",
    "failure_messages": "Single messages that failed, as reported; foreign ones left out",
}
"""View -> comment."""
COLUMNS = {
    "report_key": "the report: reports.report_key",
    "reporter": "who reports: org_name",
    "report_id": "the reporter's identifier, without angle brackets",
    "policy_domain": "domain whose policy was applied, lower case",
    "begins_at": "start of the reported period",
    "ends_at": "end of the reported period",
    "day": "UTC day on which the reported period begins",
    "p": "published policy: none, quarantine, reject, unknown",
    "sp": "published policy for subdomains",
    "np": "published policy for subdomains that do not exist (RFC 9990)",
    "adkim": "published DKIM alignment: r or s",
    "aspf": "published SPF alignment: r or s",
    "pct": "published percentage (RFC 7489)",
    "testing": "published t tag: y or n (RFC 9990)",
    "dialect": "rfc7489 or rfc9990",
    "whole": "false where only the records before a damaged place could be read",
    "ingested_at": "when it was stored",
    "ordinal": "the record: its position in the report, from 0",
    "source_ip": "sending address",
    "messages": "how many messages were reported",
    "disposition": "what the receiver did: none, pass, quarantine, reject, unknown",
    "dkim": "aligned DKIM as evaluated: pass, fail, unknown",
    "spf": "aligned SPF as evaluated: pass, fail, unknown",
    "dmarc_pass": "dkim or spf is pass",
    "header_from": "author domain",
    "envelope_from": "domain of the return path",
    "envelope_to": "domain of the recipients",
    "null_path": "MAIL FROM:<>: a bounce or an automatic reply; empty where not reported",
    "dkim_recomputed": "aligned DKIM by the listed results: pass, fail; empty: not computable",
    "spf_recomputed": "aligned SPF by the listed results: pass, fail; empty: not computable",
    "recomputed": "against the reporter's evaluation: agrees, differs, not_computable",
    "dkim_results": "signatures as domain/selector=result, in order",
    "spf_results": "SPF checks as scope:domain=result, in order",
    "reasons": "why the disposition differs from the policy, as type: comment, in order",
    "passing": "of them, those that passed DMARC",
    "failing": "of them, those that failed DMARC",
    "first_day": "first day on which it was seen",
    "last_day": "last day on which it was seen",
    "name": "reverse name (PTR) of the address",
    "name_confirmed": "the name has the address among its own; empty: no name",
    "service": "the service behind it: key in the catalogue",
    "owner": "registered owner of the network, else the name of its autonomous system",
    "network_name": "registered name of the network",
    "country": "as registered; not a location",
    "asn": "autonomous system that announces it",
    "registry": "who answered; empty: an MMDB file, or nobody yet",
    "lookup_state": "waiting, found, not_found, reserved, error",
    "verdict": "failing_own, bounces, unknown, fragile, forwarded, recipient_gateway, passing: the worst where there are several; empty: not judged yet",
    "reason": "why, in one sentence",
    "next_step": "what to do about it; empty: nothing",
    "dkim_passing": "of them, those with an aligned DKIM signature that passed",
    "spf_passing": "of them, those with an aligned SPF pass",
    "records": "how many records were reported",
    "quarantined": "of them, those that the receiver quarantined",
    "rejected": "of them, those that the receiver rejected",
    "who": "the service's name, else the owner, else the name, else the address",
    "addresses": "how many sending addresses",
    "email": "the reporter's address",
    "fo": "published failure reporting options",
    "counted": "false where it is in no sum: another report has its identity",
    "sender_fits": "the mail's author domain is the reporter's; empty where either is unknown",
    "received_at": "when our mail server took the mail; empty where no mail brought it, or its header does not say",
    "hours_late": "hours from the end of the period until received_at; empty where either is unknown",
    "deviations": "in how many ways it departs from the standard (deviation.code)",
    "decision": "what a person decided of a conflict: left, replaced, replacing, added; empty: nothing yet",
    "reports": "how many reports",
    "reports_not_counted": "of them, those that are in no sum: another one has their identity",
    "reports_foreign": "of them, those about a domain that is none of ours",
    "reports_damaged": "of them, those of which only the beginning could be read",
    "reports_sender_differs": "of them, those that another domain than the reporter's mailed",
    "mean_hours_late": "hours from the end of the period until the mail came, on average; empty: no mail",
    "max_hours_late": "the same, of the latest one",
    "reports_departing": "reports that depart from the standard",
    "source": "name of the mailbox in the settings, or 'file'",
    "stored": "of them, those with a new report, all of it whole",
    "partial": "of them, those with a report of which something was refused",
    "duplicate": "of them, those whose reports were all known",
    "conflict": "of them, those with a known identity and other content: not counted",
    "not_a_report": "of them, ordinary mail",
    "unsupported": "of them, reports of a kind that is not stored",
    "corrupt": "of them, those meant to be a report and unreadable",
    "refused": "of them, those over a limit, hostile, or forged by setting",
    "retry": "of them, those that are tried again",
    "mails_not_passing": "mails to which our mail server gave another DMARC verdict than pass",
    "position": "position in the record, from 0",
    "domain": "d= of the signature",
    "selector": "s= of the signature",
    "result": "of the signature: none, pass, fail, policy, neutral, temperror, permerror, unknown",
    "scope": "helo, mfrom, unknown",
    "type": "forwarded, mailing_list, local_policy, …, unknown",
    "comment": "as sent",
    "policy_type": "tlsa, sts, no-policy-found, unknown",
    "successful_sessions": "sessions that kept the policy",
    "failed_sessions": "sessions that did not",
    "id": "the failure report",
    "arrival_at": "when the message arrived at the reporter",
    "reported_domain": "lower case",
    "feedback_type": "auth-failure, abuse, …",
    "version": "as sent",
    "auth_failure": "dmarc, spf, signature, bodyhash, revoked, adsp, unknown; several by comma",
    "auth_failure_raw": "as sent, where one is unknown",
    "identity_alignment": "spf, dkim or none (RFC 9991)",
    "delivery_result": "delivered, spam, policy, reject, other",
    "incidents": "how many messages it stands for",
    "dkim_domain": "d= of the signature",
    "dkim_selector": "s= of the signature",
    "dkim_identity": "i= of the signature; masked by setting",
    "spf_dns": "SPF records as found, one a line",
    "authentication_results": "as sent; masked by setting",
    "original_mail_from": "return path; masked by setting",
    "original_rcpt_to": "recipients; masked by setting",
    "original_envelope_id": "as sent",
    "reporting_mta": "the reporter's mail server",
    "user_agent": "software that made the report",
    "headers": "the message's header section; masked, or left out, by setting",
    "records_flat.day": "UTC day on which the period begins (else ends, else it was stored)",
    "records_flat.source_ip": "sending address; empty where the report's text is no address",
    "sources.policy_domain": "domain whose policy was applied; empty text where the report has none",
    "source_days.policy_domain": "domain whose policy was applied; empty text where the report has none",
    "source_days.header_from": "author domain; empty text where absent",
    "domain_days.policy_domain": "domain whose policy was applied; empty text where the report has none",
    "failing_sources.policy_domain": "domain whose policy was applied; empty text where the report has none",
    "failing_sources.verdict": "failing_own, bounces, unknown, fragile, forwarded, recipient_gateway, passing: that of most failures where there are several; empty: not judged yet",
    "new_sources.policy_domain": "domain whose policy was applied; empty text where the report has none",
    "addresses.first_day": "first day on which it was seen, for any domain",
    "addresses.last_day": "last day on which it was seen, for any domain",
    "reports.day": "UTC day on which the period begins (else ends, else it was stored)",
    "reports.records": "how many records it has",
    "reports.messages": "sum of their messages",
    "reporter_quality.first_day": "first day that a report is about",
    "reporter_quality.last_day": "last day that a report is about",
    "reporter_quality.records": "how many records they have",
    "reporter_quality.messages": "sum of their messages",
    "reporter_quality.deviations": "how, in all: codes of deviations, by comma",
    "ingest_health.day": "UTC day on which it got its outcome",
    "ingest_health.messages": "mails and files that were seen",
    "ingest_health.reports": "aggregate reports that were stored",
    "signatures.source_ip": "sending address; empty where the report's text is no address",
    "signatures.messages": "messages of the record: a record with two rows here has them in both",
    "spf_checks.source_ip": "sending address; empty where the report's text is no address",
    "spf_checks.messages": "messages of the record: a record with two rows here has them in both",
    "spf_checks.domain": "domain that was checked",
    "spf_checks.result": "of the check: none, neutral, pass, fail, softfail, policy, temperror, permerror, unknown",
    "overrides.source_ip": "sending address; empty where the report's text is no address",
    "overrides.messages": "messages of the record: a record with two rows here has them in both",
    "tls_days.policy_domain": "domain of the policy, lower case",
    "failure_messages.received_at": "when our mail server took the report",
    "failure_messages.reporter": "author domain of the mail that brought it",
    "failure_messages.header_from": "author domain of the message, lower case",
}
"""Column of a view, of the one that is named or of all others -> comment."""


def older(number: str) -> Any:  # noqa: ANN401 (a module: alembic's own loading)
    """Find an older revision, which has the texts of its views."""
    scripts: Any = op.get_context().environment_context.script
    return scripts.get_revision(number).module


def parts(dialect: str) -> dict[str, str]:
    """Give what is put into the texts of views: most of it as older revisions have it."""
    second, fourth = older("0002"), older("0004")
    words = fourth.DIALECTS[dialect]
    outcomes = [
        f"sum(CASE WHEN message.outcome = '{it}' THEN 1 ELSE 0 END) AS {it}" for it in second.OUTCOMES
    ]
    return {
        **second.DIALECTS[dialect],
        **fourth.parts(dialect),
        "days": DAYS[dialect],
        "hours": HOURS[dialect],
        "last_7_days": PERIOD.format(since=words["week"]),
        "last_30_days": PERIOD.format(since=words["month"]),
        "outcomes": ",\n           ".join(outcomes),
        "outcome_names": ",\n       ".join(f"mails.{it}" for it in second.OUTCOMES),
        "reports": REPORTS_SUMMED,
    }


def make_views(dialect: str) -> None:
    for view, text in VIEWS.items():
        statement = text.format(**parts(dialect))
        if (
            dialect == "postgresql"
        ):  # not dropped: rights hang on a view, and views that analysts made for themselves
            op.execute(statement.replace("CREATE VIEW", "CREATE OR REPLACE VIEW"))
        else:
            op.execute(f"DROP VIEW IF EXISTS {view}")
            op.execute(statement)
    if dialect == "postgresql":
        comment_views()


def comment_views() -> None:
    for view, comment in COMMENTS.items():
        op.execute(comment_on(f"VIEW {view}", comment))
        for column in sa.inspect(op.get_bind()).get_columns(view):
            name = column["name"]
            op.execute(comment_on(f"COLUMN {view}.{name}", COLUMNS.get(f"{view}.{name}") or COLUMNS[name]))


def comment_on(what: str, comment: str) -> str:
    quoted = comment.replace("'", "''")
    return f"COMMENT ON {what} IS '{quoted}'"


def upgrade() -> None:
    op.add_column(
        "report",
        sa.Column(
            "decision",
            sa.Text(),
            nullable=True,
            comment="what a person decided of a conflict: left, replaced, replacing, added; empty: nothing yet",
        ),
    )
    op.create_table(
        "reparse_run",
        sa.Column("id", KEY, autoincrement=False, nullable=False, comment="key"),
        sa.Column("version", sa.Text(), nullable=False, comment="the ruamill that reads"),
        sa.Column("started_at", MOMENT, nullable=False, comment="when it began"),
        sa.Column(
            "finished_at",
            MOMENT,
            nullable=True,
            comment="when it was done; empty: it goes on with the next `ruamill reparse`",
        ),
        sa.Column(
            "last_key", sa.BigInteger(), nullable=False, comment="every report up to this report.id was read"
        ),
        sa.Column("end_key", sa.BigInteger(), nullable=False, comment="the newest report.id when it began"),
        sa.Column("reports", sa.BigInteger(), nullable=False, comment="read so far"),
        sa.Column(
            "changed", sa.BigInteger(), nullable=False, comment="of them, those whose rows were rebuilt"
        ),
        sa.Column(
            "unreadable",
            sa.BigInteger(),
            nullable=False,
            comment="of them, those that could not be read; their rows stay",
        ),
        sa.Column(
            "changes",
            sa.Text(),
            nullable=False,
            comment="what changed, as JSON: table.column -> number of rows",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reparse_run")),
        comment="A run that reads every kept XML again, how far it came and what it changed",
    )
    dialect = op.get_bind().dialect.name
    make_views(dialect)
    if dialect == "postgresql":
        op.execute(comment_on("TABLE alembic_version", VERSION_COMMENTS[0]))
        op.execute(comment_on("COLUMN alembic_version.version_num", VERSION_COMMENTS[1]))


def downgrade() -> None:
    for view in COMMENTS:
        op.execute(f"DROP VIEW {view}")
    op.drop_table("reparse_run")
    op.drop_column("report", "decision")
    dialect, second = op.get_bind().dialect.name, older("0002")
    second.make_records_flat(dialect, second.RECOMPUTED)
    second.make_views(dialect)
    older("0004").make_views(dialect)
    if dialect == "postgresql":
        op.execute("COMMENT ON TABLE alembic_version IS NULL")
        op.execute("COMMENT ON COLUMN alembic_version.version_num IS NULL")
