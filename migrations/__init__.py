"""Alembic migrations: three branches, pure SQL, frozen."""
