"""0.2.0: whole arrays as one value in binary."""

from pgscore._migrations.executor import run_frozen

revision = "0005_plpython"
down_revision = "0002_plpython"
branch_labels = None
depends_on = "0004_core"


def upgrade() -> None:
    run_frozen("0005_plpython.up.sql", "e76d0a0df07c53e51585418e31068d62759f890a766e383749ff79ef0b8529f2")


def downgrade() -> None:
    run_frozen("0005_plpython.down.sql", "2c696c512328630fc9b4df5d40c8e17fc6e3ade4a66633e29a9ab51dc18a9348")
