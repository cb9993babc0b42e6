"""Look whether every link within the built pages leads somewhere, and whether a page asks another machine.

``python docs/check_links.py docs/_build``
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {("link", "href"), ("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src")}
"""What a browser asks for by itself."""


class Page(HTMLParser):
    """The links and the anchors of one page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.anchors: set[str] = set()
        self.links: list[tuple[str, str]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag points at and what it can be pointed at by."""
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "link" and given.get("rel") in ("canonical", "search"):
            return
        for name in ("href", "src"):
            if name in given:
                kind = "fetched" if (tag, name) in FETCHED else "link"
                self.links.append((kind, given[name]))


def faults(folder: Path) -> list[str]:
    """Describe every link that leads nowhere."""
    pages = {path.resolve(): Page(path) for path in sorted(folder.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        for kind, link in page.links:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https") or parts.netloc:
                if kind == "fetched":
                    found.append(f"{path.relative_to(folder.resolve())} asks for {link}")
                continue
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            if not target.exists():
                found.append(f"{path.relative_to(folder.resolve())}: no file for {link}")
            elif anchor and target in pages and anchor not in pages[target].anchors:
                found.append(f"{path.relative_to(folder.resolve())}: no anchor for {link}")
    return found


def main() -> int:
    """Print what is broken; return 1 if anything is."""
    folder = Path(sys.argv[1])
    found = faults(folder)
    print("\n".join(found) or f"links within {len(list(folder.rglob('*.html')))} pages: none is broken")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
