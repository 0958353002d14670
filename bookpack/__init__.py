"""A book to its two packages, the archive's and the ministry's, and the check of a package."""
