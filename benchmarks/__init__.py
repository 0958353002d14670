"""What the program costs and how well it does, measured; never part of the tests."""
