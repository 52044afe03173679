"""Journals read again, folded or decided anew.  Law: reaches no adapter and acts on nothing."""
