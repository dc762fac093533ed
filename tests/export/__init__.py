"""Exports, against real servers that the tests start."""
