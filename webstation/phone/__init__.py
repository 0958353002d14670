"""The phone as a scanner: a door of its own, through which phones may add photos to one book, and nothing else.

`doorkeeper.Phones` is what the station works with. What comes in whole goes into the spool, and from there the way of
all pages (`capture/phone.py`).
"""
