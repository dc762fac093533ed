"""Tests of programs: what the database takes for one, and what its SQL gives."""
