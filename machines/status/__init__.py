"""G01 Status Notification."""
