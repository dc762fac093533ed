"""Readers of H2O MOJO files."""
