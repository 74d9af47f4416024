"""`%lepton new`: folders to begin with, written from templates; this room knows nothing of what they do."""

from lepton_nb.scaffold.writing import new

__all__ = ["new"]
