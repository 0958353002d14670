"""Makes the fonts beside it and those of `texts/fonts` from the web fonts of `@fontsource`.

Run only when the choice changes:

    python samples/fonts/make_fonts.py        (needs npm, fonttools and brotli)

Each package brings a font cut into subsets; the Latin and the Vietnamese one are joined into one TrueType
file. Layout tables are left out, since the samples set each letter by itself. A converted font is a changed
font, and some licences reserve the name, so each gets a name of its own; its licence is `NAME.LICENSE.txt`.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from fontTools import merge
from fontTools.ttLib import TTFont

HERE = Path(__file__).resolve().parent
PRINT = HERE.parents[1] / "texts" / "fonts"  # what the program itself prints with
# file name here: (package, version, weight)
CHOICE = {
    "print-regular": ("tinos", "5", "400"),
    "print-bold": ("tinos", "5", "700"),
    "hand-joined": ("dancing-script", "5", "400"),
    "hand-upright": ("mynerve", "5", "400"),
    "hand-slanted": ("charm", "5", "400"),
    "signature": ("licorice", "5", "400"),
}
LAYOUT_TABLES = (
    "GSUB",
    "GPOS",
    "GDEF",
    "kern",
    "STAT",
    "DSIG",
    "prep",
    "fpgm",
    "cvt ",
    "gasp",
    "hdmx",
    "VDMX",
    "LTSH",
)


def subset(package: Path, name: str, part: str, weight: str, folder: Path) -> Path:
    """One web font as plain TrueType without layout and hinting."""
    font = TTFont(package / "files" / f"{name}-{part}-{weight}-normal.woff2")
    font.flavor = None
    for table in LAYOUT_TABLES:
        if table in font:
            del font[table]
    for glyph in font["glyf"].glyphs.values():
        glyph.expand(font["glyf"])
        glyph.removeHinting()
    path = folder / f"{name}-{part}-{weight}.ttf"
    font.save(path)
    return path


def rename(font: TTFont, file_name: str) -> None:
    """Give the font a name of its own, keeping copyright and licence records (IDs 0, 13, 14)."""
    table = font["name"]
    kept = {0, 13, 14}
    table.names = [record for record in table.names if record.nameID in kept]
    title = "Sohoa Sample " + file_name.replace("-", " ").title()
    for identity, text in ((1, title), (2, "Regular"), (4, title), (6, title.replace(" ", ""))):
        table.setName(text, identity, 3, 1, 0x409)


def make(file_name: str, work: Path) -> None:
    """Write NAME.ttf and its licence."""
    name, _, weight = CHOICE[file_name]
    package = work / "node_modules" / "@fontsource" / name
    parts = [subset(package, name, part, weight, work) for part in ("latin", "vietnamese")]
    font = merge.Merger().merge([str(part) for part in parts])
    rename(font, file_name)
    font.recalcTimestamp = False
    folder = PRINT if file_name.startswith("print-") else HERE
    font.save(folder / f"{file_name}.ttf")
    shutil.copyfile(package / "LICENSE", folder / f"{file_name}.LICENSE.txt")


def main() -> None:
    """Fetch the packages into a temporary folder and make every font."""
    packages = sorted({f"@fontsource/{name}@{version}" for name, version, _ in CHOICE.values()})
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "package.json").write_text("{}")
        npm = shutil.which("npm")
        if npm is None:
            raise SystemExit("npm is not installed")
        subprocess.run([npm, "install", "--ignore-scripts", *packages], cwd=work, check=True)
        for file_name in CHOICE:
            make(file_name, work)


if __name__ == "__main__":
    main()
