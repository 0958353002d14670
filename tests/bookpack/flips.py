"""Bits flipped in packages, for the tests and for the benchmark of bit rot."""

import random

from bookpack.verify import verify


def flip(path, place, bit):
    """Flip one bit of a file; what puts it right again."""
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1 :])
    return lambda: path.write_bytes(data)


def unseen(packages, count, seed):
    """(file, byte, bit) of each flip that `verify` does not find, or does not name the file of. A file of every package
    is chosen first, then a place in it: small files are as likely to be hit as large ones.
    """
    chance, lost = random.Random(seed), []
    files = [(package, path) for package in packages for path in sorted(package.rglob("*")) if path.is_file()]
    for number in range(count):
        package, path = files[number % len(files)]
        place, bit = chance.randrange(path.stat().st_size), chance.randrange(8)
        mend = flip(path, place, bit)
        named = {str(problem.facts["file"]) for problem in verify(package)}
        mend()
        if not any(path.relative_to(package).as_posix() in name for name in named):
            lost.append((path.name, place, bit))
    return lost
