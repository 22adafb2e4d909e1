"""Simulated bench instruments that speak SCPI: supplies that stand in for the pump's battery, and meters."""
