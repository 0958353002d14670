"""Draws scanner-folder.vi.svg and scanner-folder.en.svg: how a scanner's own program and sohoa share a folder.

    python docs/pictures/scanner_folder.py
"""

from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).parent
WORDS = {
    "vi": {
        "title": "Máy quét chỉ có chương trình riêng của nó: lưu thẳng vào thư mục của quyển sổ",
        "one": "1. Trong sohoa: mở quyển sổ",
        "one_lines": ("Trang “Chụp” cho biết", "thư mục của quyển ấy"),
        "two": "2. Trong chương trình máy quét",
        "two_lines": ("Kiểu tệp: JPEG", "Độ phân giải: 300 dpi", "Màu: ảnh màu", "Lưu vào: thư mục ấy"),
        "three": "3. Quét từng trang theo thứ tự",
        "three_lines": ("Số màu xanh tăng là ảnh", "đã nhận an toàn"),
        "folder": "thư mục của quyển sổ",
        "moved": "ảnh đã nhận được chuyển vào _da_nhan",
        "safe": "đã nhận an toàn",
        "book": "một quyển = một thư mục",
    },
    "en": {
        "title": "A scanner that has only its own program: let it save into the folder of the book",
        "one": "1. In sohoa: open the book",
        "one_lines": ("The page “Capture” shows", "the folder of that book"),
        "two": "2. In the scanner's program",
        "two_lines": ("Kind of file: JPEG", "Resolution: 300 dpi", "Colour: colour", "Save to: that folder"),
        "three": "3. Scan page after page, in order",
        "three_lines": ("When the green number grows,", "the image is safe"),
        "folder": "the folder of the book",
        "moved": "what was received moves into _da_nhan",
        "safe": "safely received",
        "book": "one book = one folder",
    },
}
PATH = r"…\sohoa\anh-vao\KH.1990.14800.01"
INK, QUIET, GREEN, LINE, PAPER, GROUND = "#22313a", "#5b6b75", "#1e7f4f", "#9fb4c8", "#fffdf4", "#f3f6f8"


def text(x, y, words, size=15, colour=INK, weight="normal", anchor="middle"):
    return (f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" font-weight="{weight}" text-anchor="{anchor}">'
            f"{escape(words)}</text>")


def box(x, title, lines):
    yield f'<rect x="{x}" y="64" width="270" height="176" rx="10" fill="{PAPER}" stroke="{LINE}" stroke-width="2"/>'
    yield text(x + 135, 92, title, 14, weight="bold")
    for number, line in enumerate(lines):
        yield text(x + 135, 122 + 24 * number, line, 14)


def arrow(x1, y1, x2, y2):
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{INK}" stroke-width="2.5" marker-end="url(#tip)"/>'


def drawing(words):
    yield '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 940 400" font-family="Segoe UI, DejaVu Sans, sans-serif">'
    yield f'<defs><marker id="tip" markerWidth="9" markerHeight="9" refX="7" refY="4" orient="auto">' \
          f'<path d="M0,0 L8,4 L0,8 z" fill="{INK}"/></marker></defs>'
    yield f'<title>{escape(words["title"])}</title><rect width="940" height="400" fill="{GROUND}"/>'
    yield text(470, 38, words["title"], 18, weight="bold")
    for x, name in ((30, "one"), (335, "two"), (640, "three")):
        yield from box(x, words[name], words[f"{name}_lines"])
    yield text(775, 208, "12", 34, GREEN, "bold")
    yield text(775, 230, words["safe"], 13, GREEN)
    yield '<path d="M300,296 h70 l14,14 h266 v64 h-350 z" fill="#f6dfa4" stroke="#b98f2e" stroke-width="2"/>'
    yield text(475, 340, PATH, 15, weight="bold")
    yield text(475, 362, f'{words["folder"]} ({words["book"]})', 13, QUIET)
    yield arrow(470, 240, 470, 304) + arrow(652, 340, 775, 246) + arrow(165, 240, 294, 330)
    yield text(800, 362, words["moved"], 12, QUIET)
    yield "</svg>"


if __name__ == "__main__":
    for language, words in WORDS.items():
        (HERE / f"scanner-folder.{language}.svg").write_text("\n".join(drawing(words)) + "\n", encoding="utf-8")
