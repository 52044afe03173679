"""G02 Heartbeat."""
