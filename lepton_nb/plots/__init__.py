"""Figures from arrays, in matplotlib and plotly."""
