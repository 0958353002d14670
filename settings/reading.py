"""YAML into frozen dataclasses, with the line of everything that is wrong."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from errors import BadConfig
from imaging.by_hand import Unusable


@dataclass(frozen=True)
class Entry:
    """A value of a settings file and where it stands. A mapping's values are Entries themselves."""

    value: Any
    file: str = ""
    line: int = 0

    @classmethod
    def from_text(cls, text: str) -> Entry:
        """A value as typed on a command line."""
        import yaml

        return cls(yaml.safe_load(text))

    @property
    def where(self) -> dict[str, Any]:
        return {"file": self.file, "line": self.line}

    def section(self, key: str) -> dict[str, Entry]:
        """The entries of a mapping; an empty section has none. Raises BadConfig where it is no mapping."""
        if self.value is None:
            return {}
        if not isinstance(self.value, dict):
            raise BadConfig("config_wrong_kind", **self.where, key=key, wanted="mapping", value=self.value)
        return self.value


def read_yaml(path: Path) -> dict[str, Entry]:
    """The entries of a YAML file's top level. Raises BadConfig when it is missing or not YAML."""
    import yaml

    try:
        with open(path, encoding="utf-8-sig") as file:
            node = yaml.compose(file, Loader=yaml.SafeLoader)
    except FileNotFoundError:
        raise BadConfig("config_missing", file=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig("config_unreadable", file=str(path), reason=str(error)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 0
        raise BadConfig("config_syntax", file=str(path), line=line, reason=getattr(error, "problem", "")) from error
    if node is None:
        return {}
    return _entry(node, str(path), yaml.SafeLoader("")).section(path.name)


def _entry(node: Any, file: str, loader: Any) -> Entry:
    import yaml

    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        value = {}
        for key_node, value_node in node.value:
            key, entry = str(key_node.value), _entry(value_node, file, loader)
            if key in value:
                raise BadConfig("config_twice", file=file, line=key_node.start_mark.line + 1, key=key)
            value[key] = Entry(entry.value, file, key_node.start_mark.line + 1)
        return Entry(value, file, line)
    return Entry(loader.construct_object(node, deep=True), file, line)


def fill(params: Any, entries: Mapping[str, Entry], section: str) -> Any:
    """A copy of the frozen dataclass `params` with `entries` in place. Raises BadConfig for what does not fit."""
    hints = typing.get_type_hints(type(params))
    changes = {}
    for key, entry in entries.items():
        name = f"{section}.{key}"
        if key not in {item.name for item in fields(params)}:
            near = nearest(key, hints)
            raise BadConfig("config_unknown_key", **entry.where, key=name, nearest=f"{section}.{near}" if near else "")
        changes[key] = _fit(entry, hints[key], name)
    try:
        return replace(params, **changes)
    except ValueError as error:  # a dataclass that checks its own ranges
        where = next(iter(entries.values())).where if entries else {}
        if isinstance(error, Unusable):
            raise BadConfig(error.code, **where, value=error.value) from error
        raise BadConfig("config_bad_value", **where, key=section, reason=str(error)) from error


def _fit(entry: Entry, hint: Any, name: str) -> Any:
    """The entry's value as the annotation `hint` wants it."""
    value = entry.value
    for option in _options(hint):
        if typing.get_origin(option) is typing.Literal:
            if value in typing.get_args(option):
                return value
        elif option is float and isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        elif option in (int, str, bool) and type(value) is option:
            return value
        elif typing.get_origin(option) is tuple and isinstance(value, (list, tuple)):
            return _frozen(value, option)
    raise BadConfig("config_wrong_kind", **entry.where, key=name, wanted=_wanted(hint), value=value)


def _frozen(value: Any, hint: Any) -> Any:
    """Lists as tuples, however deep, and numbers as floats where `hint` has floats."""
    inner = typing.get_args(hint)[:1]
    if isinstance(value, (list, tuple)) and inner:
        return tuple(_frozen(item, inner[0]) for item in value)
    return float(value) if hint is float and type(value) is int else value


def _options(hint: Any) -> tuple[Any, ...]:
    united = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if united else (hint,)


def _wanted(hint: Any) -> str:
    """What may stand there, in a form that needs no translation: names of kinds, or the words to choose from."""
    words = []
    for option in _options(hint):
        if typing.get_origin(option) is typing.Literal:
            words += [str(choice) for choice in typing.get_args(option)]
        else:
            words.append("[…]" if typing.get_origin(option) is tuple else getattr(option, "__name__", str(option)))
    return " | ".join(words)


def nearest(key: str, known: Iterable[str]) -> str:
    """The known key that looks most like `key`, or nothing."""
    return next(iter(difflib.get_close_matches(key, list(known), 1, 0.5)), "")
