"""The columns of the ministry's workbook for each type of register, in their order, as systems in use name them.

Seen in practice, not laid down by law: a receiving system that wants others wants another table here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from book import digest

HEAD = ("so", "quyenSo", "trangSo", "ngayDangKy", "loaiDangKy", "noiDangKy", "nguoiKy", "chucVuNguoiKy")
SIGNED = ("nguoiThucHien", "ghiChu")
ABROAD = ("soDangKyNuocNgoai", "ngayDangKyNuocNgoai", "cqNuocNgoaiDaDangKy", "qgNuocNgoaiDaDangKy")
LAST = ("TenFile", "NamMoSo", "LoaiGiay")
NUMBER, DATE, PAGES = "so", "ngayDangKy", "trangSo"
PROGRAM = ("quyenSo", *LAST)  # filled in by the program; what is typed there is checked, and not taken
MARK = "MaTruongHop"  # a hidden column of the program's own: which case a row is of, however the rows are moved

PEOPLE = ("DanToc", "QuocTich", "QuocTichKhac")
HOME = ("LoaiCuTru", "NoiCuTru")
PAPER = ("LoaiGiayToTuyThan", "GiayToKhac", "SoGiayToTuyThan", "NgayCapGiayToTuyThan", "NoiCapGiayToTuyThan")
SHORT_PAPER = ("LoaiGiayToTuyThan", "SoGiayToTuyThan")
ADULT = ("HoTen", "NgaySinh", *PEOPLE, *HOME, *PAPER)
PARENT = ("HoTen", "NgaySinh", *PEOPLE, *HOME, *SHORT_PAPER)
OF_RECOGNITION = ("HoTen", "NgaySinh", *PEOPLE, "QueQuan", *HOME, *PAPER)
REQUESTER = ("HoTen", "QuanHe", *PAPER)
CHILD = (
    "HoTen", "GioiTinh", "NgaySinh", "NgaySinhBangChu", "NoiSinh", "NoiSinhDVHC", "QueQuan", *PEOPLE, "LoaiKhaiSinh",
    "MatTich", "MatTichNgayGhiChuTuyenBo", "MatTichCanCuTuyenBo", "MatTichNgayGhiChuHuyTuyenBo", "MatTichCanCuHuyTuyenBo",
    "HanCheNangLucHanhVi", "HanCheNangLucHanhViNgayGhiChuTuyenBo", "HanCheNangLucHanhViCanCuTuyenBo",
    "HanCheNangLucHanhViNgayGhiChuHuyTuyenBo", "HanCheNangLucHanhViNgayCanCuHuyTuyenBo",
)
DECEASED = (
    "HoTen", "GioiTinh", "NgaySinh", *PEOPLE, *HOME, *PAPER, "NgayChet", "NgayChetGhiBangChu", "GioPhutChet", "NoiChet",
    "NguyenNhanChet", "TinhTrangTuyenBoViecChet", "NgayGhiChuTuyenBoViecChet", "CanCuTuyenBoViecChet",
    "NgayGhiChuHuyTuyenBoViecChet", "CanCuHuyTuyenBoViecChet",
)
DEATH_NOTICE = ("Loai", "So", "Ngay", "CoQuanCap")


def _of(prefix: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(prefix + column for column in columns)


BY_KIND: dict[str, tuple[str, ...]] = {
    "KS": (*HEAD, *SIGNED, *_of("nks", CHILD), *_of("me", PARENT), *_of("cha", PARENT), *_of("nyc", REQUESTER), *ABROAD),
    "KH": (*HEAD, "ngayXacLapQuanHeHonNhan", *SIGNED, "tinhTrangKetHon", "huyKetHonNgayGhiChu", "huyKetHonCanCu",
           "congNhanKetHonNgayGhiChu", "congNhanKetHonCanCu", *_of("chong", ADULT), *_of("vo", ADULT), *ABROAD),
    "KT": (*HEAD, *SIGNED, *_of("nkt", DECEASED), *_of("gbt", DEATH_NOTICE), *_of("nyc", REQUESTER), *ABROAD),
    "CMC": ("so", "quyenSo", "trangSo", "quyetDinhSo", "ngayDangKy", "loaiDangKy", "loaiXacNhan", "noiDangKy", "nguoiKy",
            "chucVuNguoiKy", *SIGNED, *_of("cm", OF_RECOGNITION), *_of("nc", OF_RECOGNITION), "nycHoTen",
            "nycQHNguoiDuocNhan", "nycQHNguoiNhan", *_of("nyc", PAPER), *ABROAD),
}
COMMON = (*HEAD, *SIGNED)


def columns(kind: str) -> tuple[str, ...]:
    """Names of the columns for a type of register, the common ones alone for a type that has no own."""
    return (*BY_KIND.get(kind, COMMON), *LAST)


MARK_FORM = re.compile(r"(?P<case>.+)@(?P<events>\d+)/(?P<pages>[0-9a-f]{6})")
SEX = ("Nam", "Nữ")
LISTS = {  # values that practice knows; others are taken too, with a note
    "nksGioiTinh": SEX,
    "nktGioiTinh": SEX,
    "loaiDangKy": ("Đăng ký đúng hạn", "Đăng ký quá hạn", "Đăng ký lại", "Đăng ký mới", "Ghi vào sổ"),
}


@dataclass(frozen=True)
class RowMark:
    """Which case a row was written for, after how many events about cases, and a digest of the book's pages then."""

    case: str
    events: int
    pages: str

    @classmethod
    def of(cls, case: str, events: int, pages: Sequence[str]) -> RowMark:
        return cls(case, events, digest(list(pages))[:6])

    @classmethod
    def parse(cls, text: str) -> RowMark | None:
        """The mark that a cell holds; None where it holds something else."""
        match = MARK_FORM.fullmatch(text)
        return cls(match["case"], int(match["events"]), match["pages"]) if match else None

    def __str__(self) -> str:
        return f"{self.case}@{self.events}/{self.pages}"


def holds_date(column: str) -> bool:
    """Whether a column asks for a date in figures."""
    return column.startswith("ngay") or ("Ngay" in column and "BangChu" not in column and "CanCu" not in column)


PERSONS = ("nks", "nyc", "nkt", "gbt", "chong", "cha", "me", "vo", "cm", "nc")
OF_PERSON = re.compile(f"({'|'.join(PERSONS)})([A-Z].*)")


def parts_of(column: str) -> tuple[str, str]:
    """Whom a column is about, and what it asks for: `nksHoTen` is `HoTen` of `nks`. Common columns are of nobody."""
    match = OF_PERSON.fullmatch(column)
    return (match[1], match[2]) if match else ("", column)
