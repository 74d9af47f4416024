"""Starting, finding and stopping services."""
