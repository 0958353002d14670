"""All settings, frozen: the defaults of `config.yaml`, over them a person's own file, over them a book's.

Each section is a frozen dataclass of the module that uses it; this package only reads YAML into them and says where a
key or value is wrong.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from errors import BadConfig
from imaging.view import Hints
from settings.reading import Entry, fill, nearest, read_yaml

DEFAULTS = "config.yaml"


@dataclass(frozen=True)
class General:
    """What concerns the whole program."""

    language: str = "vi"  # vi | en
    jobs: int = 0  # pages developed at once; 0: one for each processor core
    memory_mb: int = 2000  # most memory that one worker may use, MB
    seconds: int = 120  # longest time that one image may take, s
    author: str = ""  # the agency or person named in the packages


@dataclass(frozen=True)
class BookSettings:
    """What is known of one book: it makes decisions surer."""

    layout: str = ""  # single | spread | empty: look at each image
    paper: str = ""  # paper of one captured sheet or spread: A5 | A4 | A3 | A2 | empty: unknown
    photo: bool = False  # true: all images are photos
    stages: Mapping[str, Mapping[str, Entry]] = field(default_factory=dict)

    @property
    def hints(self) -> Hints:
        return Hints(self.layout, self.paper, self.photo)


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. `stages` holds the Params of each stage by its name."""

    general: General
    limits: Any
    stages: Mapping[str, Any]
    archive: Any
    ministry: Any
    watch: Any
    scan: Any
    sampling: Any
    signature: Any
    page: Any
    phone: Any
    batch: Any
    kinds: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    books: Mapping[str, BookSettings] = field(default_factory=dict)

    def book(self, identity: str) -> BookSettings:
        """The settings of one book; those of an unknown book say nothing."""
        return self.books.get(identity, BookSettings())

    def for_book(self, identity: str) -> Settings:
        """These settings with the stage settings of one book laid over them."""
        return replace(self, stages=with_stages(self.stages, self.book(identity).stages))


def with_stages(stages: Mapping[str, Any], changes: Mapping[str, Mapping[str, Entry]]) -> dict[str, Any]:
    """Stage Params by name with `changes` (stage → key → Entry) laid over them. Raises BadConfig."""
    changed = dict(stages)
    for name, keys in changes.items():
        changed[name] = fill(changed[name], keys, name)
    return changed


def load(path: str | os.PathLike[str] | None = None) -> Settings:
    """Read the shipped defaults, and over them the file at `path` where one is named.

    Raises BadConfig, with file, line, key and the nearest known key, for anything that cannot be used.
    """
    settings = _apply(_built_in(), read_yaml(default_file()))
    return settings if path is None else _apply(settings, read_yaml(Path(path)))


def default_file() -> Path:
    """The shipped `config.yaml`: beside the program in a checkout, within this package once installed."""
    here = Path(__file__).parent
    return here / DEFAULTS if (here / DEFAULTS).exists() else here.parent / DEFAULTS


def parse_changes(changes: list[str]) -> dict[str, dict[str, Entry]]:
    """`["deskew.degrees=0.4", …]` as stage → key → Entry. Raises BadConfig."""
    parsed: dict[str, dict[str, Entry]] = {}
    for change in changes:
        name, separator, text = change.partition("=")
        stage, dot, key = name.strip().partition(".")
        if not separator or not dot:
            raise BadConfig("setting_form", setting=change)
        known = _built_in().stages
        if stage not in known:
            raise BadConfig("setting_unknown", setting=name, nearest=nearest(stage, known))
        parsed.setdefault(stage, {})[key] = Entry.from_text(text)
        fill(known[stage], parsed[stage], stage)
    return parsed


def check_changes(changes: Any) -> None:
    """Raises BadConfig unless `changes` (stage → key → value) are settings; None takes one back to what it was."""
    known = _built_in().stages
    for stage, keys in changes.items() if isinstance(changes, Mapping) else [(str(changes), None)]:
        if not isinstance(keys, Mapping):
            raise BadConfig("setting_form", setting=stage)
        if stage not in known:
            raise BadConfig("setting_unknown", setting=stage, nearest=nearest(stage, known))
        names = {item.name for item in fields(known[stage])}
        said = {key: Entry(value) for key, value in keys.items() if value is not None or key not in names}
        fill(known[stage], said, stage)


def _built_in() -> Settings:
    from bookpack.contents import ArchiveParams, MinistryParams
    from bookpack.keys import SignatureParams
    from bookpack.sampling import SamplingParams
    from capture.devices import ScanParams
    from capture.inbox import WatchParams
    from capture.phone import PhoneParams
    from imaging.decode import Limits
    from imaging.stages import STAGES
    from province.params import BatchParams
    from webstation.params import PageParams

    stages = {stage.name: stage.params() for stage in STAGES}
    return Settings(General(), Limits(), stages, ArchiveParams(), MinistryParams(), WatchParams(), ScanParams(),
                    SamplingParams(), SignatureParams(), PageParams(), PhoneParams(), BatchParams())


def _apply(settings: Settings, entries: Mapping[str, Entry]) -> Settings:
    whole = {"general", "limits", "archive", "ministry", "watch", "scan", "sampling", "signature", "page",
             "phone", "batch"}
    tables = {"kinds", "places"}
    known = [*whole, *tables, "books", *settings.stages]
    for key, entry in entries.items():
        if key in whole:
            settings = replace(settings, **{key: fill(getattr(settings, key), entry.section(key), key)})
        elif key in tables:
            table = {name: str(value.value) for name, value in entry.section(key).items()}
            settings = replace(settings, **{key: {**getattr(settings, key), **table}})
        elif key == "books":
            settings = replace(settings, books={**settings.books, **_books(entry.section(key), settings.stages)})
        elif key in settings.stages:
            changed = with_stages(settings.stages, {key: entry.section(key)})
            settings = replace(settings, stages=changed)
        else:
            raise BadConfig("config_unknown_key", **entry.where, key=key, nearest=nearest(key, known))
    return settings


def _books(entries: Mapping[str, Entry], stages: Mapping[str, Any]) -> dict[str, BookSettings]:
    plain = [item.name for item in fields(BookSettings) if item.name != "stages"]
    books = {}
    for name, entry in entries.items():
        section = entry.section(name)
        own = {key: value for key, value in section.items() if key not in stages}
        for key in own.keys() - set(plain):
            near = nearest(key, [*plain, *stages])
            raise BadConfig("config_unknown_key", **own[key].where, key=key, nearest=near)
        of_stages = {key: value.section(key) for key, value in section.items() if key in stages}
        with_stages(stages, of_stages)
        books[name] = replace(fill(BookSettings(), own, name), stages=of_stages)
    return books
