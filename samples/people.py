"""Made-up people, places and dates, as a Vietnamese register states them. No name is from a real book."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np

FAMILY = (
    "Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Dương", "Lý",
    "Trịnh", "Mai", "Lường", "Cầm", "Quách", "Hà", "Trương",
)  # fmt: skip
MIDDLE_MEN = ("Văn", "Đức", "Hữu", "Công", "Xuân", "Quang", "Đình", "Bá", "Trọng", "Ngọc", "Minh", "Thế")
MIDDLE_WOMEN = ("Thị", "Thị", "Thị", "Thị", "Ngọc", "Thu", "Kim", "Thanh", "Hồng")
GIVEN_MEN = (
    "Hùng", "Dũng", "Cường", "Thắng", "Tuấn", "Sơn", "Hải", "Long", "Nam", "Bình", "Phúc", "Lộc",
    "Thịnh", "Khánh", "Việt", "Quyết", "Tiến", "Đạt", "Thưởng", "Nghĩa", "Trường", "Kỳ",
)  # fmt: skip
GIVEN_WOMEN = (
    "Hường", "Lan", "Huệ", "Mai", "Thủy", "Hằng", "Nhung", "Loan", "Yến", "Thảo", "Phượng", "Nguyệt",
    "Tuyết", "Hạnh", "Oanh", "Duyên", "Quỳnh", "Mỵ", "Lụa", "Nở", "Thắm",
)  # fmt: skip
PEOPLES = ("Kinh", "Kinh", "Kinh", "Kinh", "Mường", "Thái", "Thổ", "Dao")
TRADES = (
    "Làm ruộng", "Làm ruộng", "Làm ruộng", "Giáo viên", "Thợ mộc", "Bộ đội", "Y tá", "Công nhân",
    "Buôn bán",
)  # fmt: skip
VILLAGES = (
    "Đồng Bái", "Làng Ngọn", "Yên Phượng", "Phú Lãng", "Đông Quýt", "Bãi Sậy", "Xuân Ổ", "Cồn Trữ",
    "Thượng Nguồn",
)  # fmt: skip
PLACES = (
    ("Hoằng Lựu", "Sơn Quýt"), ("Quảng Diệu", "Sơn Quýt"), ("Thọ Bưởi", "Đông Lũy"), ("Nga Sậy", "Ngọc Hạc"),
    ("Cẩm Vượng", "Yên Vượng"), ("Hà Lũy", "Đông Lũy"), ("Thiệu Cau", "Ngọc Hạc"),
)  # fmt: skip
PROVINCE = "Thanh Hóa"
CAUSES = ("Già yếu", "Bệnh phổi", "Tai nạn", "Bệnh tim", "Cảm đột ngột", "Già yếu", "Bệnh gan")
COUNTS = (
    "không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín", "mười",
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A made-up commune with its made-up district, in the real province."""

    commune: str
    district: str


@dataclass(frozen=True)
class Person:
    """One made-up person."""

    name: str
    woman: bool
    born: datetime.date
    people: str
    trade: str
    village: str


def pick(rng: np.random.Generator, choices):
    """One of `choices`."""
    return choices[int(rng.integers(len(choices)))]


def place(rng: np.random.Generator) -> Place:
    """Where a book was kept."""
    return Place(*pick(rng, PLACES))


def day(rng: np.random.Generator, first_year: int, last_year: int) -> datetime.date:
    """A day within these years, both included."""
    first = datetime.date(first_year, 1, 1).toordinal()
    last = datetime.date(last_year, 12, 31).toordinal()
    return datetime.date.fromordinal(int(rng.integers(first, last + 1)))


def person(
    rng: np.random.Generator, woman: bool, first_year: int, last_year: int, family: str | None = None
) -> Person:
    """Somebody born within these years."""
    middle = pick(rng, MIDDLE_WOMEN if woman else MIDDLE_MEN)
    given = pick(rng, GIVEN_WOMEN if woman else GIVEN_MEN)
    name = f"{family or pick(rng, FAMILY)} {middle} {given}"
    return Person(
        name,
        woman,
        day(rng, first_year, last_year),
        pick(rng, PEOPLES),
        pick(rng, TRADES),
        pick(rng, VILLAGES),
    )


def short_date(date: datetime.date) -> str:
    """12-5-1987, as clerks write it."""
    return f"{date.day:02d}-{date.month}-{date.year}"


def long_date(date: datetime.date) -> str:
    """ngày 12 tháng 5 năm 1987."""
    return f"ngày {date.day:02d} tháng {date.month:02d} năm {date.year}"


def number_in_words(number: int) -> str:
    """A number from 0 to 9999 in Vietnamese words."""
    if number <= 10:
        return COUNTS[number]
    if number < 20:
        return "mười " + ("lăm" if number == 15 else COUNTS[number - 10])
    if number < 100:
        tens, ones = divmod(number, 10)
        tail = {0: "", 1: " mốt", 5: " lăm"}.get(ones, f" {COUNTS[ones]}")
        return f"{COUNTS[tens]} mươi{tail}"
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        link = " lẻ " if 0 < rest < 10 else " "
        return f"{COUNTS[hundreds]} trăm" + (link + number_in_words(rest) if rest else "")
    thousands, rest = divmod(number, 1000)
    link = " không trăm lẻ " if 0 < rest < 10 else " không trăm " if rest < 100 else " "
    return f"{COUNTS[thousands]} nghìn" + (link + number_in_words(rest) if rest else "")


def date_in_words(date: datetime.date) -> str:
    """A whole date in words, as the form asks for it."""
    number, month, year = (number_in_words(part) for part in (date.day, date.month, date.year))
    return f"Ngày {number}, tháng {month}, năm {year}"
