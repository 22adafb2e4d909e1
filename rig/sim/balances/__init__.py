"""Balances of the twin, one module per protocol, all on the plant's one weighing cell."""
