"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from pgscore._migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "00af79dee031a2fb5796c71840b2305eb29f6a28e1f3117c9be7cd0806623b3f")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "17ee905d23ef30193ea36a6a58a446ae6fcb7141a076a67f87537fbcbbdc8e99")
