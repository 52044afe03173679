"""The link to the CSMS: one slot, dialled again with back-off until told to stay away."""
