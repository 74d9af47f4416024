"""Live panels in the notebook."""
