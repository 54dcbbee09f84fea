"""Killed without a warning, again and again: nothing that was acknowledged is lost, and everything arrives once."""
