"""The documentation holds: its examples run, and its reference is what the code says."""
