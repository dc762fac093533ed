"""Versions as documents that answer without a database."""
