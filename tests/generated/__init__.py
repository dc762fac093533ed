"""Snapshots of what attach generates, as a DBA finds it in the catalog."""
