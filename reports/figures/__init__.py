"""Figures as SVG: one function per figure, each returning None when there is nothing to draw."""
