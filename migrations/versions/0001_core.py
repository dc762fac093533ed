"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from pgscore._migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "7fab350b8ec238d36a38d5f88828847d218df71759beedad6cc2aa9fa453ae60")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "1c658cc383f0f9974c4ecc6929c32775c0a13efbdb927a2a35f64b160b22210a")
