"""The daemon and its command line.  Law: puts the rooms together and keeps no rule of its own."""
