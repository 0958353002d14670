"""Pixels in, decisions and pixels out: pure functions without files, clock, network, randomness or logging."""
