"""What the station wants of the operating system's network, as one plan."""
