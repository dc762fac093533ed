"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from pgscore._migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "c96f1930ce6a967b82cdb2592c375ec412edfb52231d317dd75367c057881209")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "17ee905d23ef30193ea36a6a58a446ae6fcb7141a076a67f87537fbcbbdc8e99")
