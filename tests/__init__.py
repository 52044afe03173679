"""Tests tell stories; what they share is in story.py and conftest.py."""
