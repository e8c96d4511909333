"""Writes docs/architecture.svg and the list of rooms in docs/architecture.md from the code.

`python docs/make_architecture.py`. Rooms and arrows come from the imports, descriptions from the
docstring of each room's `__init__.py`. `tests/project/test_architecture.py` compares the result.
"""

from __future__ import annotations

import ast
import runpy
import sys
from collections import defaultdict
from html import escape
from itertools import pairwise
from pathlib import Path
from textwrap import wrap

TOP = Path(__file__).parents[1]
PACKAGE = TOP / "lstmcast"
PAGE = TOP / "docs" / "architecture.md"
PICTURE = TOP / "docs" / "architecture.svg"
BEGIN, END = "<!-- rooms: begin -->\n", "<!-- rooms: end -->\n"

sys.path.insert(0, str(TOP / "tests"))  # where `test_house` finds its helpers
HOUSE = runpy.run_path(str(TOP / "tests" / "project" / "test_house.py"))
ROOMS: tuple[str, ...] = tuple(room for room in HOUSE["ROOMS"] if any(PACKAGE.glob(f"{room}*")))
FOUNDATION = ROOMS[: ROOMS.index("runs")]
"""Rooms that nearly all others import: drawn as the ground, without arrows."""

Place = tuple[str, int]
"""A room, or where the arrow of that name passes a floor on its way down; and the floor."""

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 262, 80, 26, 34, 24
LANE = 30
"""Pixels that an arrow needs where it passes a floor."""


def docstring(room: str) -> str:
    """The first sentence of what a room says of itself, on one line."""
    folder = PACKAGE / room / "__init__.py"
    path = folder if folder.is_file() else PACKAGE / f"{room}.py"
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split()).partition(". ")[0].rstrip(".") + "."


def imports() -> dict[str, set[str]]:
    """Room -> the rooms below it that it imports from; `test_house.py` refuses others."""
    found: dict[str, set[str]] = {room: set() for room in ROOMS}
    for path in HOUSE["FILES"]:
        room = HOUSE["room"](path)
        others = set(HOUSE["imported_rooms"](path)) - {room}
        found[room] |= {other for other in others if ROOMS.index(other) < ROOMS.index(room)}
    return found


def arrows(found: dict[str, set[str]]) -> dict[str, list[str]]:
    """The imports that do not follow from others, from the ground up, without the foundation."""
    direct: dict[str, list[str]] = {}
    below: dict[str, set[str]] = {}
    for room in ROOMS[len(FOUNDATION) :]:
        others = found[room] - set(FOUNDATION)
        below[room] = others.union(*(below[other] for other in others))
        implied = set[str]().union(*(below[other] for other in others))
        direct[room] = sorted(others - implied, key=ROOMS.index)
    return direct


def floors(direct: dict[str, list[str]]) -> dict[str, int]:
    """Room -> its floor, one above the highest that it imports; 0 is the lowest."""
    floor: dict[str, int] = {}
    for room, others in direct.items():
        floor[room] = 1 + max((floor[other] for other in others), default=-1)
    return floor


def ways(direct: dict[str, list[str]], floor: dict[str, int]) -> list[list[Place]]:
    """Each arrow as the places that it goes through, from the top down."""
    return [
        [
            (room, floor[room]),
            *((f"{room} > {other}", at) for at in range(floor[room] - 1, floor[other], -1)),
            (other, floor[other]),
        ]
        for room, others in direct.items()
        for other in others
    ]


def arranged(paths: list[list[Place]], floor: dict[str, int]) -> list[list[str]]:
    """The places of each floor from left to right, neighbours of a place near it."""
    near: dict[Place, list[Place]] = defaultdict(list)
    rows: list[list[str]] = [[] for _ in range(1 + max(floor.values()))]
    for name, at in dict.fromkeys([*floor.items(), *(place for path in paths for place in path)]):
        rows[at].append(name)
    for path in paths:
        for upper, lower in pairwise(path):
            near[upper].append(lower)
            near[lower].append(upper)
    for _ in range(12):  # more change nothing
        for way in (1, -1):
            for at in range(len(rows))[::way]:
                put_near_neighbours(rows, at, near)
    return rows


def put_near_neighbours(rows: list[list[str]], at: int, near: dict[Place, list[Place]]) -> None:
    """Order a floor by where the neighbours of its places stand, as a share of their floor."""

    def wish(name: str) -> float:
        shares = [
            (rows[floor].index(other) + 0.5) / len(rows[floor]) for other, floor in near[name, at]
        ]
        return sum(shares) / len(shares) if shares else 0.5

    rows[at].sort(key=wish)


def positions(rows: list[list[str]]) -> tuple[dict[Place, tuple[float, float]], int, int]:
    """The centre of every place, and the width and height of the picture above the foundation."""
    sizes = [[LANE if " > " in name else WIDTH for name in row] for row in rows]
    width = 2 * MARGIN + max(sum(row) + GAP_X * (len(row) - 1) for row in sizes)
    height = MARGIN + len(rows) * (HEIGHT + GAP_Y)
    centres: dict[Place, tuple[float, float]] = {}
    for at, (row, widths) in enumerate(zip(rows, sizes, strict=True)):
        x = (width - sum(widths) - GAP_X * (len(row) - 1)) / 2
        y = MARGIN + (len(rows) - 1 - at) * (HEIGHT + GAP_Y) + HEIGHT / 2
        for name, size in zip(row, widths, strict=True):
            centres[name, at] = (x + size / 2, y)
            x += size + GAP_X
    return centres, width, height


STYLE = """\
text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #4a5568; }
.name { font-size: 15px; font-weight: 600; fill: #1a365d; }
.room { fill: #ebf4ff; stroke: #90b4dd; }
.file { fill: #f7fafc; stroke: #b8c4d2; }
.ground { fill: #fdf6e3; stroke: #d9c58b; }
.arrow { fill: none; stroke: #7a8ba3; stroke-width: 1.5; marker-end: url(#tip); }
"""


def box(room: str, x: float, y: float, kind: str = "") -> list[str]:
    """A room with its name and what it says of itself."""
    folder = (PACKAGE / room).is_dir()
    kind = kind or ("room" if folder else "file")
    lines = wrap(docstring(room).replace("`", ""), 37, max_lines=3, placeholder=" ...")
    top = y - 7.5 * len(lines) + 4
    return [
        f'<rect class="{kind}" x="{x - WIDTH / 2:g}" y="{y - HEIGHT / 2:g}" width="{WIDTH}" '
        f'height="{HEIGHT}" rx="6"/>',
        f'<text class="name" x="{x:g}" y="{top:g}" text-anchor="middle">'
        f"{escape(room + ('/' if folder else '.py'))}</text>",
        *(
            f'<text x="{x:g}" y="{top + 17 + 15 * k:g}" text-anchor="middle">{escape(line)}</text>'
            for k, line in enumerate(lines)
        ),
    ]


def arrow(path: list[Place], centres: dict[Place, tuple[float, float]]) -> str:
    """A line from the lower edge of a room to the upper edge of the one it imports."""
    half = HEIGHT / 2
    x, y = centres[path[0]]
    steps = [f"M{x:g},{y + half:g}"]
    y += half
    for number, place in enumerate(path[1:], start=2):
        to_x, to_y = centres[place][0], centres[place][1] - half
        end = to_y - (3 if number == len(path) else 0)
        steps.append(f"C{x:g},{y + GAP_Y / 2:g} {to_x:g},{to_y - GAP_Y / 2:g} {to_x:g},{end:g}")
        x, y = to_x, to_y
        if number < len(path):  # straight past the rooms of this floor
            y += HEIGHT
            steps.append(f"V{y:g}")
    return f'<path class="arrow" d="{" ".join(steps)}"/>'


def picture() -> str:
    """The rooms as an SVG: who imports whom, from the top down, on a common foundation."""
    direct = arrows(imports())
    floor = floors(direct)
    paths = ways(direct, floor)
    centres, width, above = positions(arranged(paths, floor))
    side = 3 if len(FOUNDATION) % 3 == 0 or len(FOUNDATION) > 4 else 2  # rooms side by side
    rows = [FOUNDATION[k : k + side] for k in range(0, len(FOUNDATION), side)]
    width = max(width, 2 * MARGIN + 3 * WIDTH + 2 * GAP_X)
    height = above + len(rows) * (HEIGHT + 10) + 2 * MARGIN + 8
    parts = [arrow(path, centres) for path in paths]
    for room, at in floor.items():
        parts += box(room, *centres[room, at])
    parts.append(
        f'<text x="{width / 2:g}" y="{above + 16}" text-anchor="middle">'
        "The foundation, which every room may import:</text>"
    )
    for k, row in enumerate(rows):
        y = above + 28 + HEIGHT / 2 + k * (HEIGHT + 10)
        first = width / 2 - (len(row) - 1) * (WIDTH + GAP_X) / 2
        for j, room in enumerate(row):
            parts += box(room, first + j * (WIDTH + GAP_X), y, "ground")
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img">',
            "<title>The rooms of lstmcast and their imports</title>",
            f"<style>\n{STYLE}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0,0 8,4 0,8z" fill="#7a8ba3"/></marker>'
            "</defs>",
            f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def room_list() -> str:
    """The rooms as a table, from the top down: what each does, and what it imports from."""
    found = imports()
    lines = ["| room | what it does | imports from |", "| --- | --- | --- |"]
    for room in reversed(ROOMS):
        others = [other for other in ROOMS if other in found[room]]
        folder = "/" if (PACKAGE / room).is_dir() else ".py"
        named = ", ".join(others) or "no other room"
        lines.append(f"| `{room}{folder}` | {docstring(room)} | {named} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The page with its list of rooms written anew."""
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return f"{head}{BEGIN}{room_list()}{END}{rest.partition(END)[2]}"


MADE = {PAGE: page, PICTURE: picture}
"""What is written, and what makes it."""

if __name__ == "__main__":
    for path, make in MADE.items():
        path.write_text(make(), encoding="utf-8")
