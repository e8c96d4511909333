"""The page of a run in a browser: what is seen, what can be done, and that nothing gets out or in.

Three runs: one series, a panel of 500, and one whose every name tries to break out of its place.
"""

import json
import re
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.browser import Browser
from support.daily import TINY, daily_text

import lstmcast
from lstmcast.reporting.axis import season_names
from lstmcast.reporting.contents import read_contents
from lstmcast.reporting.figures_series import columns_of
from lstmcast.reporting.page import digest_of
from lstmcast.reporting.page_content import dates_of
from lstmcast.reporting.page_files import write_report
from lstmcast.reporting.series_results import items_of

SERIES, DAYS = 500, 1000
HOSTILE = '"><script>alert(1)</script>'
CLOSING = "</script></style></title><img src=x onerror=alert(2)>"
WORDS = ("<b>bold</b>", "{{ 7 * 7 }}", "${alert(3)}", "a'b`c&amp;\\u003c", "<!--", HOSTILE)


@pytest.fixture(scope="module")
def browser():
    opened = Browser()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def single(daily_run):
    return daily_run


@pytest.fixture(scope="module")
def panel(daily_run, tmp_path_factory):
    """A run as it would be of 500 series of 1000 days: the files of another, with other rows."""
    run = tmp_path_factory.mktemp("panel") / "run"
    shutil.copytree(daily_run, run)
    rng = np.random.default_rng(0)
    horizon, tested = 14, DAYS // 5 // 14 * 14
    days = pd.date_range("2021-01-01", periods=DAYS + horizon)
    level = np.exp(rng.normal(4, 1, SERIES))[:, None]
    season = 1 + 0.3 * np.sin(2 * np.pi * np.arange(DAYS + horizon) / 7)
    noise = rng.normal(0, 1, (SERIES, len(days))) * rng.uniform(0.02, 0.3, SERIES)[:, None]
    actual, forecast = np.round(level * (season + noise), 2), np.round(level * season, 4)
    names = np.array([f"shop {k:03}" for k in range(SERIES)])
    spread = {"lo80": -0.2, "hi80": 0.2, "lo95": -0.4, "hi95": 0.4}

    def frame(columns, past):
        places = np.arange(len(days))[columns]
        table = {"shop": np.repeat(names, len(places))}
        if past:
            steps = np.arange(len(places)) % horizon
            table["origin"] = np.tile(days[places - steps - 1].strftime("%Y-%m-%d"), SERIES)
            table["step"] = np.tile(steps + 1, SERIES)
        table["date"] = np.tile(days[places].strftime("%Y-%m-%d"), SERIES)
        table["sales"] = forecast[:, places].ravel()
        if past:
            table["sales_actual"] = actual[:, places].ravel()
        for name, by in spread.items():
            table[f"sales_{name}"] = np.round((forecast[:, places] + by * level).ravel(), 4)
        return pd.DataFrame(table)

    frame(slice(DAYS - tested, DAYS), True).to_csv(run / "backtest.csv", index=False)
    frame(slice(DAYS, None), False).assign(method="lstmcast").to_csv(
        run / "forecast.csv", index=False
    )
    last = slice(DAYS - 42, DAYS)
    recent = {
        "shop": np.repeat(names, 42),
        "date": np.tile(days[last].strftime("%Y-%m-%d"), SERIES),
        "sales": actual[:, last].ravel(),
    }
    pd.DataFrame(recent).to_csv(run / "recent.csv", index=False)
    write_report(run)
    return run


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile") / '"><img src=x onerror=alert(4)>'
    folder.mkdir()
    body = daily_text().splitlines()[1:]
    table = pd.concat(
        [
            pd.DataFrame([line.split(",") for line in body], columns=["date", CLOSING]).assign(
                **{HOSTILE: word}
            )
            for word in WORDS
        ]
    )
    path = folder / "<svg onload=alert(5)>.csv"
    table.to_csv(path, index=False)
    config = folder / "config.yaml"
    config.write_text(
        json.dumps(
            {
                "data": {
                    "path": path.name, "time": "date", "target": [CLOSING], "series": [HOSTILE],
                },
                "window": {"lookback": 14, "horizon": 3},
            }
        )
    )  # fmt: skip
    run = folder / "<script>alert(6)<"
    return lstmcast.train(config, set=TINY[1::2], run=run, device="cpu").path


@pytest.fixture(params=["single", "panel", "hostile"])
def run(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def opened(browser):
    """A page of each run, opened once; tests leave it in light colours."""
    pages = {}

    def open_once(run):
        if run not in pages:
            pages[run] = browser.open(run / "report.html")
        return pages[run]

    return open_once


@pytest.fixture
def page(opened, run):
    return opened(run)


@pytest.fixture
def big(opened, panel):
    return opened(panel)


def traces(page, chart="forecast"):
    """The lines of a chart as plotly has them, by name."""
    found = page.run(
        f"document.getElementById('chart-{chart}').data.map("
        "t => ({name: t.name, x: t.x, y: t.y, bounds: t.customdata, colour: t.line?.color}))"
    )
    return {trace["name"]: trace for trace in found}


def search(page, text):
    page.run(
        f"((field) => {{ field.value = {json.dumps(text)};"
        "field.dispatchEvent(new Event('input')); })(document.getElementById('find'))"
    )


def click(page, selector):
    page.run(f"document.querySelector({json.dumps(selector)}).click()")


def test_nothing_is_complained_of_asked_for_or_let_in(page, run):
    assert page.complaints() == [] and page.requests() == []
    assert page.heard("Page.javascriptDialogOpening") == []
    assert page.run("[...document.scripts].filter(s => s.src).length") == 0
    assert page.run("document.querySelectorAll('main img, main b, main svg[onload]').length") == 0
    assert page.run("document.getElementById('trouble').hidden")
    assert page.run("[...document.querySelectorAll('.chart')].every(c => c.querySelector('svg'))")


def test_pages_are_small_enough_to_be_mailed(single, panel):
    assert (single / "report.html").stat().st_size < 1_000_000
    assert 3_000_000 < (panel / "report.html").stat().st_size < 6_000_000


def test_a_script_that_got_in_would_not_run(browser, single):
    page = browser.open(single / "report.html")
    page.run("""(() => {
        const script = document.createElement("script");
        script.textContent = "window.got_in = 1";
        document.body.append(script);
        const image = document.createElement("img");
        image.setAttribute("onerror", "window.got_in = 2");
        image.src = "https://example.invalid/x.png";
        document.body.append(image);
    })()""")
    assert page.run("window.got_in") is None
    assert page.run("fetch('https://example.invalid').then(() => 'out', () => 'held back')") == (
        "held back"
    )
    assert len(page.complaints()) >= 2
    page.close()


def test_hostile_names_show_as_text(opened, hostile):
    page = opened(hostile)
    shown = page.run("document.body.innerText")
    for name in (*WORDS, CLOSING, HOSTILE, hostile.name):
        assert name in shown, name
    assert page.run("document.title").startswith(hostile.name)
    seen = set()
    for number in range(len(WORDS)):
        click(page, f"[data-item='{number}']")
        seen.add(page.run("document.getElementById('chosen').textContent"))
    assert seen == set(WORDS)
    search(page, "<SCRIPT>")
    assert page.run("[...matches.querySelectorAll('th')].map(t => t.textContent)") == [HOSTILE]
    assert page.heard("Page.javascriptDialogOpening") == [] and page.complaints() == []
    source = (hostile / "report.html").read_text()
    assert HOSTILE not in source and CLOSING not in source


def test_the_chart_shows_the_numbers_of_the_files(single, opened):
    page = opened(single)
    shown = traces(page)
    past = pd.read_csv(single / "backtest.csv").set_index("date")
    future = pd.read_csv(single / "forecast.csv").set_index("date")
    span = past["sales_actual"].max() - past["sales_actual"].min()
    for name, column, frame in (
        ("past forecasts", "sales", past),
        ("forecast", "sales", future),
    ):
        line = shown[name]
        known = [k for k, day in enumerate(line["x"]) if day is not None]
        assert [line["x"][k] for k in known] == frame.index.tolist()
        got = [line["y"][k] for k in known]
        assert got == pytest.approx(frame[column].tolist(), abs=span / 4000)
        bounds = frame[["sales_lo80", "sales_hi80"]].to_numpy()
        np.testing.assert_allclose([line["bounds"][k] for k in known], bounds, atol=span / 4000)
    came = dict(zip(shown["actual"]["x"], shown["actual"]["y"], strict=True))
    table = pd.read_csv(single.parent / "daily.csv").set_index("date")["sales"]
    assert {day: pytest.approx(table[day], abs=span / 4000) for day in came} == came


def test_the_page_and_the_saved_charts_draw_the_same(big, panel):
    contents = read_contents(panel)
    dates = dates_of(contents)
    items = items_of(dates, contents.layout, contents.test, contents.recent, contents.future)
    number = 123
    click(big, "#after")
    search(big, "shop 123")
    click(big, f"#matches [data-item='{number}']")
    columns = columns_of(items[number], dates, season_names(dates))
    span = float(np.nanmax(items[number].actual) - np.nanmin(items[number].actual))
    for chart in ("forecast", "error-time", "error-lags", "error-season"):
        for trace in big.run(f"document.getElementById('chart-{chart}').data"):
            for key, name in trace["meta"].items():
                if key == "customdata":
                    continue
                expected, got = columns[name], trace[key]
                assert len(got) == len(expected), name
                for a, b in zip(got, expected, strict=True):
                    alike = a == b if isinstance(b, str | None) else abs(a - b) < span / 1500
                    assert alike, (name, a, b)


def test_a_series_is_found_by_typing_and_chosen_by_keyboard(big):
    assert big.run("document.querySelectorAll('#shown [data-item]').length") == 15
    assert big.run("[...shown.querySelectorAll('.group')].map(g => g.textContent)") == [
        "Worst", "Typical", "Best",
    ]  # fmt: skip
    before = traces(big)["actual"]["y"]
    search(big, "")
    big.run("document.getElementById('find').focus()")
    big.type("SHOP 07")
    assert big.run("found.textContent") == "10 found"
    names = big.run("[...matches.querySelectorAll('button')].map(b => b.textContent)")
    assert names == [f"shop {k:03}" for k in range(70, 80)]
    big.run("matches.querySelectorAll('button')[3].focus()")
    big.press("Enter", 13, "\r")
    big.wait("document.getElementById('chosen').textContent === 'shop 073'")
    after = traces(big)["actual"]["y"]
    assert after != before
    pressed = big.run("matches.querySelector('[aria-pressed=true]').textContent")
    assert pressed == "shop 073"
    said = big.run("document.getElementById('chart-forecast').getAttribute('aria-label')")
    assert said.startswith("shop 073: ") and "mean absolute error" in said
    click(big, "#before")
    assert big.run("chosen.textContent") == "shop 072"
    search(big, "nothing")
    assert big.run("found.textContent") == "0 found"


def test_targets_can_be_chosen(browser, tmp_path):
    rows = daily_text().splitlines()
    table = tmp_path / "two.csv"
    table.write_text("date,a,b\n" + "".join(f"{r},{k % 9}\n" for k, r in enumerate(rows[1:])))
    settings = ["window.lookback=14", "window.horizon=3", "data.target=[a,b]", *TINY[1::2]]
    run = lstmcast.train(table, set=settings, run=tmp_path / "run", device="cpu").path
    page = browser.open(run / "report.html")
    page.run("target.value = '1'; target.dispatchEvent(new Event('change'))")
    assert page.run("chosen.textContent") == "b"
    assert max(v for v in traces(page)["actual"]["y"] if v is not None) == 8
    page.run("target.value = '0'; target.dispatchEvent(new Event('change'))")
    assert page.run("chosen.textContent") == "a"
    assert page.complaints() == []
    page.close()

    full = run / "full.html"  # as if there were no room for b
    head, data, tail = re.split(
        r'(?<=id="report-data">)(.*?)(?=</script>)', (run / "report.html").read_text(), maxsplit=1,
        flags=re.S,
    )  # fmt: skip
    held = json.loads(data)
    del held["series"]["items"][1]["from"]
    held["series"]["first"] = 0
    full.write_text(head + json.dumps(held) + tail)
    page = browser.open(full)
    page.run("target.value = '1'; target.dispatchEvent(new Event('change'))")
    assert page.run("found.textContent").startswith("The page has no chart of b ")
    assert page.run("target.value") == "0" and page.run("chosen.textContent") == "a"
    page.close()


def test_hovering_shows_values(single, opened):
    page = opened(single)
    page.ask("Page.bringToFront")
    place = page.run("""(() => {
        const chart = document.getElementById("chart-forecast");
        chart.scrollIntoView({block: "center"});
        const box = chart.querySelector(".nsewdrag").getBoundingClientRect();
        return [box.x + box.width * 0.6, box.y + box.height / 2];
    })()""")
    page.move(*place)
    page.move(place[0] + 1, place[1])
    hover = "document.querySelector('#chart-forecast .hoverlayer').textContent"
    page.wait(f"{hover}.includes('actual')")
    shown = page.run(hover)
    assert re.search(r"past forecasts : [\d.]+80 %: [\d.]+ to [\d.]+$", shown), shown


def test_the_chart_of_forecasts_moves_by_buttons(big):
    def range_shown():
        return big.run("document.getElementById('chart-forecast').layout.xaxis.range")

    whole = traces(big)
    last = whole["forecast"]["x"][-1]
    click(big, "[data-view=all]")
    assert range_shown() == [whole["actual"]["x"][0], last]
    click(big, "[data-view=closer]")
    closer = range_shown()
    assert closer[0] > whole["actual"]["x"][0] and closer[1] == last
    click(big, "[data-view=earlier]")
    assert range_shown()[1] < last
    for _ in range(9):
        click(big, "[data-view=later]")
    assert range_shown() == closer
    for _ in range(9):
        click(big, "[data-view=wider]")
    assert range_shown() == [whole["actual"]["x"][0], last]


def colours(page):
    """Luminance of every text and of what lies behind it (WCAG 2.2, relative luminance)."""
    return page.run("""(() => {
        const rgb = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
        const light = (c) => {
            const [r, g, b] = c.slice(0, 3).map((v) => v / 255)
                .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const behind = (node) => {
            for (; node; node = node.parentElement) {
                const colour = rgb(getComputedStyle(node).backgroundColor);
                if (colour.length === 3 || colour[3] > 0.9) return colour;
            }
            return [255, 255, 255];
        };
        const found = [];
        for (const node of document.querySelectorAll("body *")) {
            const own = [...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim());
            if (!own || !node.checkVisibility()) continue;
            if (["SCRIPT", "STYLE"].includes(node.tagName)) continue;
            const style = getComputedStyle(node);
            const colour = node instanceof SVGElement ? style.fill : style.color;
            const [a, b] = [light(rgb(colour)), light(behind(node))];
            const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            found.push([node.textContent.slice(0, 40), Math.round(contrast * 100) / 100]);
        }
        return found;
    })()""")


def test_every_text_can_be_read_in_light_and_dark(big):
    for _ in range(2):
        found = colours(big)
        assert len(found) > 150
        assert [each for each in found if each[1] < 4.5] == []  # WCAG 2.2, 1.4.3
        click(big, "#theme")
    assert big.run("document.documentElement.dataset.theme") == "light"


def test_dark_follows_the_system_until_the_button_is_pressed(browser, single):
    back = "getComputedStyle(document.body).backgroundColor"
    page = browser.open(single / "report.html", dark=True)
    dark, shown = page.run(back), traces(page)["past forecasts"]["colour"]
    assert page.run("theme.textContent") == "Light"
    page.prefer(dark=False)
    page.wait("theme.textContent === 'Dark'")
    light = page.run(back)
    assert light != dark and traces(page)["past forecasts"]["colour"] != shown
    click(page, "#theme")
    assert page.run(back) == dark and traces(page)["past forecasts"]["colour"] == shown
    page.prefer(dark=True)
    page.prefer(dark=False)
    assert page.run(back) == dark  # it was chosen
    page.close()


def test_a_reader_of_screens_is_told_everything(page):
    headings = page.run("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert headings[0] == 1 and headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))
    assert page.run("document.documentElement.lang") == "en"
    assert page.run("[...document.querySelectorAll('.chart')].every(c => "
                    "c.getAttribute('role') === 'img' && c.ariaLabel.length > 20)")  # fmt: skip
    assert page.run("(() => { const ids = [...document.querySelectorAll('[id]')].map(e => e.id);"
                    "return ids.length === new Set(ids).size; })()")  # fmt: skip
    assert page.run("[...document.querySelectorAll('a[href^=\"#\"]')].every(a => "
                    "document.querySelector(a.getAttribute('href')))")  # fmt: skip
    assert page.run("[...document.querySelectorAll('input, select')].every(e => e.labels.length)")
    assert page.run("[...document.querySelectorAll('button')].every(e => "
                    "e.ariaLabel || e.textContent.trim())")  # fmt: skip
    assert page.run("[...document.querySelectorAll('main table th')].every(e => e.scope)")


@pytest.mark.parametrize("width", [320, 390, 768])
def test_the_page_fits_a_phone(big, width):
    big.resize(width)
    widest = (
        "[...document.querySelectorAll('.chart svg')].map(s => s.getBoundingClientRect().right)"
    )
    big.wait(f"Math.max(...{widest}) <= {width} && Math.min(...{widest}) > {width} / 2 - 40")
    assert big.run("document.documentElement.scrollWidth") <= width
    if width >= 390:  # nor has the table of scores to be scrolled
        table = "document.querySelector('#scores > .wide')"
        assert big.run(f"{table}.scrollWidth") == big.run(f"{table}.clientWidth")
    big.resize(1200)


def test_printing_opens_what_is_folded_and_puts_it_back(browser, single, tmp_path):
    drawn_late = tmp_path / "late.html"  # printed before the charts below the window are drawn
    source = (single / "report.html").read_text()
    drawn_late.write_text(source.replace("requestIdleCallback(done", "setTimeout(() => 0"))
    allowed = re.search("'sha256-[^']*'", source)[0]
    text = drawn_late.read_text()
    own = re.findall(r"<script>(.*?)</script>", text, re.S)[-1]
    drawn_late.write_text(text.replace(allowed, f"'{digest_of(own.encode())}'"))
    page = browser.open(
        drawn_late, dark=True, ready="document.documentElement?.dataset.drawn === 'view'"
    )
    page.run("window.seen = null; addEventListener('beforeprint', () => { window.seen = ["
             "document.querySelectorAll('details:not([open])').length,"
             "document.documentElement.dataset.theme,"
             "document.getElementById('chart-steps').layout.width]; })")  # fmt: skip
    pdf = page.ask("Page.printToPDF")["data"]
    assert len(pdf) > 50_000
    assert page.run("window.seen") == [0, "light", 680]
    assert page.run("document.querySelectorAll('details:not([open])').length") > 3
    assert page.run("document.documentElement.dataset.theme") is None  # it follows the system
    assert page.run("theme.textContent") == "Light"
    assert page.run("[...document.querySelectorAll('.chart')].every(c => c.querySelector('svg'))")
    assert page.complaints() == []
    page.close()


def test_charts_out_of_sight_are_drawn_when_they_are_scrolled_to(browser, single, tmp_path):
    page = browser.open(
        single / "report.html", ready="document.documentElement?.dataset.drawn !== undefined"
    )
    assert page.run("!!document.getElementById('chart-forecast').data")
    page.run("document.getElementById('chart-learning').scrollIntoView()")
    page.wait("!!document.getElementById('chart-learning').data")
    page.wait("document.documentElement.dataset.drawn === 'all'")
    page.close()


def test_the_series_that_is_shown_is_marked_and_seen_in_the_list(big):
    search(big, "")
    seen = """(() => {
        const row = list.querySelector("tbody:not([hidden]) tr.chosen").getBoundingClientRect();
        const box = list.getBoundingClientRect();
        return row.top >= box.top && row.bottom <= box.bottom;
    })()"""
    names = set()
    for _ in range(4):
        click(big, "#after")
        names.add(big.run("chosen.textContent"))
        assert big.run("[...list.querySelectorAll('tr.chosen th')].map(t => t.textContent)") == [
            big.run("chosen.textContent")
        ]
        assert big.run(seen)
    assert len(names) == 4
    listed = big.run("[...shown.querySelectorAll('button')].map(b => b.textContent)")
    assert big.run("chosen.textContent") not in listed  # then it stands above them
    assert big.run("now.querySelector('.group').textContent") == "Shown"
    click(big, "#shown [data-item]")
    assert big.run("now.children.length") == 0 and big.run(seen)


def test_without_scripts_the_tables_are_all_there(browser, single):
    page = browser.open(single / "report.html")
    page.ask("Emulation.setScriptExecutionDisabled", value=True)
    page.ask("Page.reload")
    page.wait("document.body?.innerText.includes('need JavaScript')")
    shown = page.run("document.body.innerText")
    assert "seasonal_naive" in shown and "Scores of network and baselines" in shown
    page.close()


def test_an_old_browser_is_told_that_it_is_too_old(browser, single, tmp_path):
    source = (single / "report.html").read_text()
    old = tmp_path / "old.html"
    old.write_text(source.replace('id="plotly">H4s', 'id="plotly">AAA'))
    page = browser.open(old, ready="document.getElementById('trouble')?.hidden === false")
    assert "could not be drawn" in page.run("document.getElementById('trouble').textContent")
    page.close()


def test_the_page_of_a_backtest_opens_too(browser, single, tmp_path, cli):
    run = tmp_path / "run"
    shutil.copytree(single, run)
    assert cli("backtest", run, "--step", 2).code == 0
    page = browser.open(Path(run) / "backtests" / "0001" / "report.html")
    assert page.complaints() == [] and page.run("!!document.getElementById('chart-folds').data")
    page.close()
