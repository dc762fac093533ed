"""PL/Python and its engines: the short part that a superuser reviews and runs."""

from migrations.executor import run_frozen

revision = "0002_plpython"
down_revision = None
branch_labels = ("plpython",)
depends_on = "0001_core"


def upgrade() -> None:
    run_frozen("0002_plpython.up.sql", "88374cd27b3ae7de06bf5b897d3a514b981b883534a8827c00cbf9fa27c57377")


def downgrade() -> None:
    run_frozen("0002_plpython.down.sql", "04e314feebb22b744c18243353059029a02e543a68bc7f683d2e8880542ae0a9")
