"""PL/Python and its engines: the short part that a superuser reviews and runs."""

from migrations.executor import run_frozen

revision = "0002_plpython"
down_revision = None
branch_labels = ("plpython",)
depends_on = "0001_core"


def upgrade() -> None:
    run_frozen("0002_plpython.up.sql", "385478b1fa51d2aa892508205664792a06000c9f406928775c533f16663f2a25")


def downgrade() -> None:
    run_frozen("0002_plpython.down.sql", "04e314feebb22b744c18243353059029a02e543a68bc7f683d2e8880542ae0a9")
