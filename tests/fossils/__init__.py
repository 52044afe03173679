"""Journals of released builds, and the tool that records them."""
