"""Tests against a real database."""
