"""Blocks C, E and F: who may charge, what flows, and the transaction that tells of it."""
