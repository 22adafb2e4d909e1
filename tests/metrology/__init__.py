"""Tests of the mass-to-volume chain."""
