"""The device model: declared by component files, changed by facts only."""
