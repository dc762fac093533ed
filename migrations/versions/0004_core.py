"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "faea80224429c56dd321b8e3e02eba3176fe84393d9b2a66d7044714714d027d")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "718c8108dd5e5023c372b0ffe8f226b8b276e2520326b545056d6816c4e72845")
