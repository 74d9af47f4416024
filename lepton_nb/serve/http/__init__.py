"""HTTP as it arrives: connections, heads, who may ask, and which answer is wanted. Knows no model."""
