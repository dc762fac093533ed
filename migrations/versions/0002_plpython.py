"""PL/Python and its engines: the short part that a superuser reviews and runs."""

from pgscore._migrations.executor import run_frozen

revision = "0002_plpython"
down_revision = None
branch_labels = ("plpython",)
depends_on = "0001_core"


def upgrade() -> None:
    run_frozen("0002_plpython.up.sql", "9d1161b278733eac33a6a73a341d9a640911520849e6c6850c9e84b1ea9c668f")


def downgrade() -> None:
    run_frozen("0002_plpython.down.sql", "de437b378465fc817e4bb74e663019fc9f12e81d614ee4b4a8255daa4615b503")
