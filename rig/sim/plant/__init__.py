"""The plant: what insulin, tube, vessel, air and balance do, from commanded strokes to forces on the pan."""
