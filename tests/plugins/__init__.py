"""Drivers as plug-ins: found, refused, recorded, and checked by the public suite."""
