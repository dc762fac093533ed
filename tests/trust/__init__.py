"""Attacks, and the patterns that would let them in."""
