"""Where turns are kept.  Law: appended, never changed; a turn is durable before anything that it asks for is done."""
