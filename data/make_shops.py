"""Makes `shops_daily.csv`: twenty invented shops, day by day.

    python data/make_shops.py

For shop s on day t, with every input as the file shows it (rounded):

    log mu = level_s + 0.8 log(size_s / 400)
           + weekday_s[t] + yearly_s sin(2 pi (day of year - phase_s) / 365.25)
           + 0.35 promo[t] - 0.10 carry[t]
           - 1.6 log(price[t] / base price_s)
           - 0.30 ((warmth[t] - 17) / 15)^2
    carry[t]  = 0.7 carry[t-1] + promo[t-1]           (buyers stocked up: a dip after a promotion)
    warmth[t] = mean of temperature[t-1], [t-2], [t-3]       (a lagged and bent effect, best at 17)
    sales[t]  ~ Poisson(mu exp(0.10 z - 0.005)),  z ~ N(0, 1), so that E[sales] = mu

`promo` and `price` are known ahead, `temperature` only up to the forecast origin, `size` never
changes. The last 28 days of each shop have no sales and no temperature: they are to be forecast.

mu explains 94 % of the variance of the known sales, and 87 % of what is left of it after each
shop's own mean is taken away. The rest is noise that no forecaster can explain.
"""

import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np

SHOPS = 20
FIRST, LAST = date(2021, 1, 1), date(2023, 6, 30)  # of the longest series; all end together
LATEST_START = 240  # days after FIRST
UNKNOWN = 28  # days at the end without sales and temperature
WARMUP = 3  # days of temperature before the first row, for the lag
SEED = 20230630


def make_table() -> tuple[str, float, float]:
    """Draws all shops.

    Returns:
        The text of the file; the share of the variance of the known sales that mu explains; and
        that share after each shop's mean is taken away.
    """
    # RandomState and not a Generator: numpy froze its streams, so the file can be made again.
    rng = np.random.RandomState(SEED)
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    region = region_temperature(rng, days)
    starts = [0, *rng.randint(0, LATEST_START, SHOPS - 1)]
    lines = ["shop,date,sales,promo,price,temperature,size"]
    known = []
    for shop, start in enumerate(starts):
        size = int(rng.randint(12, 90)) * 10
        promo, price, base = promo_and_price(rng, len(days) - start)
        local = region[start:] + rng.normal(0, 1.5) + rng.normal(0, 0.6, len(region) - start)
        temperature = np.round(local, 1)
        mu = expected_sales(rng, days[start:], size, promo, price / base, temperature)
        noise = np.exp(0.10 * rng.standard_normal(len(mu)) - 0.005)
        sales = rng.poisson(mu * noise)
        known.append((sales[:-UNKNOWN], mu[:-UNKNOWN]))
        for n, day in enumerate(days[start:]):
            past = n < len(mu) - UNKNOWN
            sold, warm = (f"{sales[n]}", f"{temperature[n + WARMUP]:.1f}") if past else ("", "")
            lines.append(f"s{shop + 1:02},{day},{sold},{promo[n]},{price[n]:.2f},{warm},{size}")
    return "\n".join(lines) + "\n", *explained(known)


def region_temperature(rng: np.random.RandomState, days: list[date]) -> np.ndarray:
    """Degrees Celsius, WARMUP days before the first day on: a yearly wave and slow weather."""
    weather = np.zeros(len(days) + WARMUP)
    for n in range(1, len(weather)):
        weather[n] = 0.8 * weather[n - 1] + rng.normal(0, 2.2)
    number = days[0].toordinal() - WARMUP + np.arange(len(weather))
    return 11 - 9 * np.cos(2 * np.pi * (number - 20) / 365.25) + weather


def promo_and_price(rng: np.random.RandomState, n: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Promotions of 3 to 7 days; a price that moves every few weeks and is often cut in them.

    Returns:
        promo (n,) of 0 and 1, price (n,) with two decimals, and the base price.
    """
    base = round(rng.uniform(8, 14), 2)
    promo = np.zeros(n, dtype=int)
    factor = np.ones(n)
    day = 0
    while day < n:
        stay = rng.randint(28, 84)
        factor[day : day + stay] = rng.uniform(0.94, 1.08)
        day += stay
    day = rng.randint(5, 25)
    while day < n:
        length = rng.randint(3, 8)
        promo[day : day + length] = 1
        if rng.random_sample() < 0.5:
            factor[day : day + length] *= 0.9
        day += length + rng.randint(12, 35)
    return promo, np.round(base * factor, 2), base


def expected_sales(
    rng: np.random.RandomState,
    days: list[date],
    size: int,
    promo: np.ndarray,
    relative_price: np.ndarray,
    temperature: np.ndarray,
) -> np.ndarray:
    """Mu of the formula above, a value a day; `temperature` begins WARMUP days earlier."""
    weekday = np.array([-0.15, -0.2, -0.1, 0.0, 0.2, 0.35, -0.1]) * rng.uniform(0.6, 1.4)
    weekday += rng.normal(0, 0.04, 7)
    level, yearly, phase = rng.normal(4.6, 0.25), rng.uniform(0.08, 0.25), rng.uniform(60, 160)
    number = np.array([day.toordinal() for day in days])
    week = weekday[[day.weekday() for day in days]]
    carry = np.zeros(len(days))
    for n in range(1, len(days)):
        carry[n] = 0.7 * carry[n - 1] + promo[n - 1]
    warmth = (temperature[2:-1] + temperature[1:-2] + temperature[:-3]) / 3
    start_of_year = date(days[0].year, 1, 1).toordinal()
    log_mu = level + 0.8 * np.log(size / 400) + week
    log_mu += yearly * np.sin(2 * np.pi * (number - start_of_year - phase) / 365.25)
    log_mu += 0.35 * promo - 0.10 * carry - 1.6 * np.log(relative_price)
    return np.exp(log_mu - 0.30 * ((warmth - 17) / 15) ** 2)


def explained(known: list[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """Share of the variance of sales that mu explains, over all shops and within them."""
    sales = np.concatenate([s for s, _ in known])
    within = np.concatenate([s - s.mean() for s, _ in known])
    unexplained = np.mean(np.concatenate([s - mu for s, mu in known]) ** 2)
    return float(1 - unexplained / sales.var()), float(1 - unexplained / within.var())


if __name__ == "__main__":
    path = Path(__file__).with_name("shops_daily.csv")
    text, overall, within_shops = make_table()
    path.write_bytes(text.encode())
    sys.stdout.write(f"{path}: explained {overall:.0%}, within shops {within_shops:.0%}\n")
