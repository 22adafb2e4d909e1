"""Proves, offline, that stored runs are complete and unaltered (docs/how-to/prove-a-run.md)."""
