"""0.2.0: whole arrays as one value in binary."""

from pgscore._migrations.executor import run_frozen

revision = "0005_plpython"
down_revision = "0002_plpython"
branch_labels = None
depends_on = "0004_core"


def upgrade() -> None:
    run_frozen("0005_plpython.up.sql", "c4ef81ce2f75165c303efc5bbc838fd63aceae7121aeaf6be77945fb900214ca")


def downgrade() -> None:
    run_frozen("0005_plpython.down.sql", "ba6537a2f6d702393edbe0f3bf37efd8db66694150767fa868550d1f4a5cb465")
