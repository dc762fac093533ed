"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "bcb1acfc32f60496cfa4d51c412c101e13a6dd9a30c8daf884ca76f7558e85a8")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "112ca1559bcad2a1f674f52572aecfc6a06efa06d2e567ec2c6bd1240b8e6d62")
