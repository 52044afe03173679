"""Block A: what the station's secrets are, and what is said when they change."""
