"""A province in one command: many books, from any store to any store, on any engine.

`storage` and `remote` say where files lie; the other modules say what is done with them.
"""
