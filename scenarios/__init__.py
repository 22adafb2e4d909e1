"""The scripted scenarios, one file per question asked of the pump."""
