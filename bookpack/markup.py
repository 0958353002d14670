"""XML as the archive package writes it: elements with text and children, one spelling."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping

XLINK, XSI = "http://www.w3.org/1999/xlink", "http://www.w3.org/2001/XMLSchema-instance"
PREFIXES = {"xlink": XLINK, "xsi": XSI, "csip": "https://DILCIS.eu/XML/METS/CSIPExtensionMETS"}


class Element(ElementTree.Element):
    """An element whose children are made by what they hold: `parent.sub("name", "text", attribute=…)`."""

    def sub(self, tag: str, text: object = None, attributes: Mapping[str, object] | None = None) -> Element:
        """Add a child; attributes may have a prefix that is known here (`xlink:href`)."""
        child = Element(tag, {key: plain(value) for key, value in (attributes or {}).items()})
        child.text = None if text is None else plain(text)
        self.append(child)
        return child


def document(root: Element) -> bytes:
    """The document of a root element, indented, in UTF-8. The root states the namespaces."""
    ElementTree.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, "utf-8") + b"\n"


def root(tag: str, namespace: str, attributes: Mapping[str, object] | None = None) -> Element:
    """The root of a document in a namespace, with the known prefixes declared."""
    spaces = {"xmlns": namespace, **{f"xmlns:{prefix}": uri for prefix, uri in PREFIXES.items()}}
    return Element(tag, {**spaces, **{key: plain(value) for key, value in (attributes or {}).items()}})


def plain(value: object) -> str:
    """Text that XML may hold: signs that it does not allow become spaces, half a letter its number."""
    text = str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(sign if sign.isprintable() else " " for sign in text)
