"""Makes the pictures of the README from the samples, so that they show what the program does today.

    python -m benchmarks.pictures
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
SHOWN = {"spread": "ledger-1990/SCN_0002.jpg", "photo": "forms-2009/IMG_20240612_141907.jpg"}
HEIGHT, GAP, QUALITY = 620, 10, 82  # px, px, JPEG


def main() -> None:
    from PIL import Image, ImageOps

    from settings import load
    from single import clean_file

    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, sample in SHOWN.items():
        source = ROOT / "samples" / "pages" / sample
        before = ImageOps.exif_transpose(Image.open(source)).convert("RGB")
        beside([before]).save(PICTURES / f"{name}-before.jpg", quality=QUALITY)
        pages = [Image.open(path).convert("RGB") for path in clean_file(source, PICTURES / "work", load())]
        beside(pages).save(PICTURES / f"{name}-after.jpg", quality=QUALITY)
    for path in (PICTURES / "work").iterdir():
        path.unlink()
    (PICTURES / "work").rmdir()


def beside(pages):
    """Pages of one height, side by side on grey."""
    from PIL import Image

    small = [page.resize((round(page.width * HEIGHT / page.height), HEIGHT), Image.Resampling.LANCZOS) for page in pages]
    width = sum(page.width for page in small) + GAP * (len(small) - 1)
    sheet, left = Image.new("RGB", (width, HEIGHT), (200, 200, 200)), 0
    for page in small:
        sheet.paste(page, (left, 0))
        left += page.width + GAP
    return sheet


if __name__ == "__main__":
    main()
