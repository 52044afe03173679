"""The rules of the RPC layer that hold for every message: who may be answered, and with what."""
