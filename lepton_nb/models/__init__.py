"""Model definitions: built, checked against a real batch, explained when they do not fit."""
