"""Tests with several sessions at once."""
