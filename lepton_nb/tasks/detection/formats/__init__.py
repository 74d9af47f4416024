"""Pictures with boxes as annotation tools write them: a module a format."""
