"""Block J: what the meters say, and when it is told."""
