"""What the component files and their loader promise."""
