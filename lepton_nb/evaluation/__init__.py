"""Metrics and figures over a data set."""
