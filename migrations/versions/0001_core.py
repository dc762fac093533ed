"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from pgscore._migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "fe7f129efedf42dcac13e8d17bc563aa53f605cde28f861b0a9c580b98d78a7f")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "17ee905d23ef30193ea36a6a58a446ae6fcb7141a076a67f87537fbcbbdc8e99")
