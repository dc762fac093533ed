"""PL/Python and its engines: the short part that a superuser reviews and runs."""

from pgscore._migrations.executor import run_frozen

revision = "0002_plpython"
down_revision = None
branch_labels = ("plpython",)
depends_on = "0001_core"


def upgrade() -> None:
    run_frozen("0002_plpython.up.sql", "116ded3008621c8dfea5e08ee97c33058c02c302051f2ab2e6264c93c9944bdb")


def downgrade() -> None:
    run_frozen("0002_plpython.down.sql", "de437b378465fc817e4bb74e663019fc9f12e81d614ee4b4a8255daa4615b503")
