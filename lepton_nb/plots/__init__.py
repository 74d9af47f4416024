"""Figures: one module each, drawn by matplotlib or plotly in one look."""
