"""Byte transcripts of the rig's instruments as data files, judged against drivers and simulators alike.

See `tests.transcripts.notation` for how they are written and read.
"""
