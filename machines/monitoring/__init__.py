"""Block N, as far as monitors go: set, cleared, reported, and heard of when they trigger (N02 to N08)."""
