"""Data sets: what goes into a model, cleaned, split and described."""
