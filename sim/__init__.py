"""The virtual world around a station.  Law: its seed is its only chance, and its clock moves only when told."""
