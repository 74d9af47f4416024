"""Labelled texts: files read, a tokenizer learned of their words.

Knows nothing of pictures; a text file that is a table is read by `tables`.
"""
