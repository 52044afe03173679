"""Which OCPP version a link speaks: offered by us, chosen by the CSMS."""
