"""The printed books and how a clerk fills them in: ledgers to 1998, forms of 1999–2005, A4 forms since 2006.

Everything is in millimetres of the flat sheet. What is registered comes from `entries`; how the sheet looks
after years and through a camera is left to `wear` and `camera`.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable

import numpy as np

from samples import people
from samples.entries import DATE, NOTES, NUMBER, Cell, Entry, Volume, entry
from samples.ink import Hand, Sheet, flourish, hand_width, leader, print_text, rule, seal, sign, write
from samples.people import Place, long_date, pick, short_date

PAGE = (210.0, 297.0)
TITLES = {"KS": "SỔ ĐĂNG KÝ KHAI SINH", "KH": "SỔ ĐĂNG KÝ KẾT HÔN", "KT": "SỔ ĐĂNG KÝ KHAI TỬ"}
FORM_TITLES = {"KS": "KHAI SINH", "KH": "KẾT HÔN", "KT": "KHAI TỬ"}
Column = tuple[str, float]  # printed head, width in mm

SIGNATURE, REMARK = "Chữ ký", "Ghi chú"
LEDGERS: dict[str, tuple[tuple[Column, ...], tuple[Column, ...]]] = {
    "KS": (
        ((NUMBER, 12), (DATE, 29), ("Họ và tên người được khai sinh", 56), ("Nam, nữ", 14),
         ("Ngày, tháng, năm sinh", 34), ("Nơi sinh", 44)),
        (("Họ tên, tuổi, dân tộc người cha", 52), ("Họ tên, tuổi, dân tộc người mẹ", 52), ("Chỗ ở", 41),
         (SIGNATURE, 27), (REMARK, 17)),
    ),
    "KH": (
        ((NUMBER, 12), (DATE, 29), ("Họ và tên chồng, ngày, tháng, năm sinh", 58),
         ("Dân tộc, nghề nghiệp", 38), ("Nơi cư trú", 52)),
        (("Họ và tên vợ, ngày, tháng, năm sinh", 58), ("Dân tộc, nghề nghiệp", 36), ("Nơi cư trú", 46),
         (SIGNATURE, 31), (REMARK, 18)),
    ),
    "KT": (
        ((NUMBER, 12), (DATE, 29), ("Họ và tên người chết", 58), ("Nam, nữ", 14),
         ("Ngày, tháng, năm sinh", 36), ("Ngày, tháng, năm chết", 40)),
        (("Nguyên nhân chết", 42), ("Nơi cư trú cuối cùng", 48), ("Họ và tên người báo tử", 52),
         (SIGNATURE, 29), (REMARK, 18)),
    ),
}  # fmt: skip


def motto(sheet: Sheet, x: float, y: float) -> None:
    """The republic's name and motto, centred on x (mm)."""
    print_text(sheet, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", x, y, 11, bold=True, anchor="m")
    print_text(sheet, "Độc lập – Tự do – Hạnh phúc", x, y + 5.5, 11, bold=True, anchor="m")
    rule(sheet, (x - 22, y + 7.5), (x + 22, y + 7.5), 0.2)


def folio(sheet: Sheet, rng: np.random.Generator, number: int, x: float, y: float) -> None:
    """The number of a leaf, written or stamped at the corner of a page."""
    hand = Hand.of(rng, "blue", 7.0)
    write(sheet, rng, hand, f"{number:02d}", x, y)


def official_seal(sheet: Sheet, rng: np.random.Generator, place: Place, x: float, y: float) -> None:
    """The round seal of the commune's people's committee."""
    around = (
        f"★ U.B.N.D XÃ {place.commune.upper()} ★ H. {place.district.upper()} – T. {people.PROVINCE.upper()} "
    )
    seal(sheet, rng, x, y, around.replace("★", "*"), "U.B.N.D")


def pencil_note(sheet: Sheet, rng: np.random.Generator, x: float, y: float, room: float) -> None:
    """A faint remark, climbing a little."""
    hand = Hand("hand-upright", 4.4, 0.15, -rng.uniform(0.0, 0.08), 1.4, "pencil")
    write(sheet, rng, hand, pick(rng, NOTES), x, y, room)


def _wrapped(hand: Hand, text: str, room: float, k: float) -> list[str]:
    """Words filled into lines of `room` mm."""
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and hand_width(hand, joined, k) <= room:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def _heads(
    sheet: Sheet, columns: tuple[Column, ...], first_number: int, left: float, top: float, height: float
) -> None:
    """The printed heads of a ledger page, words set one below the other in narrow columns."""
    for i, (head, width) in enumerate(columns):
        words, limit = head.split(), max(4, int(width / 2.0))
        lines: list[str] = []
        for word in words:
            if lines and len(lines[-1]) + 1 + len(word) <= limit:
                lines[-1] += f" {word}"
            else:
                lines.append(word)
        middle = left + width / 2
        first = top + height / 2 - 2.1 * (len(lines) - 1) - 0.8
        for j, line in enumerate(lines):
            print_text(sheet, line, middle, first + 4.2 * j, 9, bold=True, anchor="m")
        print_text(sheet, f"({first_number + i})", middle, top + height - 1.2, 7, anchor="m")
        left += width


def ledger_page(
    sheet: Sheet,
    rng: np.random.Generator,
    book: Volume,
    entries: list[Entry],
    side: int,
    hands: list[Hand],
    row: float,
    rows: int,
) -> None:
    """One page (side 0 left, 1 right) of a ledger spread: head, ruled rows, what was written into them."""
    columns = LEDGERS[book.kind][side]
    left = 14.0 if side == 0 else 217.0
    right = left + sum(width for _, width in columns)
    top, head = 46.0, 21.0
    if side == 0:
        print_text(sheet, f"TỈNH {people.PROVINCE.upper()}", left, 16, 10)
        print_text(sheet, f"Huyện {book.place.district} – Xã {book.place.commune}", left, 21.5, 10)
        print_text(sheet, TITLES[book.kind], left + 95, 34, 17, bold=True, anchor="m")
        print_text(sheet, f"Năm {book.year}", left + 95, 41, 11, anchor="m")
    else:
        motto(sheet, left + 105, 18)
        print_text(sheet, f"Quyển số: {book.number:02d}", right, 41, 10, anchor="r")
    _heads(sheet, columns, 1 + side * len(LEDGERS[book.kind][0]), left, top, head)
    bottom = top + head + rows * row
    inner = 210.0
    ends = (left, inner) if side == 0 else (inner, right)
    for y in (top, top + head, *(top + head + row * (i + 1) for i in range(rows))):
        rule(sheet, (ends[0], y), (ends[1], y), 0.35)
    pitch = row / max(3, round(row / 7.6))
    for i in range(1, round(rows * row / pitch)):
        rule(sheet, (ends[0], top + head + i * pitch), (ends[1], top + head + i * pitch), 0.2, "feint")
    x = left
    for width in (0.0, *(width for _, width in columns)):
        x += width
        rule(sheet, (x, top), (x, bottom), 0.3)
    for i, (case, hand) in enumerate(zip(entries, hands, strict=True)):
        _ledger_row(sheet, rng, case, columns, left, top + head + i * row, pitch, hand)


def _ledger_row(sheet, rng, case: Entry, columns, left: float, top: float, pitch: float, hand: Hand) -> None:
    for name, width in columns:
        if name == SIGNATURE:
            sign(sheet, rng, hand.ink, case.informant.name, left + width / 2, top + 2.1 * pitch)
        elif name == REMARK and case.note:
            for i, line in enumerate(_wrapped(hand, case.note, width, sheet.pixels_per_mm)[:4]):
                write(sheet, rng, hand, line, left + 1.2, top + (i + 0.85) * pitch, width - 2)
        elif name in case.cells:
            lines = _wrapped(hand, case.cells[name], (width - 3) * 1.12, sheet.pixels_per_mm)
            for i, line in enumerate(lines[:4]):
                indent = 1.2 + abs(rng.normal(0, 0.7))
                write(sheet, rng, hand, line, left + indent, top + (i + 0.85) * pitch, width - 1 - indent)
        left += width


def form_rows(
    sheet: Sheet,
    rng: np.random.Generator,
    rows: Iterable[tuple[Cell, ...]],
    left: float,
    right: float,
    y: float,
    pitch: float,
    hand: Hand | None,
    points: float,
) -> float:
    """Printed labels with dotted lines, filled in, or empty without a hand. Returns the next free y (mm)."""
    for cells in rows:
        x = left
        for label, value, share in cells:
            end = x + (right - left) * share - 2
            start = print_text(sheet, label, x, y, points) + 1.5
            leader(sheet, start, end, y)
            if hand is not None:
                shift = rng.uniform(0.5, 3)
                write(sheet, rng, hand, value, start + shift, y - rng.uniform(0, 0.7), end - start - shift)
            x = end + 2
        y += pitch
    return y


def signatures(
    sheet: Sheet, rng, book: Volume, case: Entry | None, left: float, right: float, y: float, room: float
):
    """The three who sign, and the seal over the last."""
    informant = {"KS": "Người đi khai sinh", "KH": "Chồng, vợ", "KT": "Người báo tử"}[book.kind]
    titles = (informant, "Cán bộ tư pháp hộ tịch", "TM. UBND – Chủ tịch")
    width = (right - left) / 3
    for i, title in enumerate(titles):
        print_text(sheet, title, left + width * (i + 0.5), y, 10.5, bold=True, anchor="m")
    if case is None:
        return
    signers = (case.informant, book.clerk, book.chairman)
    middle = y + room * 0.5
    for i, person in enumerate(signers):
        ink = "blue" if i != 1 else "black"
        sign(sheet, rng, ink, person.name, left + width * (i + 0.5), middle)
        hand = Hand.of(rng, ink, 4.6)
        write(sheet, rng, hand, person.name, left + width * (i + 0.5) - 17, y + room * 0.93, 36)
    official_seal(sheet, rng, book.place, left + width * 2.28, middle + rng.uniform(-2, 4))


def form_page(sheet: Sheet, rng: np.random.Generator, book: Volume, case: Entry, hand: Hand) -> None:
    """A whole A4 page of 2006 and later with one case."""
    x0, x1 = 22.0, 195.0
    print_text(sheet, f"UBND XÃ {book.place.commune.upper()}", x0, 18, 10)
    print_text(sheet, f"Huyện {book.place.district}, tỉnh {people.PROVINCE}", x0, 23.5, 10)
    motto(sheet, 147, 18)
    print_text(sheet, FORM_TITLES[book.kind], 108, 41, 20, bold=True, anchor="m")
    head = _head(book, case, ("Số:", "Quyển số:", "Ngày đăng ký:"))
    y = form_rows(sheet, rng, head, x0, x1, 51, 11, hand, 11.5)
    y = form_rows(sheet, rng, case.rows, x0, x1, y, min(13.0, (214 - y) / len(case.rows)), hand, 12)
    signatures(sheet, rng, book, case, x0, x1, y + 4, 44)
    print_text(sheet, "Ghi chú:", x0, 274, 11.5, bold=True)
    for line in (274, 283):
        leader(sheet, x0 + (18 if line == 274 else 0), x1, line)
    if case.note:
        write(sheet, rng, hand, case.note, x0 + 22, 273.5, 140)


def half_form(
    sheet: Sheet,
    rng: np.random.Generator,
    book: Volume,
    case: Entry | None,
    hand: Hand | None,
    left: float,
    top: float,
    inner: bool,
) -> None:
    """One of the two cases of a page of 1999–2005, 134 mm high; `inner`: the gutter is on its left."""
    x0, x1 = (left + 12, left + 200) if inner else (left + 10, left + 198)
    title = f"ĐĂNG KÝ {FORM_TITLES[book.kind]}"
    print_text(sheet, title, (x0 + x1) / 2, top + 8, 14, bold=True, anchor="m")
    head = _head(book, case, ("Số:", "Quyển:", "Ngày:"))
    y = form_rows(sheet, rng, head, x0, x1, top + 16, 8.2, hand, 10.5)
    rows = case.rows if case else _empty(rng, book)
    y = form_rows(sheet, rng, rows, x0, x1, y, (top + 100 - y) / len(rows), hand, 10.5)
    signatures(sheet, rng, book, case, x0, x1, y + 1.5, 29)
    box = np.array([(x0 - 3, top), (x1 + 3, top), (x1 + 3, top + 134), (x0 - 3, top + 134)])
    for a, b in zip(box, np.roll(box, -1, axis=0), strict=True):
        rule(sheet, a, b, 0.3)


def _head(book: Volume, case: Entry | None, labels: tuple[str, str, str]) -> tuple[tuple[Cell, ...], ...]:
    """The row of number, volume and date above a case; nothing is written in where there is no case."""
    values = (
        (f"{case.number:02d}", f"{book.number:02d}/{book.year}", short_date(case.date))
        if case
        else ("", "", "")
    )
    return (tuple(zip(labels, values, (0.25, 0.32, 0.43), strict=True)),)


def _empty(rng: np.random.Generator, book: Volume):
    """The rows of a form that nobody has filled in."""
    return entry(rng, book, 0, datetime.date(book.year, 6, 1)).rows


def closing_page(sheet: Sheet, rng: np.random.Generator, book: Volume, cases: int, pages: int) -> None:
    """The last left page of a ledger: how many pages and cases the book has, signed and sealed."""
    hand = Hand.of(rng, "blue", 6.2)
    motto(sheet, 105, 40)
    print_text(sheet, "BIÊN BẢN KHÓA SỔ", 105, 70, 16, bold=True, anchor="m")
    last = datetime.date(book.year, 12, 31)
    rows = (
        (("Hôm nay,", long_date(last), 1.0),),
        (("tại Ủy ban nhân dân xã", book.place.commune, 1.0),),
        (("Quyển sổ này có số trang là:", f"{pages} ({people.number_in_words(pages)}) trang", 1.0),),
        (("Đã đăng ký số trường hợp là:", f"{cases} ({people.number_in_words(cases)}) trường hợp", 1.0),),
        (("Số trang bỏ trống:", "không", 1.0),),
    )
    y = form_rows(sheet, rng, rows, 25, 190, 92, 13, hand, 12)
    print_text(sheet, "TM. ỦY BAN NHÂN DÂN", 140, y + 8, 11, bold=True, anchor="m")
    print_text(sheet, "CHỦ TỊCH", 140, y + 14, 11, bold=True, anchor="m")
    sign(sheet, rng, "blue", book.chairman.name, 142, y + 36)
    official_seal(sheet, rng, book.place, 124, y + 32)
    write(sheet, rng, hand, book.chairman.name, 118, y + 58, 60)


def note_across(sheet: Sheet, rng: np.random.Generator, hand: Hand, case: Entry, foot: float) -> None:
    """A remark written along the foot (mm) of a ledger row and on over the gutter."""
    text = f"{case.note}, {long_date(case.date + datetime.timedelta(days=40))}"
    write(sheet, rng, hand, text, 210 - rng.uniform(32, 55), foot - 1.2, 100)


def strike(sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float) -> None:
    """The loop with which a clerk closes unused rows."""
    flourish(sheet, rng, "blue", x, y, width)
