"""Scanners through SANE (Linux): what only the disposable process of its drivers loads."""
