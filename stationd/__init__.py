"""The composition root and the command line.  Law: here the parts are put together; nothing is decided here."""
