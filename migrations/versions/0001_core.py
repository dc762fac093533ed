"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from pgscore._migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "f0c494b3ace1d6e21399943a25421b818558eb5051e633b43396db7e12ade8bf")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "17ee905d23ef30193ea36a6a58a446ae6fcb7141a076a67f87537fbcbbdc8e99")
