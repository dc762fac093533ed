"""Tests of bindings: any event table, any profile."""
