"""For analysts: what was decided of conflicts, runs that read everything again, and the views as a contract."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


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


def downgrade() -> None:
    op.drop_table("reparse_run")
    op.drop_column("report", "decision")
