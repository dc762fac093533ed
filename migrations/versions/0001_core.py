"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "1e9f6a9f186810542d2c8a9f0432fab39675f0f0ee0db04876e23f9122c5f74f")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "ad508c84d3a15345fa2f6beeff0a8f56a03d6e3c0b0710390c68b9e344e88f0e")
