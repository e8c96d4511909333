"use strict";
// Fills the page's figures and lets plotly draw them. Text is set with textContent only.
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("report-data").textContent);
  const { figures, series, dark } = data;
  const items = series.items;
  const config = {
    responsive: true,
    displaylogo: false,
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
  };
  const touch = matchMedia("(pointer: coarse)").matches;
  const system = matchMedia("(prefers-color-scheme: dark)");
  let theme = system.matches ? "dark" : "light";
  let chosen = -1;
  let columns = null;
  let view = null; // first and last place on the forecast chart

  // Numbers and columns; figures_series.columns_of does the same in Python.

  const runs = (known, begins) => {
    const found = [];
    known.forEach((is, k) => {
      if (!is) return;
      if (k === 0 || !known[k - 1] || begins.has(k)) found.push([]);
      found[found.length - 1].push(k);
    });
    return found;
  };
  const joined = (parts) => parts.flatMap((part, k) => (k ? [null, ...part] : part));

  function columnsOf(item) {
    const [digits, base] = item.unit;
    const size = 10 ** Math.abs(digits);
    const value = (v) => (v === null ? null : digits < 0 ? (v + base) * size : (v + base) / size);
    const marks = (from, count) => series.marks.slice(from, from + count);
    const actual = item.actual.map(value);
    const past = item.past.map(value);
    const time = marks(item.from, actual.length);
    const limit = 1.96 / Math.sqrt(Math.max(item.errors, 1));
    const made = {
      time,
      actual,
      error: past.map((v, k) => (v === null || actual[k] === null ? null : v - actual[k])),
      season: series.season
        ? time.map((_, k) => series.season[0][series.season[1][item.from + k]])
        : [],
      lags: item.lags.map((_, k) => k + 1),
      lag_values: item.lags,
      limit_low: item.lags.map(() => -limit),
      limit_high: item.lags.map(() => limit),
    };
    const add = (part, x, y, bounds, begins) => {
      const pieces = runs(y.map((v) => v !== null), begins);
      made[`${part}_x`] = joined(pieces.map((piece) => piece.map((k) => x[k])));
      made[`${part}_y`] = joined(pieces.map((piece) => piece.map((k) => y[k])));
      made[`${part}_bounds`] = joined(pieces.map((piece) => piece.map((k) => bounds.map((b) => b[k]))));
      for (let level = 0; level < series.levels; level++) {
        const [low, high] = [bounds[2 * level], bounds[2 * level + 1]];
        const around = runs(y.map((v, k) => v !== null && low[k] !== null && high[k] !== null), begins);
        made[`${part}_band_x${level}`] = joined(
          around.map((piece) => [...piece, ...[...piece].reverse()].map((k) => x[k])));
        made[`${part}_band_y${level}`] = joined(
          around.map((piece) => [...piece.map((k) => high[k]), ...[...piece].reverse().map((k) => low[k])]));
      }
    };
    const all = (lists) => lists.map((list) => list.map(value));
    add("past", time, past, all(item.past_bounds), new Set(item.begins));
    const future = item.future.map(value);
    add("future", marks(item.future_from, future.length), future, all(item.future_bounds), new Set());
    return made;
  }

  // Figures in the colours of the theme.

  function coloured(figure) {
    const swap = (key, v) =>
      theme === "dark" && (key === "color" || key === "fillcolor") && v in dark ? dark[v] : v;
    return JSON.parse(JSON.stringify(figure), swap);
  }

  function template() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const axis = {
      gridcolor: colour("grid"), zerolinecolor: colour("soft"), linecolor: colour("line"),
      automargin: true, title: { standoff: 8, font: { size: 12 } },
    };
    return {
      layout: {
        font: { color: colour("ink"), size: 12, family: "system-ui, sans-serif" },
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
        margin: { l: 48, r: 12, t: 30, b: 6 }, // axes and legend add their own below
        hovermode: "x unified", dragmode: touch ? false : "zoom",
        hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), font: { color: colour("ink") } },
        legend: {
          orientation: "h", yref: "container", x: 0, y: 0, xanchor: "left", yanchor: "bottom",
          font: { size: 11 },
        },
        modebar: { color: colour("soft"), activecolor: colour("accent"), bgcolor: "rgba(0,0,0,0)" },
        xaxis: axis, yaxis: axis,
      },
    };
  }

  function filled(figure) {
    for (const trace of figure.data) {
      for (const [key, name] of Object.entries(trace.meta || {})) trace[key] = columns[name];
    }
    return figure;
  }

  const keys = Object.keys(figures);
  const own = keys.filter((key) => figures[key].data.some((trace) => trace.meta)); // of one series
  const drawn = new Set();

  function draw(key) {
    if (chosen < 0 && own.includes(key)) return undefined;
    drawn.add(key);
    const figure = filled(coloured(figures[key]));
    const layout = { ...figure.layout, template: template() };
    layout.margin = { ...layout.template.layout.margin };
    if (!layout.xaxis.title.text) layout.xaxis.title = { text: "", standoff: 0, font: { size: 1 } };
    if (key === "forecast") arrange(layout);
    else layout.margin.t = 10; // no buttons above it
    const shown = { ...config, displayModeBar: key === "forecast" };
    return Plotly.react($(`chart-${key}`), figure.data, layout, shown);
  }

  // The chart of forecasts: what part of it is shown.

  const last = (item) =>
    item.future.length ? item.future_from + item.future.length - 1 : item.from + item.actual.length - 1;

  function arrange(layout) {
    const item = items[chosen];
    const scored = layout.xaxis;
    if (scored.type === "category") {
      scored.categoryorder = "array";
      scored.categoryarray = series.marks;
    }
    const at = (place) => (scored.type === "category" ? place : series.marks[place]);
    scored.range = [at(view[0]), at(view[1])];
    const shown = new Set(series.marks.slice(view[0], view[1] + 1));
    const seen = [];
    for (const [x, y] of [["time", "actual"], ["past_x", "past_y"], ["future_x", "future_y"]]) {
      columns[x].forEach((mark, k) => shown.has(mark) && seen.push(columns[y][k]));
    }
    const widest = series.levels - 1;
    for (const part of series.levels ? ["past", "future"] : []) {
      columns[`${part}_band_x${widest}`].forEach(
        (mark, k) => shown.has(mark) && seen.push(columns[`${part}_band_y${widest}`][k]));
    }
    const known = seen.filter((v) => v !== null);
    if (known.length) {
      const low = known.reduce((a, b) => Math.min(a, b));
      const high = known.reduce((a, b) => Math.max(a, b));
      const room = (high - low || Math.abs(high) || 1) * 0.08;
      layout.yaxis.range = [low - room, high + room];
    }
    layout.yaxis.title = { text: "" };
    if (item.future.length && item.actual.length) {
      const mark = at(item.from + item.actual.length - 1);
      layout.shapes = [{
        type: "line", x0: mark, x1: mark, y0: 0, y1: 1, yref: "paper",
        line: { color: getComputedStyle(document.documentElement).getPropertyValue("--soft").trim(), width: 1, dash: "dot" },
      }];
    }
  }

  function look(how) {
    const item = items[chosen];
    const [first, end] = [item.from, last(item)];
    const width = view[1] - view[0];
    const fewest = Math.min(8, end - first);
    if (how === "all") view = [first, end];
    else if (how === "closer") view = [view[1] - Math.max(fewest, Math.round(width / 2)), view[1]];
    else if (how === "wider") view = [view[1] - width * 2, view[1]];
    else {
      const by = Math.max(1, Math.round(width / 2)) * (how === "earlier" ? -1 : 1);
      const moved = Math.max(first - view[0], Math.min(by, end - view[1]));
      view = [view[0] + moved, view[1] + moved];
    }
    view = [Math.max(view[0], first), Math.min(view[1], end)];
    draw("forecast");
  }

  // Choosing a series.

  const label = (item) => {
    const name = series.names[item.series];
    const target = series.targets[item.target];
    return [name, series.targets.length > 1 || !name ? target : ""].filter(Boolean).join(" · ");
  };
  const short = (v) => (v === null ? "-" : String(Number(v.toPrecision(4))));
  const percent = (v) => (v === null ? "-" : `${(100 * v).toFixed(1)} %`);

  function choose(number) {
    const item = items[number];
    if (!item || item.from === undefined) return;
    chosen = number;
    columns = columnsOf(item);
    const end = last(item);
    const room = Math.max(60, Math.min(260, $("chart-forecast").clientWidth / 3));
    view = [Math.max(item.from, Math.round(end - room)), end];
    const name = label(item);
    const [points, mae, bias, relative, coverage] = item.scores;
    $("chosen").textContent = name;
    const said = points
      ? `${points.toLocaleString("en")} test values, ${data.which}: mean absolute error ` +
        `${short(mae)}, bias ${short(bias)}` +
        (relative === null ? "" : `, mae / change ${short(relative)}`) +
        (coverage === null ? "" : `, ${percent(coverage)} within the ${series.first_level} % interval`) + "."
      : "No test forecast of this series has an actual value.";
    const other = item.method && item.method !== "lstmcast"
      ? ` ${item.method} made the forecast after the last row.` : "";
    $("chosen-scores").textContent = said + other;
    for (const key of own) {
      const chart = $(`chart-${key}`);
      chart.dataset.words ??= chart.getAttribute("aria-label");
      chart.setAttribute("aria-label", `${name}: ${chart.dataset.words} ${said}`);
    }
    mark();
    if ($("target")) $("target").value = String(item.target);
  }

  // The list marks the chosen series, and puts it first if it is not in the list.

  function mark() {
    if (!$("list")) return;
    const listed = $(`${$("find").value.trim() ? "matches" : "shown"}`);
    const among = listed.querySelector(`[data-item="${chosen}"]`);
    $("now").replaceChildren(...(among || chosen < 0 ? [] : [heading("Shown"), entry(chosen)]));
    for (const button of $("list").querySelectorAll("[data-item]")) {
      const is = Number(button.dataset.item) === chosen;
      button.setAttribute("aria-pressed", String(is));
      button.closest("tr").classList.toggle("chosen", is);
    }
    const row = $("list").querySelector("tbody:not([hidden]) tr.chosen");
    if (!row) return;
    const [place, list] = [row.getBoundingClientRect(), $("list").getBoundingClientRect()];
    const head = $("list").querySelector("thead").offsetHeight;
    if (place.top < list.top + head || place.bottom > list.bottom) {
      $("list").scrollTop += (place.top + place.bottom - list.top - head - list.bottom) / 2;
    }
  }

  function heading(text) {
    const [row, head] = [document.createElement("tr"), document.createElement("th")];
    row.className = "group";
    head.scope = "rowgroup";
    head.colSpan = $("list").querySelectorAll("thead th").length;
    head.textContent = text;
    row.append(head);
    return row;
  }

  function show(number) {
    choose(number);
    own.filter((key) => drawn.has(key)).forEach(draw);
  }

  const MOST = 40;

  function entry(number) {
    const item = items[number];
    const row = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    if (item.from === undefined) head.textContent = label(item);
    else {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.item = number;
      button.textContent = label(item);
      button.setAttribute("aria-pressed", "false");
      head.append(button);
    }
    row.append(head);
    const [, mae, bias, relative, coverage] = item.scores;
    const texts = [short(mae), short(relative), short(bias), ...(series.levels ? [percent(coverage)] : [])];
    for (const text of texts) {
      const cell = document.createElement("td");
      cell.textContent = text;
      row.append(cell);
    }
    return row;
  }

  function find(text) {
    const wanted = text.trim().toLowerCase();
    $("matches").hidden = !wanted;
    $("shown").hidden = Boolean(wanted);
    if (!wanted) {
      $("found").textContent = $("found").dataset.words;
      mark();
      return;
    }
    const found = items.map((_, k) => k).filter((k) => label(items[k]).toLowerCase().includes(wanted));
    $("matches").replaceChildren(...found.slice(0, MOST).map(entry));
    $("found").textContent = `${found.length.toLocaleString("en")} found` +
      (found.length > MOST ? `, the first ${MOST} are listed: type more of the name` : "");
    mark();
  }

  function step(by) {
    const drawn = items.map((_, k) => k).filter((k) => items[k].from !== undefined);
    const place = drawn.indexOf(chosen);
    show(drawn[(place + by + drawn.length) % drawn.length]);
  }

  // Theme, printing, events.

  function paint() {
    $("theme").textContent = theme === "dark" ? "Light" : "Dark";
    $("theme").setAttribute("aria-label", `Switch to ${theme === "dark" ? "light" : "dark"} colours`);
    $("theme").setAttribute("aria-pressed", String(theme === "dark"));
    drawn.forEach(draw);
  }
  function setTheme(name) {
    theme = name;
    document.documentElement.dataset.theme = name;
    paint();
  }
  $("theme").addEventListener("click", () => setTheme(theme === "dark" ? "light" : "dark"));
  const root = document.documentElement;
  system.addEventListener("change", () => {
    if (root.dataset.theme) return; // the reader chose it on this page
    theme = system.matches ? "dark" : "light";
    paint();
  });

  let before = null;
  addEventListener("beforeprint", () => {
    if (!window.Plotly) return;
    const closed = [...document.querySelectorAll("details:not([open]):not(.long)")];
    before = { theme, pinned: root.dataset.theme, closed };
    closed.forEach((each) => { each.open = true; });
    setTheme("light");
    keys.forEach(drawOnce);
    drawn.forEach((key) => Plotly.relayout($(`chart-${key}`), { width: 680 }));
  });
  addEventListener("afterprint", () => {
    if (!before) return;
    before.closed.forEach((each) => { each.open = false; });
    theme = before.theme;
    if (before.pinned) root.dataset.theme = before.pinned;
    else delete root.dataset.theme; // it follows the system again
    paint();
    drawn.forEach((key) => Plotly.relayout($(`chart-${key}`), { width: null, autosize: true }));
    before = null;
  });

  document.addEventListener("click", (event) => {
    const item = event.target.closest("[data-item]");
    if (item) show(Number(item.dataset.item));
    const how = event.target.closest("[data-view]");
    if (how) look(how.dataset.view);
  });
  if ($("chooser")) {
    $("found").dataset.words = $("found").textContent;
    $("chooser").addEventListener("submit", (event) => event.preventDefault());
    $("find").addEventListener("input", () => find($("find").value));
    $("before").addEventListener("click", () => step(-1));
    $("after").addEventListener("click", () => step(1));
  }
  if ($("target")) {
    $("target").addEventListener("change", () => {
      const wanted = Number($("target").value);
      const same = items.findIndex((item) => item.series === items[chosen].series && item.target === wanted);
      if (items[same]?.from !== undefined) return show(same);
      $("target").value = String(items[chosen].target);
      $("found").textContent =
        `The page has no chart of ${series.targets[wanted]} for this series; its numbers are in backtest.csv.`;
    });
  }

  async function unpack() {
    const packed = atob($("plotly").textContent.trim());
    const bytes = new Uint8Array(packed.length);
    for (let k = 0; k < bytes.length; k++) bytes[k] = packed.charCodeAt(k);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    $("plotly").remove();
  }

  // Draw the first chart and the visible ones at once, others before they scroll into view or
  // when the browser is idle.

  const idle = () => new Promise((done) =>
    ("requestIdleCallback" in window ? requestIdleCallback(done, { timeout: 1000 }) : setTimeout(done, 50)));
  const drawOnce = (key) => drawn.has(key) || draw(key);

  function inView(key) {
    const box = $(`chart-${key}`).getBoundingClientRect();
    return box.top < innerHeight && box.bottom > 0;
  }

  async function start() {
    if (items.length) choose(series.first);
    paint();
    await unpack();
    keys.filter((key, k) => k === 0 || inView(key)).forEach(drawOnce);
    document.documentElement.dataset.drawn = "view"; // the page is ready to use
    const near = new IntersectionObserver((seen) => {
      for (const { isIntersecting, target } of seen) {
        if (isIntersecting) drawOnce(target.id.slice("chart-".length));
      }
    }, { rootMargin: "100%" });
    keys.forEach((key) => near.observe($(`chart-${key}`)));
    for (const key of keys) {
      await idle();
      drawOnce(key);
    }
    near.disconnect();
    document.documentElement.dataset.drawn = "all";
  }
  start().catch((error) => {
    $("trouble").hidden = false;
    $("trouble").textContent = `The charts could not be drawn (${error.message}): this browser may be too old. The tables work.`;
    throw error;
  });
})();
