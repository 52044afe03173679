"""B07 and B08: reports of the device model."""
