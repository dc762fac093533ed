"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from pgscore._migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "f8fc08b0e8a96d91f8c5ce45f0e8d0b9a3fc00a7df5da8c64aa72463620db233")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "17ee905d23ef30193ea36a6a58a446ae6fcb7141a076a67f87537fbcbbdc8e99")
