"""Codecs: bytes to messages and back, no I/O."""
