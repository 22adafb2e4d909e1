"""Studies: does what the rig states hold? Scripts whose results stand in the docs, with a small version as a test."""
