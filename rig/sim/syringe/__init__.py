"""Laboratory syringe pumps of the twin, byte for byte, and the syringe they press on."""
