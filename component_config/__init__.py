"""What this station consists of, as files: one JSON file a component, and the loader that turns them into declarations."""
