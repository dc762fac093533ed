"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "9a3ad63b1c3a51cff2e8915aaee78c6fdc25659a7fd7eadd4503cb465390718a")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "ad508c84d3a15345fa2f6beeff0a8f56a03d6e3c0b0710390c68b9e344e88f0e")
