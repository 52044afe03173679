"""The ports, done with real sockets and clocks.  Law: tells what happened, does what was asked, decides nothing."""
