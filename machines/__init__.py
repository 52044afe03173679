"""The station's machines.  Law: facts change state and nothing else does; no clock, chance or file in here."""
