"""What is already numbers in memory: arrays and tensors, and the bundle of whatever was made into numbers.

Knows nothing of files.
"""
