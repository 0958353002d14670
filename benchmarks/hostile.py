"""Files made to break the station: mutants and bombs for the first look.

    python -m benchmarks.hostile [--count 5000] [--start 0] [--jobs 1] [--one 4711]

Mutant number n is always the same bytes: a small image of some kind with flips, cuts, swapped chunks, false lengths,
garbage, or a broken piece of another file in it. Each is looked at as the station does, by `capture.look` in a worker of
`batch.local.Pool` under the limits of the station. Bombs are named, each made for one weakness. Counted: how each ended,
workers that died, the most memory a worker held (MB) and the longest time (s). `--one` tells of one mutant alone.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from batch import local
from capture.look import Look, LookTask, look
from station.daemon import LOOKER

ROOT = Path(__file__).parents[1]
REAL = ROOT.parent / "shared" / "data" / "formats"  # files of other programs, where they are at hand
REAL_AT_MOST = 60_000  # bytes: the larger ones are slow and no stranger
SIDE = 160  # px
ICC, EXIF = b"ICC_PROFILE", b"Exif\0\0"
PNG_START, PNG_CHUNK = b"\x89PNG\r\n\x1a\n", 12
ENDS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
BOMB_SIDE = 30_000  # px


# --- seeds: small files of every kind that is read -------------------------------------------------------------------

@cache
def seeds() -> dict[str, bytes]:
    """Whole small files by name."""
    return {name: make() for name, make in _makers().items()} | _real()


@cache
def _makers() -> dict[str, Callable[[], bytes]]:
    colour, two = _page(), {"save_all": True, "append_images": [_page().resize((90, 120))]}
    grey, black = colour.convert("L"), colour.convert("1")
    extras = {"exif": _exif(), "icc_profile": _profile()}
    makers: dict[str, Callable[[], bytes]] = {
        "jpeg": partial(_saved, colour, "JPEG", quality=70, dpi=(300, 300), **extras),
        "jpeg progressive": partial(_saved, colour, "JPEG", progressive=True, **extras),
        "jpeg grey": partial(_saved, grey, "JPEG", restart_marker_rows=2),
        "jpeg cmyk": partial(_saved, colour.convert("CMYK"), "JPEG"),
        "png": partial(_saved, colour, "PNG", dpi=(300, 300), **extras),
        "png palette": partial(_saved, colour.quantize(32), "PNG", transparency=3),
        "png 16 bits": partial(_saved, grey.convert("I;16"), "PNG"),
        "webp": partial(_saved, colour, "WEBP", **extras),
        "webp lossless": partial(_saved, grey, "WEBP", lossless=True),
        "bmp": partial(_saved, colour.resize((90, 120)), "BMP"),
        "bmp palette": partial(_saved, colour.quantize(16), "BMP"),
        "gif": partial(_saved, colour.quantize(16), "GIF", save_all=True, append_images=[grey]),
        "ppm": partial(_saved, grey.resize((90, 120)), "PPM"),
        "jp2": partial(_saved, colour, "JPEG2000"),
        "avif": partial(_saved, colour, "AVIF", **extras),
        "heic": partial(_heic, colour, **extras),
        "pdf": partial(_pdf, colour, black),
    }
    for name in (None, "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        image = colour if name else colour.resize((90, 120))
        makers[f"tiff {name or 'plain'}"] = partial(_saved, image, "TIFF", compression=name, **two, icc_profile=_profile())
    makers["tiff group4"] = partial(_saved, black, "TIFF", compression="group4", save_all=True, append_images=[black])
    return makers


def _page() -> Any:
    from PIL import Image

    image = Image.open(ROOT / "samples" / "pages" / "ledger-1990" / "SCN_0001.jpg").convert("RGB")
    return image.crop((400, 300, 400 + 3 * SIDE, 300 + 4 * SIDE)).resize((SIDE, SIDE * 4 // 3))


def _saved(image: Any, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _heic(image: Any, **extras: Any) -> bytes:
    import pillow_heif

    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=50, **extras)
    return buffer.getvalue()


def _pdf(*images: Any) -> bytes:
    import img2pdf

    kinds = ("JPEG", "TIFF")
    return img2pdf.convert([_saved(image, kind, dpi=(150, 150)) for image, kind in zip(images, kinds, strict=True)])


def _exif() -> bytes:
    from PIL import Image

    exif = Image.Exif()
    exif[271], exif[272], exif[274], exif[306] = "Made Up", "Camera 1", 6, "2024:06:11 09:34:12"
    exif.get_ifd(0x8769)[33434] = 0.01
    return exif.tobytes()


def _profile() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _real() -> dict[str, bytes]:
    paths = sorted(REAL.glob("pillow_*")) if REAL.is_dir() else []
    return {path.name: path.read_bytes() for path in paths if path.stat().st_size <= REAL_AT_MOST}


# --- mutants ---------------------------------------------------------------------------------------------------------

def mutant(number: int) -> tuple[str, bytes]:
    """The name of the seed and the bytes of mutant `number`: kinds take turns."""
    chance, names = random.Random(number), list(seeds())
    own = len(_makers())  # half of them from the seeds of our own, which have every kind alike
    name = names[number // 2 % own] if number % 2 else names[number // 2 % len(names)]
    data = bytearray(seeds()[name])
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        data = chance.choice(MUTATIONS)(data, chance) or bytearray(b"\0")
    if data.startswith(PNG_START) and chance.random() < 0.7:
        data = _with_checksums(data)
    return name, bytes(data)


def _place(data: bytearray, chance: random.Random) -> int:
    """Anywhere, but every other time near the start, where what a file says of itself stands."""
    return chance.randrange(min(len(data), chance.choice((64, 512, 4096, len(data), len(data)))))


def _flip(data: bytearray, chance: random.Random) -> bytearray:
    data[_place(data, chance)] ^= 1 << chance.randrange(8)
    return data


def _noise(data: bytearray, chance: random.Random) -> bytearray:
    at = _place(data, chance)
    data[at : at + 16] = chance.randbytes(min(16, len(data) - at))
    return data


def _cut(data: bytearray, chance: random.Random) -> bytearray:
    return data[: _place(data, chance)] if chance.random() < 0.5 else data[: -chance.randrange(1, 200)]


def _number(data: bytearray, chance: random.Random) -> bytearray:
    """A number at the end of its range where a length, a size or an offset may stand."""
    size, at = chance.choice((1, 2, 4)), _place(data, chance)
    value = chance.choice(ENDS) & (256**size - 1)
    data[at : at + size] = value.to_bytes(size, chance.choice(("little", "big")))
    return data


def _swap(data: bytearray, chance: random.Random) -> bytearray:
    """Two chunks change places: boxes and chunks where the file has them, else any two pieces."""
    edges = list(_edges(data)) or sorted(chance.randrange(len(data) + 1) for _ in range(4))
    if len(edges) < 4:
        return data
    one, two = sorted(chance.sample(range(len(edges) - 1), 2))
    a, b, c, d = edges[one], edges[one + 1], edges[two], edges[two + 1]
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def _double(data: bytearray, chance: random.Random) -> bytearray:
    edges = list(_edges(data)) or sorted(chance.randrange(len(data) + 1) for _ in range(2))
    at = chance.randrange(max(1, len(edges) - 1))
    start, end = edges[at], edges[min(at + 1, len(edges) - 1)]
    return data[:end] + data[start:end] * chance.choice((1, 1, 50)) + data[end:] if end - start < 20_000 else data


def _insert(data: bytearray, chance: random.Random) -> bytearray:
    at = _place(data, chance)
    data[at:at] = chance.choice((chance.randbytes, bytes))(chance.choice((1, 3, 64, 5000)))
    return data


def _drop(data: bytearray, chance: random.Random) -> bytearray:
    at = _place(data, chance)
    del data[at : at + chance.choice((1, 2, 40, 900))]
    return data


def _zero(data: bytearray, chance: random.Random) -> bytearray:
    """A block that never came to the disk."""
    at = _place(data, chance) // 512 * 512
    data[at : at + 512] = bytes(min(512, len(data) - at))
    return data


def _graft(data: bytearray, chance: random.Random) -> bytearray:
    other = seeds()[chance.choice(list(seeds()))]
    at, start = _place(data, chance), chance.randrange(len(other))
    piece = other[start : start + chance.choice((8, 200, 4000))]
    data[at : at + len(piece)] = piece
    return data


def _extras(data: bytearray, chance: random.Random) -> bytearray:
    """What surrounds the pixels is broken: colour profile and EXIF."""
    start = data.find(chance.choice((ICC, EXIF, b"acsp", b"iCCP", b"eXIf", b"II*\0", b"MM\0*")))
    if start < 0:
        return _number(data, chance)
    for _ in range(chance.choice((1, 4, 30))):
        data[min(len(data) - 1, start + chance.randrange(300))] = chance.choice((0, 1, 0x7F, 0xFF, chance.randrange(256)))
    return data


def _tag(data: bytearray, chance: random.Random) -> bytearray:
    """An entry of a TIFF directory gets another type, number or value; the next directory may be any place."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None or len(data) < 16:
        return _number(data, chance)
    at = struct.unpack_from(order + "I", data, 4)[0]
    entries = struct.unpack_from(order + "H", data, at)[0] if at + 2 <= len(data) else 0
    entry = at + 2 + 12 * chance.randrange(entries + 1) if entries < 100 else at
    form, shift = chance.choice((("H", 0), ("H", 2), ("I", 4), ("I", 8), ("I", 8)))
    value = chance.choice((*ENDS, at, 8, chance.randrange(len(data)))) & (0xFFFF if form == "H" else 0xFFFFFFFF)
    if entry == at + 2 + 12 * entries:  # the link to the next
        form, shift = "I", 0
    if entry + shift + struct.calcsize(form) <= len(data):
        struct.pack_into(order + form, data, entry + shift, value)
    return data


MUTATIONS = (_flip, _flip, _noise, _cut, _number, _number, _swap, _double, _insert, _drop, _zero, _graft, _extras, _tag)


def _edges(data: bytearray) -> Iterator[int]:
    """Where the chunks of a PNG file, or the boxes of an ISO one, begin and end."""
    boxes, at = data[4:8] == b"ftyp", 0
    if data.startswith(PNG_START):
        at = len(PNG_START)
    elif not boxes:
        return
    while at + 8 <= len(data):
        yield at
        at += max(8, struct.unpack_from(">I", data, at)[0] + (0 if boxes else PNG_CHUNK))


def _with_checksums(data: bytearray) -> bytearray:
    """A PNG file whose chunks have the right checksums, lest every mutant end there."""
    for at in _edges(data):
        end = at + 8 + struct.unpack_from(">I", data, at)[0]
        if end + 4 <= len(data):
            struct.pack_into(">I", data, end, zlib.crc32(data[at + 4 : end]))
    return data


# --- bombs -----------------------------------------------------------------------------------------------------------

def bombs() -> dict[str, Callable[[], bytes]]:
    """Files made for one weakness each, by name."""
    return {
        "png of 30,000 × 30,000": partial(png, BOMB_SIDE, BOMB_SIDE),
        "png as large as may be": partial(png, 15_800, 15_800),
        "png, text of 200 MB": partial(_packed_chunk, b"zTXt", b"Comment\0\0"),
        "png, profile of 200 MB": partial(_packed_chunk, b"iCCP", b"p\0\0"),
        "jpeg of 10,000 scans": partial(_many_scans, 15_800, 10_000),
        "jpeg of 65,535 × 65,535": partial(_jpeg_size, 0xFFFF, 0xFFFF),
        "jpeg, 100,000 markers": lambda: b"\xff\xd8" + b"\xff\xe1\0\2" * 100_000 + seeds()["jpeg"][2:],
        "tiff of 10,000 pages": partial(tiff_chain, 10_000),
        "tiff that bites its tail": partial(tiff_chain, 3, loop=True),
        "tiff, deflated, as large as may be": partial(_deflated_tiff, 15_800, 15_800),
        "tiff, tag of 4 billion values": partial(tiff, 64, 64, (273, 4, 8), count=0xFFFFFFFF),
        "tiff, tiles of 60,000": partial(tiff, 64, 64, (322, 4, 60_000), (323, 4, 60_000), (324, 4, 8), (325, 4, 8)),
        "gif of 65,535 × 65,535": lambda: b"GIF89a" + b"\xff" * 4 + seeds()["gif"][10:],
        "pnm of a billion": lambda: b"P6 1000000000 1000000000 255\n" + bytes(100),
        "bmp of 2 billion": lambda: seeds()["bmp"][:18] + b"\xff\xff\xff\x7f" * 2 + seeds()["bmp"][26:],
        "pdf, scan of 30,000 × 30,000": partial(_pdf_bomb, BOMB_SIDE, b"[0 0 595 842]"),
        "pdf, page of 2 billion": partial(_pdf_bomb, 100, b"[0 0 2000000000 2000000000]"),
        "pdf, a million pages in a loop": _pdf_loop,
        "nothing": lambda: b"",
        "zeros": lambda: bytes(1_000_000),
    }


def written_bombs(folder: Path) -> Iterator[Path]:
    """Each bomb as a file, made here so that its making does not count."""
    for name, make in bombs().items():
        path = folder / f"{name}.bin"
        path.write_bytes(make())
        yield path


def png(width: int, height: int) -> bytes:
    """A black PNG of one bit a pixel: some hundred KB, whatever its size."""
    rows, packer = bytes(1 + (width + 7) // 8), zlib.compressobj(9)
    body = b"".join(packer.compress(rows * 100) for _ in range(height // 100)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return PNG_START + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _packed_chunk(name: bytes, start: bytes) -> bytes:
    data = seeds()["png"]
    return data[:33] + _chunk(name, start + zlib.compress(bytes(200_000_000))) + data[33:]


def _jpeg_size(width: int, height: int, kind: str = "jpeg") -> bytes:
    data = bytearray(seeds()[kind])
    at = next(at for at in (data.find(b"\xff\xc0"), data.find(b"\xff\xc2")) if at >= 0)
    struct.pack_into(">HH", data, at + 5, height, width)
    return bytes(data)


def _many_scans(side: int, scans: int) -> bytes:
    """A progressive grey JPEG that says the same empty scan again and again: 1 MB, minutes of work."""
    def part(marker: int, body: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body

    blocks, run = ((side + 7) // 8) ** 2, "0" + "1" * 14  # a code of one bit: 14 bits tell how many blocks stay empty
    ends = "".join([run] * (blocks // 0x7FFF)) + "0" + f"{blocks % 0x7FFF - 0x4000 & 0x3FFF:014b}"
    bits = ends + "1" * (-len(ends) % 8)
    body = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")
    table = bytes([1]) + bytes(15)
    start = b"\xff\xd8" + part(0xDB, b"\0" + b"\1" * 64) + part(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0")
    start += part(0xC4, b"\0" + table + b"\0") + part(0xC4, b"\x10" + table + b"\xe0")
    first = part(0xDA, b"\1\1\0\0\0\0") + bytes((blocks + 7) // 8)
    return start + first + (part(0xDA, b"\1\1\0\1\x3f\0") + body) * scans + b"\xff\xd9"


def tiff(width: int, height: int, *more: tuple[int, int, int], count: int = 1, following: int = 0) -> bytes:
    """A TIFF of one page whose pixels are missing; `more` are tags (number, type, value)."""
    tags = {256: (4, width), 257: (4, height), 258: (3, 8), 259: (3, 1), 262: (3, 1), 273: (4, 8), 277: (3, 1),
            278: (4, height), 279: (4, 8)} | {tag: (kind, value) for tag, kind, value in more}
    entries = b"".join(struct.pack("<HHII", tag, kind, count if tag == 273 else 1, value)
                       for tag, (kind, value) in sorted(tags.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", following)


def tiff_chain(pages: int, loop: bool = False) -> bytes:
    """Pages of one pixel; with `loop` the last is followed by the first."""
    single = tiff(1, 1)[8:]
    links = [8 + len(single) * number for number in range(1, pages)] + [8 if loop else 0]
    return b"II*\0\x08\0\0\0" + b"".join(single[:-4] + struct.pack("<I", link) for link in links)


def _deflated_tiff(width: int, height: int) -> bytes:
    body, start = zlib.compress(bytes(width * height)), tiff(width, height, (259, 3, 8))
    return tiff(width, height, (259, 3, 8), (273, 4, len(start)), (279, 4, len(body))) + body


def _pdf_bomb(side: int, box: bytes) -> bytes:
    body = zlib.compress(bytes(side * ((side + 7) // 8)))
    image = b"<</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/FlateDecode" \
            b"/Length %d>>stream\n%b\nendstream" % (side, side, len(body), body)
    content = b"q 595 0 0 842 0 0 cm /I Do Q"
    return _pdf_of(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
                   b"<</Type/Page/Parent 2 0 R/MediaBox%b/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>" % box,
                   b"<</Length %d>>stream\n%b\nendstream" % (len(content), content), image)


def _pdf_loop() -> bytes:
    return _pdf_of(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 1000000>>")


def _pdf_of(*objects: bytes) -> bytes:
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return b"%bxref\n0 %d\n0000000000 65535 f \n%btrailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        body, len(places) + 1, table, len(places) + 1, len(body))


# --- looking ---------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Seen:
    """One look: what came of it (`fine`, or the codes), how long it took (s), the worker's most memory so far (MB)."""

    name: str
    codes: tuple[str, ...]
    seconds: float
    memory: float


@dataclass
class Tally:
    """All looks together. `slowest` and `defects` are (figure or reason, name)."""

    codes: Counter[str] = field(default_factory=Counter)
    by_seed: Counter[tuple[str, bool]] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    memory: tuple[float, str] = (0.0, "")


def look_at(item: int | Path) -> Seen:
    """Look at a mutant by its number, or at a file, within a worker."""
    if isinstance(item, Path):
        return _timed(item.stem, item)
    name, data = mutant(item)
    path = Path(tempfile.gettempdir(), f"hostile-{os.getpid()}")
    path.write_bytes(data)
    try:
        return _timed(name, path)
    finally:
        path.unlink()


def _timed(name: str, path: Path) -> Seen:
    start = time.perf_counter()
    seen = look(LookTask(path))
    return Seen(name, codes_of(seen), time.perf_counter() - start, most_memory())


def codes_of(seen: Look) -> tuple[str, ...]:
    """The reasons for which a file or frames of it were put aside; none for a good one."""
    return tuple(sorted({code for code in (seen.problem, *(frame.refused for frame in seen.frames)) if code}))


def most_memory() -> float:
    """The most that this process ever held in memory, MB; 0 where the system does not say."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0.0
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def look_at_all(items: Iterable[int | Path], jobs: int = 1, each: Callable[[int], None] = lambda number: None) -> Tally:
    """Look at all of them in workers under the limits of the station."""
    tally, waiting, named = Tally(), iter(items), {}
    with local.Pool(look_at, jobs, LOOKER) as pool:
        while True:
            while pool.unfinished < 4 * jobs and (item := next(waiting, None)) is not None:
                named[pool.give(item)] = item
            if not pool.unfinished:
                return tally
            for number, seen in pool.results():
                _count(tally, named.pop(number), seen)
                each(sum(tally.codes.values()))


def _count(tally: Tally, item: int | Path, seen: Seen | local.Failure) -> None:
    called = item.stem if isinstance(item, Path) else str(item)
    if isinstance(seen, local.Failure):
        tally.codes[seen.code] += 1
        tally.failures.append((f"{seen.code} {seen.facts}", called))
        return
    tally.codes[" + ".join(seen.codes) or "fine"] += 1
    tally.by_seed[seen.name, not seen.codes] += 1
    tally.slowest = max(tally.slowest, (seen.seconds, called))
    tally.memory = max(tally.memory, (seen.memory, called))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--one", type=int)
    chosen = parser.parse_args()
    if chosen.one is not None:
        print(len(mutant(chosen.one)[1]), "bytes", look_at(chosen.one))
    else:
        with tempfile.TemporaryDirectory() as folder:
            report("bombs", written_bombs(Path(folder)), 1)
        report("mutants", range(chosen.start, chosen.start + chosen.count), chosen.jobs)


def report(what: str, items: Iterable[int | Path], jobs: int) -> None:
    """Look at all of them and print what came of it."""
    start = time.monotonic()
    tally = look_at_all(items, jobs, partial(_progress, start))
    took, count = time.monotonic() - start, sum(tally.codes.values())
    print(f"{count} {what}, {took:.0f} s, {count / took:.0f} a second")
    for code, number in tally.codes.most_common():
        print(f"{number:8} {code}")
    print(f"slowest {tally.slowest[0]:.2f} s ({tally.slowest[1]}), most memory {tally.memory[0]:.0f} MB ({tally.memory[1]})")
    kinds = sorted({name for name, _ in tally.by_seed}) if what == "mutants" else ()
    print("still read, of all:", ", ".join(f"{name} {tally.by_seed[name, True]}/" + str(
        tally.by_seed[name, True] + tally.by_seed[name, False]) for name in kinds) or "–")
    for reason, name in tally.failures:
        print("gave up:", name, reason)
    sys.stdout.flush()


def _progress(start: float, number: int) -> None:
    if number % 5000 == 0:
        print(f"… {number}, {number / (time.monotonic() - start):.0f} a second", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
