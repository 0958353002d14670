"""Names of case files: by their patterns, safe, told apart without punctuation, and read back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from book import Case, Identity
from bookpack.cases import CaseName, case_names, double_names, package_name, parse_case_name
from bookpack.contents import MinistryParams
from bookpack.manifest import bare
from errors import BadConfig

BOOK = Identity("KH", 1994, "14800", 3)


def test_a_case_with_number_and_date_has_its_final_name(contents):
    first, second, third = (page.id for page in contents.pages)
    known = replace(contents, cases=(Case((first, second), "5", "1994-02-03"), Case((second,), "112", "1995-01-02"),
                                     Case((third,))))
    assert case_names(known, MinistryParams()) == ["KH.1994.03.1994-02-03.05", "KH.1994.03.1995-01-02.112",
                                                   "KH.1994.14800.03.A4.3"]


def test_a_further_case_on_a_page_moves_no_other_name(contents):
    first, second, third = (page.id for page in contents.pages)
    shared = replace(contents, cases=(Case((first,)), Case((first,), id="more"), Case((second,)), Case((third,), slip=True)))
    names = case_names(shared, MinistryParams())
    assert names == ["KH.1994.14800.03.A4.1", "KH.1994.14800.03.A4.1x2", "KH.1994.14800.03.A4.2",
                     "KH.1994.14800.03.A4.3cc"]
    assert [(name.sequence, name.nth, name.slip) for name in map(parse_case_name, names)] == [
        (1, None, False), (1, 2, False), (2, None, False), (3, None, True)]


def test_a_slip_is_named_beside_its_case(contents):
    first, second, _ = (page.id for page in contents.pages)
    both = replace(contents, cases=(Case((first,), "5", "1994-02-03"), Case((second,), "5", "1994-02-03", slip=True)))
    assert case_names(both, MinistryParams()) == ["KH.1994.03.1994-02-03.05", "KH.1994.03.1994-02-03.05cc"]
    assert double_names(both, MinistryParams()) == []


@pytest.mark.parametrize(("name", "said"), [
    ("KS.2017.01.2017-02-03.05", CaseName("KS", 2017, 1, date="2017-02-03", number=5)),
    ("KH.1994.3.1994-02-26.0058", CaseName("KH", 1994, 3, date="1994-02-26", number=58)),
    ("KS.2005.31477.02.A2.200", CaseName("KS", 2005, 2, place="31477", paper="A2", sequence=200)),
    ("KS.2017.01.2017-02-03.05cc", CaseName("KS", 2017, 1, date="2017-02-03", number=5, slip=True)),
    ("KS.2017.01.2017-02-03.cc05", CaseName("KS", 2017, 1, date="2017-02-03", number=5, slip=True)),
    ("KS.2017.01", None), ("KS.2017.01.2017-02-03", None), ("page 1", None), ("", None),
])
def test_names_are_read_back_in_any_width(name, said):
    assert parse_case_name(name) == said


def test_a_name_says_whether_it_is_of_a_book():
    assert parse_case_name("KH.1994.3.1994-02-26.58").is_of(BOOK)
    assert parse_case_name("KH.1994.14800.03.A4.1").is_of(BOOK)
    for other in ("KH.1994.4.1994-02-26.58", "KS.1994.3.1994-02-26.58", "KH.1995.03.1994-02-26.58", "KH.1994.14801.03.A4.1"):
        assert not parse_case_name(other).is_of(BOOK)


@given(some.integers(1, 99999), some.dates(), some.integers(1, 999))
def test_the_default_patterns_are_read_back_as_they_were_filled(number, date, volume):
    name = MinistryParams().case_name.format(kind="KS", year=2001, volume=volume, date=date.isoformat(), number=number)
    assert parse_case_name(name) == CaseName("KS", 2001, volume, date=date.isoformat(), number=number)


def test_the_package_is_named_by_type_year_and_volume():
    assert package_name(BOOK, MinistryParams()) == "KH.1994.03"
    assert package_name(BOOK, MinistryParams(package_name="{place}-{kind}-{volume}")) == "14800-KH-3"


@pytest.mark.parametrize("pattern", ["{kind}/{year}", "../{kind}", "{nothing}", "{kind", "", "{kind} {year}",
                                     "CON:{kind}", "{kind.nothing}", "sổ.{kind}", "{kind}."])
def test_a_pattern_that_gives_no_safe_name_is_refused(pattern):
    with pytest.raises(BadConfig):
        package_name(BOOK, MinistryParams(package_name=pattern))


@pytest.mark.parametrize("pattern", ["{kind}", "{kind}.{paper}"])
def test_a_pattern_that_gives_one_name_twice_is_refused(contents, pattern):
    with pytest.raises(BadConfig) as caught:
        case_names(contents, MinistryParams(scan_name=pattern))
    assert caught.value.code == "pattern_not_unique"


@pytest.mark.parametrize("number", ["12", "1-2"])
def test_cases_that_would_bear_one_name_keep_that_of_the_scan_stage(contents, number):
    first, second, third = (page.id for page in contents.pages)
    alike = replace(contents, cases=(Case((first,), number, "1994-02-03"), Case((second,), "12", "1994-02-03"),
                                     Case((third,), "13", "1994-02-03")))
    assert case_names(alike, MinistryParams()) == ["KH.1994.14800.03.A4.1", "KH.1994.14800.03.A4.2",
                                                   "KH.1994.03.1994-02-03.13"]
    assert double_names(alike, MinistryParams()) == sorted({f"KH.1994.03.1994-02-03.{number}", "KH.1994.03.1994-02-03.12"})


def test_a_name_without_punctuation_still_finds_its_file():
    assert bare("KH.1994.14800.03.A4.1.pdf") == bare("KH1994_1480003A41.pdf")
    assert bare("KH.1994.14800.03.A4.1.pdf") != bare("KH.1994.14800.03.A4.2.pdf")
