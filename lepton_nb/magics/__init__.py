"""The `%lepton` magic: one file a subcommand."""
