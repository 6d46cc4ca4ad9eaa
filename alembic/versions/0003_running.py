"""Running for years: what was pruned, and what waits in each folder."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


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
    op.create_index(op.f("ix_pruned_report_identity"), "pruned_report", ["identity"], unique=False)
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
    op.drop_table("pruned_report")
