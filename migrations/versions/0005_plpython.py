"""0.2.0: whole arrays as one value in binary."""

from pgscore._migrations.executor import run_frozen

revision = "0005_plpython"
down_revision = "0002_plpython"
branch_labels = None
depends_on = "0004_core"


def upgrade() -> None:
    run_frozen("0005_plpython.up.sql", "f34dcdd2a357bfd79d2997864ee9d02bee57e351cde42b42d664cb0a08f5772f")


def downgrade() -> None:
    run_frozen("0005_plpython.down.sql", "4adbd4d870c66f06f640f4d8e75ec449de9639ed091002599b039a67130f2ef4")
