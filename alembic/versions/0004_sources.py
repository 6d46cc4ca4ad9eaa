"""Whose machine each address is, and what it is to each domain; and the views over that.

Columns are added in place, never by a copy of the table.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import INET

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
ADDRESS = sa.String().with_variant(INET(), "postgresql")

COMMENTS = {
    "TABLE network": (
        "One network as registered",
        "One network as registered, or one that no registry knows",
    ),
    "COLUMN network.registry": (
        "arin, ripencc, apnic, lacnic, afrinic",
        "arin, ripencc, apnic, lacnic, afrinic; empty: from an MMDB file",
    ),
    "COLUMN source.service": ("the service behind it", "the service behind it: key in the catalogue"),
}
"""What -> comment before, comment after."""

DIALECTS = {
    "postgresql": {
        "month": "last_day - 29",
        "week": "last_day - 6",
        "address": "host(sums.source_ip)",
    },
    "sqlite": {
        "month": "date(last_day, '-29 days')",
        "week": "date(last_day, '-6 days')",
        "address": "sums.source_ip",
    },
}

SUMS = """CAST(sum(messages) AS bigint) AS messages,
           CAST(sum(CASE WHEN dkim = 'pass' OR spf = 'pass' THEN messages ELSE 0 END) AS bigint) AS passing"""

# a reporter whose clock is wrong must not make everything else look old
PERIOD = """(
        SELECT policy_domain, {since} AS first_day
        FROM (
            SELECT policy_domain, coalesce(max(day) FILTER (WHERE day <= CURRENT_DATE), max(day)) AS last_day
            FROM domain_day_rollup
            GROUP BY policy_domain
        ) AS newest
    ) AS period"""

KNOWN = """LEFT JOIN source ON source.source_ip = sums.source_ip
LEFT JOIN network ON network.id = source.network_key"""

JUDGED = """LEFT JOIN source_verdict AS judged
       ON judged.policy_domain = sums.policy_domain AND judged.source_ip = sums.source_ip AND judged.verdict = (
           SELECT verdict FROM source_verdict AS each
           WHERE each.policy_domain = sums.policy_domain AND each.source_ip = sums.source_ip
           ORDER BY {order} LIMIT 1
       )"""
WORST_FIRST = """CASE verdict WHEN 'failing_own' THEN 1 WHEN 'bounces' THEN 2 WHEN 'unknown' THEN 3
               WHEN 'fragile' THEN 4 WHEN 'forwarded' THEN 5 WHEN 'recipient_gateway' THEN 6 ELSE 7 END"""

SOURCES = """
CREATE VIEW sources AS
SELECT sums.policy_domain,
       sums.source_ip,
       sums.messages,
       sums.passing,
       sums.messages - sums.passing AS failing,
       sums.first_day,
       sums.last_day,
       source.name,
       source.name_confirmed,
       coalesce(judged.service, source.service) AS service,
       coalesce(network.owner, network.as_name) AS owner,
       network.name AS network_name,
       network.country,
       network.asn,
       network.registry,
       coalesce(source.state, 'waiting') AS lookup_state,
       judged.verdict,
       judged.reason,
       judged.next_step
FROM (
    SELECT policy_domain,
           source_ip,
           {sums},
           min(day) AS first_day,
           max(day) AS last_day
    FROM source_day_rollup
    GROUP BY policy_domain, source_ip
) AS sums
{known}
{worst}
"""

SOURCE_DAYS = """
CREATE VIEW source_days AS
SELECT sums.day,
       sums.policy_domain,
       sums.header_from,
       sums.source_ip,
       source.name,
       source.service,
       coalesce(network.owner, network.as_name) AS owner,
       sums.messages,
       sums.passing,
       sums.messages - sums.passing AS failing,
       sums.dkim_passing,
       sums.spf_passing
FROM (
    SELECT policy_domain,
           day,
           source_ip,
           header_from,
           {sums},
           CAST(sum(CASE WHEN dkim = 'pass' THEN messages ELSE 0 END) AS bigint) AS dkim_passing,
           CAST(sum(CASE WHEN spf = 'pass' THEN messages ELSE 0 END) AS bigint) AS spf_passing
    FROM source_day_rollup
    GROUP BY policy_domain, day, source_ip, header_from
) AS sums
{known}
"""

FAILING_SOURCES = """
CREATE VIEW failing_sources AS
SELECT policy_domain,
       who,
       verdict,
       count(*) AS addresses,
       CAST(sum(messages) AS bigint) AS messages,
       CAST(sum(failing) AS bigint) AS failing,
       min(first_day) AS first_day,
       max(last_day) AS last_day,
       max(reason) AS reason,
       max(next_step) AS next_step
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
        SELECT source_day_rollup.policy_domain,
               source_ip,
               {sums},
               min(day) AS first_day,
               max(day) AS last_day
        FROM {last_30_days}
        JOIN source_day_rollup
          ON source_day_rollup.policy_domain = period.policy_domain AND source_day_rollup.day >= period.first_day
        GROUP BY source_day_rollup.policy_domain, source_ip
    ) AS sums
    {known}
    {failing_most}
    WHERE sums.messages > sums.passing
) AS failing
GROUP BY policy_domain, who, verdict
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
    SELECT source_seen.policy_domain,
           source_seen.source_ip,
           source_seen.first_day,
           source_seen.last_day,
           {sums}
    FROM {last_7_days}
    JOIN source_day_rollup
      ON source_day_rollup.policy_domain = period.policy_domain AND source_day_rollup.day >= period.first_day
    JOIN source_seen
      ON source_seen.policy_domain = source_day_rollup.policy_domain
     AND source_seen.source_ip = source_day_rollup.source_ip AND source_seen.first_day >= period.first_day
    GROUP BY source_seen.policy_domain, source_seen.source_ip, source_seen.first_day, source_seen.last_day
) AS sums
{known}
{worst}
"""

VIEWS = {
    "sources": (SOURCES, "Who sends as each domain: one row for each sending address, over all days"),
    "source_days": (SOURCE_DAYS, "Messages of each sending address by day and author domain"),
    "failing_sources": (
        FAILING_SOURCES,
        "Who failed DMARC in the 30 days up to the last reported day of each domain, and what to do about it",
    ),
    "new_sources": (
        NEW_SOURCES,
        "Addresses first seen in the 7 days up to the last reported day of their domain",
    ),
}
COLUMNS = {
    "policy_domain": "domain whose policy was applied; empty text where the report has none",
    "source_ip": "sending address",
    "header_from": "author domain; empty text where absent",
    "day": "UTC day on which the reported period begins",
    "first_day": "first day on which it was seen",
    "last_day": "last day on which it was seen",
    "messages": "how many were reported",
    "passing": "of them, those that passed DMARC",
    "failing": "of them, those that failed DMARC",
    "dkim_passing": "of them, those with an aligned DKIM signature that passed",
    "spf_passing": "of them, those with an aligned SPF pass",
    "name": "reverse name (PTR) of the address",
    "name_confirmed": "the name has the address among its own",
    "service": "the service behind it: key in the catalogue",
    "owner": "registered owner of the network, else the name of its autonomous system",
    "network_name": "registered name of the network",
    "country": "as registered; not a location",
    "asn": "autonomous system that announces it",
    "registry": "who answered; empty: an MMDB file, or nobody yet",
    "lookup_state": "waiting, found, not_found, reserved, error",
    "who": "the service's name, else the owner, else the name, else the address",
    "addresses": "how many sending addresses",
    "verdict": (
        "failing_own, bounces, unknown, fragile, forwarded, recipient_gateway, passing: the worst where there are "
        "several, among failing sources that of most failures; empty: not judged yet"
    ),
    "reason": "why, in one sentence",
    "next_step": "what to do about it; empty: nothing",
}
"""Column of a view -> comment."""


def network_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("as_name", sa.Text(), nullable=True, comment="its name, from an MMDB file"),
        sa.Column(
            "registered",
            sa.Text(),
            nullable=True,
            comment="the registered range, of which this is a part: first - last",
        ),
        sa.Column(
            "state", sa.Text(), server_default=sa.text("'found'"), nullable=False, comment="found, not_found"
        ),
    ]


def source_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column(
            "failures",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="look-ups that failed since the last one that did not",
        ),
        sa.Column(
            "error", sa.Text(), nullable=True, comment="why the last look-up failed; empty when it did not"
        ),
        sa.Column(
            "name_confirmed",
            sa.Boolean(),
            nullable=True,
            comment="the name has this address among its own; empty: no name",
        ),
        sa.Column(
            "name_next_try_at",
            MOMENT,
            nullable=True,
            comment="when its name is asked for again; empty: never was",
        ),
        sa.Column(
            "name_failures",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="as failures, for the name",
        ),
        sa.Column(
            "service_evidence",
            sa.Text(),
            nullable=True,
            comment="what shows the service: kind, and what was found",
        ),
    ]


def parts(dialect: str) -> dict[str, str]:
    words = DIALECTS[dialect]
    return {
        "sums": SUMS,
        "known": KNOWN,
        "worst": JUDGED.format(order=WORST_FIRST),
        "failing_most": JUDGED.format(order=f"failing DESC, {WORST_FIRST}"),
        "last_30_days": PERIOD.format(since=words["month"]),
        "last_7_days": PERIOD.format(since=words["week"]),
        "address": words["address"],
    }


def make_views(dialect: str) -> None:
    for view, (text, comment) in VIEWS.items():
        op.execute(text.format(**parts(dialect)))
        if dialect == "postgresql":
            op.execute(comment_on(f"VIEW {view}", comment))
            for column in sa.inspect(op.get_bind()).get_columns(view):
                name = column["name"]
                op.execute(comment_on(f"COLUMN {view}.{name}", COLUMNS[name]))


def comment_on(what: str, comment: str) -> str:
    quoted = comment.replace("'", "''")
    return f"COMMENT ON {what} IS '{quoted}'"


def comment_tables(position: int) -> None:
    for what, comments in COMMENTS.items():
        op.execute(comment_on(what, comments[position]))


def upgrade() -> None:
    for table, columns in (("network", network_columns()), ("source", source_columns())):
        for column in columns:
            op.add_column(table, column)
    op.create_table(
        "registry",
        sa.Column(
            "name",
            sa.Text(),
            autoincrement=False,
            nullable=False,
            comment="arin, ripencc, apnic, lacnic, afrinic, bootstrap, origin, names",
        ),
        sa.Column("queries", sa.BigInteger(), nullable=False, comment="asked so far"),
        sa.Column("failures", sa.Integer(), nullable=False, comment="in a row, up to now"),
        sa.Column("closed_until", MOMENT, nullable=True, comment="not asked before then"),
        sa.Column(
            "last_error",
            sa.Text(),
            nullable=True,
            comment="why it is not; empty when the last answer was good",
        ),
        sa.Column("last_error_at", MOMENT, nullable=True, comment="when"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_registry")),
        comment="Whom look-ups ask: the registries, and the name servers",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "source_verdict",
        sa.Column("policy_domain", sa.Text(), autoincrement=False, nullable=False, comment="policy domain"),
        sa.Column("source_ip", ADDRESS, autoincrement=False, nullable=False, comment="sending address"),
        sa.Column(
            "verdict",
            sa.Text(),
            autoincrement=False,
            nullable=False,
            comment="passing, fragile, failing_own, bounces, forwarded, recipient_gateway, unknown",
        ),
        sa.Column(
            "service",
            sa.Text(),
            nullable=True,
            comment="the service behind it, as judged for this domain: key in the catalogue",
        ),
        sa.Column(
            "who",
            sa.Text(),
            nullable=False,
            comment="the service's name, else the owner, else the name, else the address",
        ),
        sa.Column("messages", sa.BigInteger(), nullable=False, comment="of this verdict in the period"),
        sa.Column("failing", sa.BigInteger(), nullable=False, comment="of them, those that fail DMARC"),
        sa.Column("reason", sa.Text(), nullable=False, comment="why, in one sentence"),
        sa.Column("next_step", sa.Text(), nullable=True, comment="what to do about it; empty: nothing"),
        sa.Column("evidence", sa.Text(), nullable=False, comment="identifiers that were seen, one a line"),
        sa.Column("first_day", sa.Date(), nullable=False, comment="first of the period on which it was seen"),
        sa.Column("last_day", sa.Date(), nullable=False, comment="last of the period on which it was seen"),
        sa.Column("judged_at", MOMENT, nullable=False, comment="when"),
        sa.PrimaryKeyConstraint("policy_domain", "source_ip", "verdict", name=op.f("pk_source_verdict")),
        comment="What a sending address is to a policy domain, over the 30 days up to the last report",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_source_verdict_source_ip"), "source_verdict", ["source_ip"], unique=False)
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        comment_tables(1)
    make_views(dialect)


def downgrade() -> None:
    for view in VIEWS:
        op.execute(f"DROP VIEW {view}")
    op.drop_table("source_verdict")
    op.drop_table("registry")
    for table, columns in (("network", network_columns()), ("source", source_columns())):
        for column in columns:
            op.drop_column(table, column.name)
    if op.get_bind().dialect.name == "postgresql":
        comment_tables(0)
