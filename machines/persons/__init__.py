"""Persons: who is to be forgotten, when that may be, and that it was done."""
