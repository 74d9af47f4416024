"""Pictures: found, decoded once, pooled, augmented, and streamed or read lazily where they are many.

Knows nothing of tables and texts. *Picture* is the word for people, *image* that of the API.
"""
