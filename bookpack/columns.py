"""The columns of the ministry's workbook for each type of register, in their order, as systems in use name them.

Seen in practice, not laid down by law: a receiving system that wants others wants another table here.
"""

from __future__ import annotations

HEAD = ("so", "quyenSo", "trangSo", "ngayDangKy", "loaiDangKy", "noiDangKy", "nguoiKy", "chucVuNguoiKy")
SIGNED = ("nguoiThucHien", "ghiChu")
ABROAD = ("soDangKyNuocNgoai", "ngayDangKyNuocNgoai", "cqNuocNgoaiDaDangKy", "qgNuocNgoaiDaDangKy")
LAST = ("TenFile", "NamMoSo", "LoaiGiay")

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
