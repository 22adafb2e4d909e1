"""Plays a scenario: drives the pump, samples the balance, writes the record; judges nothing."""
