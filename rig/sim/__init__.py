"""The digital twin: plant, ledgers and devices that answer bytes."""
