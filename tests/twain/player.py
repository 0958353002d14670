"""Plays scenes of the virtual scanner, one after the other, under the Windows Python: a start for each would cost more than
the scenes do. Run as a program: standard input is a JSON list of turns, standard output a line of JSON for each.

A turn: {"scene": path of scene.txt, "folder": where pages go, "params": of ScanParams, "wanted": pages or null, "more": how
often there is another page on the glass}. Its line: {"pages": [...], "code", "facts", "seconds"}.
"""

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

from capture.devices import Scanned, ScanParams
from capture.scanners import scan


def play(turn):
    os.environ["SOHOA_TWAIN_SCENE"] = turn["scene"]
    more, pages, trouble, start = iter(range(turn["more"])), [], None, time.monotonic()
    for item in scan(turn["device"], ScanParams(**turn["params"]), Path(turn["folder"]), turn["wanted"],
                     lambda: next(more, None) is not None):
        if isinstance(item, Scanned):
            pages.append({**asdict(item), "path": item.path.name})
        else:
            trouble = item
    facts = {name: str(value) for name, value in trouble.facts.items()} if trouble else {}
    return {"pages": pages, "code": trouble and trouble.code, "facts": facts, "seconds": time.monotonic() - start}


if __name__ == "__main__":
    for turn in json.load(sys.stdin):
        print(json.dumps(play(turn)), flush=True)
