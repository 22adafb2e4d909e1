"""Tests of the qualification of a bench."""
