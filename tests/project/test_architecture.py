"""The picture of the rooms and their list are those that the imports give."""

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest

TOP = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(TOP / "docs" / "make_architecture.py"))
PAGE = (TOP / "docs" / "architecture.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SCRIPT["MADE"], ids=lambda path: path.name)
def test_the_page_and_the_picture_are_what_the_imports_say(path):
    again = SCRIPT["MADE"][path]()
    assert path.read_text(encoding="utf-8") == again, "run: python docs/make_architecture.py"


def test_every_import_of_a_room_is_an_arrow_or_follows_from_arrows():
    imports, arrows = SCRIPT["imports"](), SCRIPT["arrows"](SCRIPT["imports"]())

    def reached(room):
        return {other for near in arrows[room] for other in ({near} | reached(near))}

    for room, direct in arrows.items():
        assert imports[room] - set(SCRIPT["FOUNDATION"]) <= reached(room), room
        for other in direct:
            ways = {near for near in direct if other in reached(near)}
            assert not ways, f"{room} -> {other} follows from {ways}"


def test_the_picture_is_a_drawing_with_every_room_inside_its_frame():
    drawing = ElementTree.fromstring((TOP / "docs" / "architecture.svg").read_text("utf-8"))
    space = "{http://www.w3.org/2000/svg}"
    width, height = (float(drawing.attrib[name]) for name in ("width", "height"))
    boxes = [box for box in drawing.iter(f"{space}rect") if "class" in box.attrib]
    assert len(boxes) == len(SCRIPT["ROOMS"])
    places = [[float(box.attrib[k]) for k in ("x", "y", "width", "height")] for box in boxes]
    for x, y, wide, high in places:
        assert 0 < x < x + wide < width and 0 < y < y + high < height
    for k, (x, y, wide, high) in enumerate(places):
        for other_x, other_y, *_ in places[k + 1 :]:
            assert abs(x - other_x) >= wide or abs(y - other_y) >= high, "boxes overlap"


def test_the_page_names_files_that_exist_and_every_room():
    files = re.findall(r"`((?:lstmcast|tests)/[^`]*)`", PAGE)
    assert len(files) > 8 and all((TOP / file).exists() for file in files)
    listed = re.findall(r"^\| `([^`/.]+)(?:/|\.py)` \| ", PAGE, re.MULTILINE)
    assert listed == list(reversed(SCRIPT["ROOMS"]))
