"""What the loop calls between steps and epochs."""
