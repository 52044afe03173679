"""B01 to B03: the station introduces itself, and is silent until it may speak."""
