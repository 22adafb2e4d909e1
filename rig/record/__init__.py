"""The crash-safe run record."""
