"""What the station sends: one CALL in flight a link, a queue that outlives power cuts."""
