"""Made-up register books with the truth beside them: for the demo, the tests and the benchmarks.

`people` invents who is registered and `entries` what; `forms` lays out the printed books, `ink` writes and
stamps, `wear` is what time does to a sheet, `camera` what a scanner or a phone makes of it, `truth` what is
so. `generate` is the way in, `books` the set that lies here: all that the program itself uses, in its demo.
"""
