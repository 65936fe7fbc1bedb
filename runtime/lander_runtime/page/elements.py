"""HTML and SVG as trees, so that no text from a policy file or an environment can become markup.

It uses the standard library's ElementTree, which escapes all text; no markup is made by joining strings.
"""

from xml.etree import ElementTree

Element = ElementTree.Element
Child = Element | str | None


def element(tag: str, *children: Child, **attributes: str | float | None) -> Element:
    """An element with `children` in order; children and attributes that are None are left out.

    An underscore in an attribute's name becomes a hyphen; one at its end is dropped (`class_`). Numbers are
    written with at most two decimals, a hundredth of a unit.
    """
    node = Element(tag)
    for name, value in attributes.items():
        if value is not None:
            text = value if isinstance(value, str) else number(value)
            node.set(name.rstrip("_").replace("_", "-"), printable(text))
    for child in children:
        if isinstance(child, Element):
            node.append(child)
        elif child is not None:
            _append_text(node, printable(child))
    return node


def number(value: float) -> str:
    """A coordinate: at most two decimals, without zeros at the end."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def printable(text: str) -> str:
    """`text` without control characters and lone surrogates, which HTML does not allow."""
    return "".join(character for character in text if character.isprintable() or character == "\n")


def document(root: Element) -> str:
    """The HTML file as text."""
    return "<!DOCTYPE html>\n" + ElementTree.tostring(root, encoding="unicode", method="html") + "\n"


def _append_text(node: Element, text: str) -> None:
    if len(node):
        node[-1].tail = (node[-1].tail or "") + text
    else:
        node.text = (node.text or "") + text
