"""Packages: the one thing that crosses from training to serving."""
