"""A wall of short messages. Whoever looks at it sees new ones as they come."""
