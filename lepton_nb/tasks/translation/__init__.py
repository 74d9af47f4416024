"""Sequences to sequences: a sentence in, a sentence out."""

from lepton_nb.tasks.translation.task import Translation

__all__ = ["Translation"]
