"""How full the journal is, and what is done about it."""
