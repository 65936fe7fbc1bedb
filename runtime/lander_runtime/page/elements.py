"""HTML and SVG as trees, so that no text from a policy file or an environment can become markup.

It uses the standard library's ElementTree, which escapes all text; no markup is made by joining strings.
"""

from xml.etree import ElementTree

from lander_runtime.text import printable_lines

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
            # Neither control characters nor lone surrogates, which HTML does not allow.
            node.set(name.rstrip("_").replace("_", "-"), printable_lines(text))
    for child in children:
        if isinstance(child, Element):
            node.append(child)
        elif child is not None:
            _append_text(node, printable_lines(child))
    return node


def number(value: float) -> str:
    """A coordinate: at most two decimals, without zeros at the end."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def document(root: Element) -> str:
    """The HTML file as text."""
    return "<!DOCTYPE html>\n" + ElementTree.tostring(root, encoding="unicode", method="html") + "\n"


def _append_text(node: Element, text: str) -> None:
    if len(node):
        node[-1].tail = (node[-1].tail or "") + text
    else:
        node.text = (node.text or "") + text
