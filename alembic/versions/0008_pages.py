"""For pages: how each domain stands, kept when it is judged, and indexes by what is looked at.

Nothing is judged here: what is kept comes with the next run of `ruamill run` or `ruamill enrich`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "domain_standing",
        sa.Column("policy_domain", sa.Text(), autoincrement=False, nullable=False, comment="policy domain"),
        sa.Column("judged_at", MOMENT, nullable=False, comment="when"),
        sa.Column(
            "last_day",
            sa.Date(),
            nullable=False,
            comment="the last day that was reported: the periods that were judged end on it",
        ),
        sa.Column("level", sa.Text(), nullable=False, comment="act, look, well"),
        sa.Column(
            "sentence", sa.Text(), nullable=False, comment="the verdict over the 30 days, in one sentence"
        ),
        sa.Column(
            "p", sa.Text(), nullable=True, comment="published policy: none, quarantine, reject, unknown"
        ),
        sa.Column("testing", sa.Text(), nullable=True, comment="published t tag: y or n (RFC 9989)"),
        sa.Column(
            "content",
            sa.LargeBinary(),
            nullable=False,
            comment="what was judged of all periods, as JSON, compressed by zlib",
        ),
        sa.PrimaryKeyConstraint("policy_domain", name=op.f("pk_domain_standing")),
        comment="How a policy domain stands, as it was judged last: what pages show without judging anything",
    )
    op.create_table(
        "domain_standing_period",
        sa.Column("policy_domain", sa.Text(), autoincrement=False, nullable=False, comment="policy domain"),
        sa.Column("days", sa.SmallInteger(), autoincrement=False, nullable=False, comment="7, 30, 90"),
        sa.Column(
            "content",
            sa.LargeBinary(),
            nullable=False,
            comment="its sources and selectors, as JSON, compressed by zlib",
        ),
        sa.PrimaryKeyConstraint("policy_domain", "days", name=op.f("pk_domain_standing_period")),
        comment="What was judged of a policy domain's sources in one of the periods up to the last day",
    )
    _index_short("source_verdict", "who", "policy_domain", "who")
    _index_short("report", "reporter", "reporter", "day")


def _index_short(table: str, text: str, *columns: str) -> None:
    """Index the rows whose text is short: PostgreSQL refuses a row with more than 2,704 bytes in an index."""
    where = sa.text(f"length({text}) <= 200")
    name = f"ix_{table}_{'_'.join(columns)}"
    op.create_index(name, table, list(columns), postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    op.drop_index("ix_report_reporter_day", "report")
    op.drop_index("ix_source_verdict_policy_domain_who", "source_verdict")
    op.drop_table("domain_standing_period")
    op.drop_table("domain_standing")
