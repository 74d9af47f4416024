"""What the processes of a service share: its settings, the one channel they talk over, and their limits.

The front starts the others, watches them and ends them. Nothing here knows a model, a request or a route.
"""
