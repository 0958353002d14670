"""What a page orders: a JSON object whose fields are read as what they must be, since anybody may send anything."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from errors import Refused


class Order(dict[str, Any]):
    """The fields of an order. Whatever reads one raises Refused where it is missing, or is something else."""

    def __missing__(self, name: str) -> NoReturn:
        raise Refused("order_incomplete", name=name)

    def text(self, name: str, otherwise: str | None = None) -> str:
        """A field that is text."""
        return self._read(name, str, otherwise)

    def number(self, name: str, otherwise: int | None = None) -> int:
        """A field that is a whole number."""
        return self._read(name, int, otherwise)

    def yes(self, name: str, otherwise: bool | None = None) -> bool:
        """A field that is true or false."""
        return self._read(name, bool, otherwise)

    def names(self, name: str) -> list[str]:
        """A field that is a list of texts."""
        found = self._read(name, list, None)
        if not all(type(item) is str for item in found):
            self.__missing__(name)
        return found

    def texts(self, name: str) -> dict[str, str]:
        """A field that is an object of texts."""
        found = self._read(name, dict, None)
        if not all(type(item) is str for item in found.values()):
            self.__missing__(name)
        return found

    def _read(self, name: str, kind: type, otherwise: Any) -> Any:
        found = self[name] if otherwise is None else self.get(name, otherwise)
        if type(found) is not kind:  # to Python, true is a number
            self.__missing__(name)
        return found


def order_of(data: bytes | bytearray) -> Order:
    """The order that stands in a request's body. Raises Refused for what is no JSON object, or none that can be written."""
    try:
        body = json.loads(data, parse_constant=_no_number)
        json.dumps(body, ensure_ascii=False).encode()  # halves of signs can be read, and not written
    except (ValueError, RecursionError) as error:
        raise Refused("order_no_json") from error
    if not isinstance(body, dict):
        raise Refused("order_no_json")
    return Order(body)


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)
