"""The serving process. Needs packaging and tasks only: no IPython, no matplotlib."""
