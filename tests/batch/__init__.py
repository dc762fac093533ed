"""Tests of what goes over whole tables."""
