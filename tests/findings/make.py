"""Writes the tables of this folder: for each code one that raises it and one that does not.

`python tests/findings/make.py`; the files are kept, to be looked at and tried by hand.
A code that needs a config has a YAML file beside its table.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

HERE = Path(__file__).parent
WINDOW = {"lookback": 7, "horizon": 3}
NETWORK = {"units": [4]}


def daily(rows=60, seed=0, start="2024-01-01", freq="D"):
    """Dates and sales with a weekly season."""
    noise = np.random.default_rng(seed).normal(0, 1, rows)
    sales = 50 + 10 * np.sin(2 * np.pi * np.arange(rows) / 7) + noise
    dates = pd.date_range(start, periods=rows, freq=freq)
    form = "%Y-%m-%d" if freq == "D" else "%Y-%m-%d %H:%M"
    return pd.DataFrame({"date": dates.strftime(form), "sales": sales.round(2)}, dtype=object)


def put(code, table, clean, config=None, clean_config=None):
    """Write both tables, and both configs where there are any."""
    for name, frame, extra in ((code, table, config), (f"{code}_clean", clean, clean_config)):
        text = frame if isinstance(frame, str) else frame.to_csv(index=False)
        (HERE / f"{name}.csv").write_text(text, encoding="utf-8")
        if extra is None:
            continue
        data = {"path": f"{name}.csv", "time": "date", "target": ["sales"], **extra.pop("data", {})}
        values = {"data": data, "window": WINDOW, "network": NETWORK, **extra}
        (HERE / f"{name}.yaml").write_text(yaml.safe_dump(values, sort_keys=False))


def changed(cells, frame=None):
    """A daily table with some cells replaced: (row, column) -> value."""
    frame = daily() if frame is None else frame
    for (row, column), value in cells.items():
        frame.loc[row, column] = value
    return frame


def with_row(row, sales=None):
    """A daily table with one of its rows a second time."""
    frame = daily()
    again = frame.iloc[[row]].copy()
    if sales is not None:
        again["sales"] = sales
    return pd.concat([frame.iloc[: row + 1], again, frame.iloc[row + 1 :]], ignore_index=True)


def long(lengths, freqs=None):
    """Series a, b, ... of the given lengths."""
    parts = []
    for k, rows in enumerate(lengths):
        part = daily(rows, seed=k)
        if freqs:
            dates = pd.date_range("2024-01-01", periods=rows, freq=freqs[k])
            part["date"] = dates.strftime("%Y-%m-%d")
        part.insert(0, "shop", "abcdefgh"[k])
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def covariate(values):
    """A daily table with a past covariate made of its sales."""
    frame = daily()
    sales = frame["sales"].astype(float)
    frame["extra"] = values(sales).round(4).astype(object)
    return frame


def main():
    """Write everything."""
    good = daily()
    put("LC001", good, good, {"window": {"lookback": 0, "horizon": 3}}, {})
    ragged = good.to_csv(index=False).replace("\n2024-01-05,", "\n2024-01-05,1,2,")
    put("LC100", ragged, good)
    put("LC101", changed({(4, "date"): "soon", (9, "date"): "2024-02-30"}), good)
    put("LC102", changed({(4, "date"): "05.01.2024", (19, "date"): "20 Jan 2024"}), good)
    put("LC103", with_row(4, 99.5), good)
    put("LC104", with_row(4), good)
    put("LC105", good.drop(index=[20, 21]), good)
    put("LC106", changed({(20, "sales"): ""}), good)
    spring = daily(96, start="2024-03-30", freq="h")
    autumn = pd.concat([spring.drop(index=26)], ignore_index=True)
    put("LC107", autumn, spring)
    put(
        "LC108",
        changed({(4, "date"): "2024-01-05 07:30"}, daily()).assign(
            date=lambda f: [d if " " in d else f"{d} 00:00" for d in f["date"]]
        ),
        good,
    )
    series = {"data": {"series": ["shop"]}}
    put(
        "LC109",
        long([40, 40, 40], ["D", "D", "7D"]),
        long([40, 40, 40]),
        dict(series, data=dict(series["data"])),
        dict(series, data=dict(series["data"])),
    )
    put("LC110", good.iloc[::-1], good)
    early = daily(12)
    early["date"] = [
        f"0{1 + k % 3}/0{1 + k // 3}/2024" for k in (3, 1, 7, 0, 5, 2, 9, 11, 4, 8, 6, 10)
    ]
    sure = daily(60).assign(date=lambda f: pd.to_datetime(f["date"]).dt.strftime("%d/%m/%Y"))
    put("LC111", early, sure)
    put("LC112", long([40, 40]), long([40, 40]), {}, {"data": {"series": ["shop"]}})
    put("LC113", good, good, {"data": {"past": ["prise"]}}, {})
    put(
        "LC114",
        changed({(3, "shop"): ""}, long([40, 40])),
        long([40, 40]),
        {"data": {"series": ["shop"]}},
        {"data": {"series": ["shop"]}},
    )
    put("LC201", changed({(4, "sales"): "closed", (9, "sales"): "12 kg"}), good)
    put("LC202", changed({(4, "sales"): "inf"}), good)
    other = daily(seed=3)["sales"].astype(float)
    put(
        "LC203",
        good.assign(extra=3),
        good.assign(extra=other),
        {"data": {"past": ["extra"]}},
        {"data": {"past": ["extra"]}},
    )
    put(
        "LC204",
        good.assign(extra=""),
        good.assign(extra=other),
        {"data": {"past": ["extra"]}},
        {"data": {"past": ["extra"]}},
    )
    kilo = good.copy()
    kilo.loc[30:, "sales"] = (kilo.loc[30:, "sales"].astype(float) * 1000).round(1)
    put("LC205", kilo, good)
    put("LC206", changed({(33, "sales"): 4000}), good)
    still = long([60, 60, 60])
    still.loc[still["shop"] == "b", "sales"] = 12
    put(
        "LC207",
        still,
        long([60, 60, 60]),
        {"data": {"series": ["shop"]}},
        {"data": {"series": ["shop"]}},
    )
    put(
        "LC301",
        long([60, 60, 8]),
        long([60, 60, 60]),
        {"data": {"series": ["shop"]}},
        {"data": {"series": ["shop"]}},
    )
    put("LC302", good, good, {"split": {"validation": 25, "test": 30}}, {})
    known = good.assign(price=other)
    ahead = daily(63).assign(price=daily(63, seed=3)["sales"])
    ahead.loc[60:, "sales"] = ""
    put("LC303", known, ahead, {"data": {"future": ["price"]}}, {"data": {"future": ["price"]}})
    put("LC304", good, good, {"data": {"past": ["sales"]}}, {})
    past = {"data": {"past": ["extra"]}}
    put(
        "LC305",
        covariate(lambda y: y.shift(-2)),
        covariate(lambda y: y.shift(2)),
        {"data": dict(past["data"])},
        {"data": dict(past["data"])},
    )
    put(
        "LC306",
        covariate(lambda y: y.rolling(5, center=True).mean()),
        covariate(lambda y: y.rolling(5).mean()),
        {"data": dict(past["data"])},
        {"data": dict(past["data"])},
    )
    put(
        "LC307",
        covariate(lambda y: 2 * y + 1),
        good.assign(extra=other),
        {"data": dict(past["data"])},
        {"data": dict(past["data"])},
    )
    put("LC308", good, good, {"network": {"units": [64]}}, {})
    put("LC401", good, good, {}, {})


if __name__ == "__main__":
    main()
