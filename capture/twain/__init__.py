"""Scanners through TWAIN 2.5 (Windows): a client of our own; all but `managers` runs in a disposable process."""
