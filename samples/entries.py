"""What is registered: made-up births, marriages and deaths, as columns and rows of the books ask for them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np

from samples import people
from samples.people import Person, Place, date_in_words, long_date, pick, short_date

NOTES = (
    "Đã cấp bản sao 1 lần", "Đã cấp lại bản chính", "Cải chính năm sinh theo QĐ số 12", "Đăng ký quá hạn",
    "Đã ghi vào sổ kép", "Bổ sung dân tộc của mẹ", "Theo đơn đề nghị",
)  # fmt: skip
NUMBER, DATE = "Số thứ tự", "Ngày, tháng, năm đăng ký"
Cell = tuple[str, str, float]  # printed label, handwritten value, share of the row's width


@dataclass(frozen=True)
class Entry:
    """One registered case: `cells` for a ledger, `rows` for a form."""

    number: int
    date: datetime.date
    cells: dict[str, str]
    rows: tuple[tuple[Cell, ...], ...]
    informant: Person
    note: str | None


@dataclass(frozen=True)
class Volume:
    """What the entries of one book share."""

    kind: str
    place: Place
    year: int
    number: int
    clerk: Person
    chairman: Person


def volume(rng: np.random.Generator, kind: str, year: int, number: int = 1) -> Volume:
    """A book with its place and its officers."""
    officers = [people.person(rng, False, year - 55, year - 28) for _ in range(2)]
    return Volume(kind, people.place(rng), year, number, *officers)


def entry(rng: np.random.Generator, book: Volume, number: int, date: datetime.date) -> Entry:
    """A made-up case of the book's kind."""
    cells, rows, informant = {"KS": _birth, "KH": _marriage, "KT": _death}[book.kind](rng, book, date)
    note = pick(rng, NOTES) if rng.random() < 0.35 else None
    return Entry(number, date, {NUMBER: str(number), DATE: short_date(date), **cells}, rows, informant, note)


def _home(person: Person, place: Place) -> str:
    return f"Thôn {person.village}, xã {place.commune}"


def _parent(person: Person, year: int) -> str:
    return f"{person.name} {year - person.born.year} tuổi, dân tộc {person.people}, {person.trade.lower()}"


def _birth(rng, book: Volume, date: datetime.date):
    father = people.person(rng, False, book.year - 40, book.year - 22)
    mother = people.person(rng, True, book.year - 38, book.year - 20)
    born = date - datetime.timedelta(days=int(rng.integers(3, 60)))
    girl = bool(rng.random() < 0.5)
    child = people.person(rng, girl, book.year, book.year, father.name.split()[0])
    clinic = f"Trạm y tế xã {book.place.commune}"
    cells = {
        "Họ và tên người được khai sinh": child.name,
        "Nam, nữ": "Nữ" if girl else "Nam",
        "Ngày, tháng, năm sinh": short_date(born),
        "Nơi sinh": clinic,
        "Họ tên, tuổi, dân tộc người cha": _parent(father, book.year),
        "Họ tên, tuổi, dân tộc người mẹ": _parent(mother, book.year),
        "Chỗ ở": _home(father, book.place),
    }
    rows = (
        (("Họ và tên:", child.name, 0.7), ("Giới tính:", "Nữ" if girl else "Nam", 0.3)),
        (("Ngày, tháng, năm sinh:", short_date(born), 1.0),),
        (("(Ghi bằng chữ):", date_in_words(born), 1.0),),
        (("Nơi sinh:", clinic, 1.0),),
        (("Dân tộc:", father.people, 0.5), ("Quốc tịch:", "Việt Nam", 0.5)),
        (("Họ và tên mẹ:", mother.name, 0.65), ("Năm sinh:", str(mother.born.year), 0.35)),
        (("Dân tộc:", mother.people, 0.5), ("Quốc tịch:", "Việt Nam", 0.5)),
        (("Nơi thường trú/tạm trú:", _home(mother, book.place), 1.0),),
        (("Họ và tên cha:", father.name, 0.65), ("Năm sinh:", str(father.born.year), 0.35)),
        (("Dân tộc:", father.people, 0.5), ("Quốc tịch:", "Việt Nam", 0.5)),
        (("Nơi thường trú/tạm trú:", _home(father, book.place), 1.0),),
        (("Họ và tên người đi khai sinh:", father.name, 0.7), ("Quan hệ:", "Bố đẻ", 0.3)),
    )
    return cells, rows, father


def _marriage(rng, book: Volume, date: datetime.date):
    man = people.person(rng, False, book.year - 32, book.year - 20)
    woman = people.person(rng, True, book.year - 29, book.year - 18)
    cells = {
        "Họ và tên chồng, ngày, tháng, năm sinh": f"{man.name} sinh ngày {short_date(man.born)}",
        "Họ và tên vợ, ngày, tháng, năm sinh": f"{woman.name} sinh ngày {short_date(woman.born)}",
        "Dân tộc, nghề nghiệp": f"{man.people}, {man.trade.lower()}",
        "Nơi cư trú": f"{_home(man, book.place)}, huyện {book.place.district}",
    }
    rows = tuple(
        row
        for title, person in (("chồng", man), ("vợ", woman))
        for row in (
            ((f"Họ và tên {title}:", person.name, 1.0),),
            (("Ngày, tháng, năm sinh:", short_date(person.born), 1.0),),
            (("Dân tộc:", person.people, 0.5), ("Quốc tịch:", "Việt Nam", 0.5)),
            (("Nghề nghiệp:", person.trade, 1.0),),
            (("Nơi thường trú/tạm trú:", _home(person, book.place), 1.0),),
            (("Số CMND:", f"17{int(rng.integers(1000000, 9999999))}", 1.0),),
        )
    )
    return cells, rows, woman


def _death(rng, book: Volume, date: datetime.date):
    woman = bool(rng.random() < 0.5)
    dead = people.person(rng, woman, book.year - 92, book.year - 30)
    child = people.person(rng, False, book.year - 50, book.year - 22, dead.name.split()[0])
    died = date - datetime.timedelta(days=int(rng.integers(1, 20)))
    cause = pick(rng, people.CAUSES)
    cells = {
        "Họ và tên người chết": dead.name,
        "Nam, nữ": "Nữ" if woman else "Nam",
        "Ngày, tháng, năm sinh": str(dead.born.year),
        "Ngày, tháng, năm chết": short_date(died),
        "Nguyên nhân chết": cause,
        "Nơi cư trú cuối cùng": f"{_home(dead, book.place)}, huyện {book.place.district}",
        "Họ và tên người báo tử": f"{child.name} (con), {book.year - child.born.year} tuổi",
    }
    rows = (
        (("Họ và tên:", dead.name, 0.7), ("Giới tính:", "Nữ" if woman else "Nam", 0.3)),
        (("Ngày, tháng, năm sinh:", short_date(dead.born), 1.0),),
        (("Dân tộc:", dead.people, 0.5), ("Quốc tịch:", "Việt Nam", 0.5)),
        (("Nơi thường trú/tạm trú cuối cùng:", _home(dead, book.place), 1.0),),
        (("Đã chết vào lúc:", f"{int(rng.integers(0, 24))} giờ, {long_date(died)}", 1.0),),
        (("(Ghi bằng chữ):", date_in_words(died), 1.0),),
        (("Nơi chết:", _home(dead, book.place), 1.0),),
        (("Nguyên nhân chết:", cause, 1.0),),
        (
            ("Giấy báo tử số:", str(int(rng.integers(1, 90))), 0.4),
            ("do:", f"UBND xã {book.place.commune}", 0.6),
        ),
        (("Họ và tên người báo tử:", child.name, 0.7), ("Quan hệ:", "Con", 0.3)),
    )
    return cells, rows, child
