"""Drivers of supplies and meters that speak SCPI, one for each dialect, with the models as data."""
