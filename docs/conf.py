"""Configuration of the documentation (`make docs`). The reference is made from the docstrings of the public names."""

import inspect
import re
import shutil
from pathlib import Path

import separatrix

project = "separatrix"
author = "The separatrix developers"
copyright = f"2026, {author}"
version = release = separatrix.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_dmath_double_inline = True
myst_heading_anchors = 3
exclude_patterns = ["_build", "**/.ipynb_checkpoints"]

html_theme = "furo"
html_title = f"separatrix {version}"
html_show_sphinx = False

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
nitpicky = False

REFERENCE = Path(__file__).parent / "reference"


def public_names_by_room() -> dict[str, list[str]]:
    """Group the names that ``separatrix`` exports by the room in which they are defined."""
    rooms: dict[str, list[str]] = {}
    for name in sorted(getattr(separatrix, "__all__", []), key=str.lower):
        if not name.startswith("_"):
            thing = getattr(separatrix, name)
            home = thing.__name__ if inspect.ismodule(thing) else getattr(thing, "__module__", "separatrix")
            rooms.setdefault([*home.split("."), "constants"][1], []).append(name)
    return rooms


def directive(name: str) -> str:
    """Return the autodoc directive that documents one public name."""
    thing = getattr(separatrix, name)
    if inspect.ismodule(thing):
        return f".. automodule:: {thing.__name__}\n   :imported-members:\n"
    kind = "autoclass" if inspect.isclass(thing) else "autofunction" if callable(thing) else "autodata"
    return f".. {kind}:: separatrix.{name}\n"


def write_reference(*_: object) -> None:
    """Write one page a room and their index; the folder is made anew at every build."""
    shutil.rmtree(REFERENCE, ignore_errors=True)
    REFERENCE.mkdir()
    rooms = public_names_by_room()
    for room, names in rooms.items():
        body = "\n".join(directive(name) for name in names)
        (REFERENCE / f"{room}.md").write_text(f"# {room}\n\n```{{eval-rst}}\n{body}```\n", encoding="utf-8")
    index = "# Reference\n\nEvery public name, by the room in which it lives.\n"
    if rooms:
        index += "\n```{toctree}\n" + "\n".join(rooms) + "\n```\n"
    (REFERENCE / "index.md").write_text(index, encoding="utf-8")


def escape_bars(app, what, name, obj, options, lines: list[str]) -> None:
    """Let docstrings write |x| and x_ as mathematics does: to reStructuredText both would be references."""
    for number, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            parts = line.split("``")
            parts[::2] = [re.sub(r"\||(?<=\w)_(?=\W|$)", r"\\\g<0>", part) for part in parts[::2]]
            lines[number] = "``".join(parts)


def setup(app) -> None:
    app.connect("autodoc-process-docstring", escape_bars, priority=400)  # before napoleon
    app.connect("builder-inited", write_reference)
