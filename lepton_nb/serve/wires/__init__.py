"""Wires: how the worker reads what a client sent and writes what it gets, one dialect a class."""
