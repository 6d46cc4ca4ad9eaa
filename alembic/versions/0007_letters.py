"""Letters and alerts as they are sent, each claimed before; nothing was ever written into the table as it was."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.drop_table("summary_delivery")
    op.create_table(
        "summary_delivery",
        sa.Column("id", KEY, autoincrement=False, nullable=False, comment="key"),
        sa.Column("kind", sa.Text(), nullable=False, comment="daily, weekly, alert"),
        sa.Column("channel", sa.Text(), nullable=False, comment="mail, webhook"),
        sa.Column("recipient", sa.Text(), nullable=False, comment="mail address, or name of the webhook"),
        sa.Column("topic", sa.Text(), nullable=False, comment="the domain, or 'all'; of an alert its cause"),
        sa.Column(
            "period_begins_at",
            MOMENT,
            nullable=False,
            comment="reports ingested after then; of an alert the day",
        ),
        sa.Column("period_ends_at", MOMENT, nullable=False, comment="until then"),
        sa.Column(
            "message_id", sa.Text(), nullable=False, comment="Message-ID of the letter, the same at every try"
        ),
        sa.Column("subject", sa.Text(), nullable=False, comment="its subject"),
        sa.Column(
            "content",
            sa.LargeBinary(),
            nullable=False,
            comment="as it is sent, the same at every try, compressed by zlib; empty once it was sent",
        ),
        sa.Column("claimed_at", MOMENT, nullable=False, comment="when it was claimed"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="how often it was tried"),
        sa.Column(
            "next_try_at",
            MOMENT,
            nullable=True,
            comment="when it is tried next; empty: it was sent, or given up",
        ),
        sa.Column("sent_at", MOMENT, nullable=True, comment="when the mail server took it"),
        sa.Column("error", sa.Text(), nullable=True, comment="why it did not, the last time"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_summary_delivery")),
        sa.UniqueConstraint(
            "recipient",
            "channel",
            "kind",
            "topic",
            "period_begins_at",
            name=op.f("uq_summary_delivery_recipient_channel_kind_topic_period_begins_at"),
        ),
        comment="Which letter or alert went to whom for which period; claimed before it is sent",
    )
    op.create_index(op.f("ix_summary_delivery_next_try_at"), "summary_delivery", ["next_try_at"])


def downgrade() -> None:
    op.drop_table("summary_delivery")
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
    )
