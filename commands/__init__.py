"""The commands about books and their packages: cases, closing, samples, reports. Each module says what came of its work."""
