"""Readers of PMML documents."""
