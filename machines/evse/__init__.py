"""The hardware of an EVSE, as far as it obeys."""
