"""A scanning station: the daemon, scanning sessions, the books on its shelf, and the commands for them."""
