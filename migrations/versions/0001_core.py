"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "41f257cc13d444aece775f2be7fcf0d74114045c1c9328128d0af77f3a41b74b")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "ad508c84d3a15345fa2f6beeff0a8f56a03d6e3c0b0710390c68b9e344e88f0e")
