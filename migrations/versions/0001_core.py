"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "7d5d42ff92d953958af7750b033508a35281459aef6d6e698b3f317e9aedfa49")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "ad508c84d3a15345fa2f6beeff0a8f56a03d6e3c0b0710390c68b9e344e88f0e")
