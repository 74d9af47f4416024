"""Tables: files read, cells cleaned, columns chosen, rows encoded.

Knows nothing of pictures and of what the rows mean to a model.
"""
