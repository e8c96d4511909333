"""Makes `cities_daily.csv` and `city_vectors.txt`: the weather of twelve invented cities.

    python data/make_cities.py

A data cube of cities x dates x readings, written as a long table. No city of it exists: everything
is drawn by the formulas below, with N(mean, deviation). For city c on day t:

    front[t]       = 1.3 front[t-1] - 0.6 front[t-2] + e,  e ~ N(0, 1)     (a wave of about 11 days)
    f[t]           = front[t - lag_c] + local[t]            (it reaches city c after lag_c days)
    local[t]       = 0.5 local[t-1] + e,  e ~ N(0, 0.4)
    season[t]      = -cos(2 pi (day of year - 20) / 365.25)      (-1 in January, 1 in July)
    air[t]         = 0.7 air[t-1] + 0.9 f[t-2] + e,  e ~ N(0, 0.8)  (air that follows the front)
    pressure[t]    = 1015 + 4 f[t]
    temperature[t] = level_c + swing_c season[t] + air[t] + 0.8 season[t] f[t]
    humidity[t]    = 72 - 8 season[t] - 3 f[t] + e,  e ~ N(0, 4), from 15 to 100

All cities share the front, so what is learnt in one serves in another. Pressure tells the
temperature two days ahead, and more than a straight line can say: a high warms in summer and cools
in winter. Six cities have all the days, three less than a year, three only some weeks.

The vector of a city is ((level - 11) / 4, (swing - 8) / 2, lag - 1.5): what is known of the place.
"""

import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np

FIRST, LAST = date(2022, 1, 1), date(2023, 12, 31)  # of the longest series; all end together
FULL, PART = 6, 3  # cities that have all days, and that have some months of them
WEEKS = (31, 45, 66)  # days of the cities that have only some weeks
LAGS = 4  # a city meets the front 0 to 3 days late
WARMUP = 60  # days before FIRST, in which the waves forget how they began
SEED = 20231231


def make_table() -> str:
    """The text of the table."""
    return draw()[0]


def make_vectors() -> str:
    """The text of the vectors: a city and three numbers a line."""
    return draw()[1]


def draw() -> tuple[str, str]:
    """Draws all cities; gives the table and the vectors."""
    # RandomState and not a Generator: numpy froze its streams, so the file can be made again.
    rng = np.random.RandomState(SEED)
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    front = wave(rng, WARMUP + len(days) + LAGS, (1.3, -0.6), 1.0)
    lengths = [len(days)] * FULL + [int(rng.randint(230, 320)) for _ in range(PART)] + [*WEEKS]
    lines, vectors = ["city,date,temperature,pressure,humidity"], []
    for city, length in enumerate(lengths):
        place = rng.uniform(4, 18), rng.uniform(5, 11), rng.randint(0, LAGS)
        level, swing, lag = place
        vectors.append(
            f"c{city + 1:02} {(level - 11) / 4:.2f} {(swing - 8) / 2:.2f} {lag - 1.5:.1f}"
        )
        temperature, pressure, humidity = city_weather(rng, days, front, place)
        lines += [
            f"c{city + 1:02},{days[n]},{temperature[n]:.1f},{pressure[n]:.0f},{humidity[n]:.0f}"
            for n in range(len(days) - length, len(days))
        ]
    return "\n".join(lines) + "\n", "\n".join(vectors) + "\n"


def city_weather(
    rng: np.random.RandomState,
    days: list[date],
    front: np.ndarray,
    place: tuple[float, float, int],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Temperature, pressure and humidity of one city, a value a day."""
    level, swing, lag = place
    length = WARMUP + len(days)
    f = front[LAGS - lag :][:length] + wave(rng, length, (0.5, 0.0), 0.4)
    air = wave(rng, length, (0.7, 0.0), 0.8, 0.9 * np.roll(f, 2))
    f, air = f[WARMUP:], air[WARMUP:]
    number = np.array([day.timetuple().tm_yday for day in days])
    season = -np.cos(2 * np.pi * (number - 20) / 365.25)
    temperature = level + swing * season + air + 0.8 * season * f
    humidity = 72 - 8 * season - 3 * f + rng.normal(0, 4, len(days))
    return temperature, 1015 + 4 * f, np.clip(humidity, 15, 100)


def wave(
    rng: np.random.RandomState,
    length: int,
    weights: tuple[float, float],
    noise: float,
    driven: np.ndarray | None = None,
) -> np.ndarray:
    """x[t] = weights[0] x[t-1] + weights[1] x[t-2] + driven[t] + e, e ~ N(0, noise), (length,)."""
    e = rng.normal(0, noise, length) + (0 if driven is None else driven)
    x = np.zeros(length)
    for t in range(2, length):
        x[t] = weights[0] * x[t - 1] + weights[1] * x[t - 2] + e[t]
    return x


if __name__ == "__main__":
    for name, text in (("cities_daily.csv", make_table()), ("city_vectors.txt", make_vectors())):
        path = Path(__file__).with_name(name)
        path.write_bytes(text.encode())
        sys.stdout.write(f"{path}: {text.count(chr(10)):,} lines\n")
