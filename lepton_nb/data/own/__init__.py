"""The user's own Datasets and DataLoaders, as they are: looked at, never rewritten.

Knows nothing of how they read; what it does not find out it leaves open.
"""
