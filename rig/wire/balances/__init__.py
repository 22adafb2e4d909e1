"""Codecs of balances other than MT-SICS: bytes to weights and back, no I/O."""
