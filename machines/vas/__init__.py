"""Internet access for the vehicle: a value-added service of ISO 15118-2, one lifecycle an EVSE."""
