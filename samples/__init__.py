"""Made-up register books with the truth beside them: for the demo, the tests and the benchmarks.

`people` invents who is registered, `forms` lays out the printed books, `ink` writes and stamps, `wear` is what
time does to a sheet, `camera` what a scanner or a phone makes of it, `generate` is the way in, `committed` lists the
set in `pages/`. The program itself imports nothing from here.
"""
