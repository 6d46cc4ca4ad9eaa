"""Running for years: what was pruned, and what waits in each folder."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
AGES = (("message", "decided_at"), ("tls_report", "ingested_at"), ("failure_report", "ingested_at"))
"""By which retention finds what is old; report.ingested_at has its index already."""


def upgrade() -> None:
    op.create_table(
        "pruned_report",
        sa.Column("xml_sha256", sa.String(length=64), nullable=False, comment="SHA-256 of the XML, in hex"),
        sa.Column("identity", sa.String(length=64), nullable=False, comment="report.identity"),
        sa.Column("counted", sa.Boolean(), nullable=False, comment="report.counted"),
        sa.Column("pruned_at", MOMENT, nullable=False, comment="when its removal began"),
        sa.PrimaryKeyConstraint("xml_sha256", name=op.f("pk_pruned_report")),
        comment=(
            "What is still known of a report that was removed for its age: another copy of it is not counted again"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "uq_pruned_report_identity_counted",
        "pruned_report",
        ["identity"],
        unique=True,
        postgresql_where=sa.text("counted"),
        sqlite_where=sa.text("counted"),
    )
    for table, column in AGES:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)
    op.add_column(
        "mailbox_state",
        sa.Column(
            "waiting",
            sa.BigInteger(),
            nullable=True,
            comment="messages without an outcome when it was last looked at",
        ),
    )
    op.add_column(
        "mailbox_state",
        sa.Column("oldest_waiting_at", MOMENT, nullable=True, comment="when the oldest of those arrived"),
    )


def downgrade() -> None:
    op.drop_column("mailbox_state", "oldest_waiting_at")
    op.drop_column("mailbox_state", "waiting")
    for table, column in AGES:
        op.drop_index(op.f(f"ix_{table}_{column}"), table)
    op.drop_table("pruned_report")
