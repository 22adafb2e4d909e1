"""Drivers of sensors of the air: files of the Linux kernel, transmitters on a line. None of them sets anything."""
