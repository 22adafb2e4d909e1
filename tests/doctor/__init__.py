"""Tests of the bench doctor."""
