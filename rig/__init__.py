"""A hardware-in-the-loop rig that verifies insulin pumps."""
