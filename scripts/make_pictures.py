"""Draw the pictures of the documents: run the Python blocks of a page and keep the images that the page shows.

    python scripts/make_pictures.py [docs/gallery.md ...]

A page shows ``images/NAME.png``; its code writes ``NAME.png`` into the folder in which it runs. The checks run the same
blocks, and fail where a page shows an image that its code does not write.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("docs/tutorial.md", "docs/surface.md", "docs/critical-points.md", "docs/acas-xu.md", "docs/gallery.md")
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"!\[[^\]]*\]\(images/([\w-]+\.png)\)")


def shown(page: Path) -> list[str]:
    """Names of the images that a page shows."""
    return SHOWN.findall(page.read_text(encoding="utf-8"))


def draw(page: Path) -> list[Path]:
    """Run the blocks of a page in order, in one name space and an empty folder; the images, moved to docs/images."""
    text, home = page.read_text(encoding="utf-8"), Path.cwd()
    kept = []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("benchmarks").symlink_to(ROOT / "benchmarks")
        try:
            names: dict[str, object] = {"__name__": "__page__"}
            for number, block in enumerate(BLOCK.findall(text), 1):
                exec(compile(block, f"{page.name}, block {number}", "exec"), names)
            for name in shown(page):
                target = ROOT / "docs" / "images" / name
                target.write_bytes(Path(name).read_bytes())
                kept.append(target)
        finally:
            os.chdir(home)
    return kept


if __name__ == "__main__":
    for given in sys.argv[1:] or PAGES:
        for picture in draw((ROOT / given).resolve()):
            print(picture.relative_to(ROOT))
