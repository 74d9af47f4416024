"""Everything people see, spelled once: numbers, sizes, durations, words, and the HTML around them.

Knows no run, no chart and no task, and loads nothing that does not come with Python.
"""
