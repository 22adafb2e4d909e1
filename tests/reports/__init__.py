"""Tests of report rendering."""
