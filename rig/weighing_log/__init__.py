"""Anybody's weighing log as CSV: read, analysed, with its uncertainty (design 5.3)."""
