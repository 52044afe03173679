"""Wall time as a fold."""
