"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "f285850c9a60f6dd5db869f78bf566cb51fec8f9157e18730613426f704b7bed")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "ad508c84d3a15345fa2f6beeff0a8f56a03d6e3c0b0710390c68b9e344e88f0e")
