"""Tails and quantiles to about 25 digits, by Gauss-Legendre quadrature of the densities.

This is deliberately not the algorithm of the crate (series, continued fractions, Loader's prefactor): two different
roads that meet in the tenth digit are evidence, the same road twice is not.
"""

from mpmath import mp, mpf

mp.dps = 36


def _gauss(degree=28):
    """Nodes and weights of Gauss-Legendre quadrature on [-1, 1]."""
    nodes = []
    for i in range(1, degree + 1):
        x = mp.cos(mp.pi * (i - mpf(1) / 4) / (degree + mpf(1) / 2))
        for _ in range(60):
            p0, p1 = mpf(1), x
            for k in range(2, degree + 1):
                p0, p1 = p1, ((2 * k - 1) * x * p1 - (k - 1) * p0) / k
            slope = degree * (x * p1 - p0) / (x * x - 1)
            step = p1 / slope
            x -= step
            if abs(step) < mpf(10) ** -34:
                break
        nodes.append((x, 2 / ((1 - x * x) * slope * slope)))
    return nodes


NODES = _gauss()


def _tail(log_density, at, direction, width):
    """The integral of exp(log_density) from `at` to infinity in the given direction."""
    total, left = mpf(0), mpf(at)
    # Far out the density falls on a shorter scale than its width around the centre.
    fall = abs(log_density(left + direction * width / 1000) - log_density(left)) / width * 1000
    width = min(width, 8 / fall) if fall > 0 else width
    for _ in range(20_000):
        middle = left + direction * width / 2
        piece = sum(w * mp.exp(log_density(middle + x * width / 2)) for x, w in NODES) * width / 2
        total += piece
        left += direction * width
        if piece < total * mpf(10) ** -30 and total > 0:
            return total
    raise RuntimeError("the density does not decay")


def _invert(log_density, width, start, tail, side):
    """The point whose `side` tail has probability `tail`: Newton on ln(tail), inside a bracket."""
    at, goal = mpf(start), mp.log(tail)
    direction = -1 if side == "lower" else 1
    low, high = at - 3000, at + 3000
    for _ in range(200):
        value = _tail(log_density, at, direction, width)
        excess = (mp.log(value) - goal) * (1 if side == "lower" else -1)
        low, high = (low, at) if excess > 0 else (at, high)
        step = excess * value / mp.exp(log_density(at))
        step = max(min(step, 4 * width), -4 * width)
        at -= step
        if not low <= at <= high:
            at = (low + high) / 2
        if abs(step) < mpf(10) ** -22 * max(1, abs(at)):
            return at
    raise RuntimeError("no root")


def _beta_log_odds(a, b):
    """ln density of the log-odds of a beta variable, and a width on which it is smooth."""
    a, b = mpf(a), mpf(b)
    constant = mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b)

    def log_density(u):
        if u < 0:
            return constant + a * u - (a + b) * mp.log1p(mp.exp(u))
        return constant - b * u - (a + b) * mp.log1p(mp.exp(-u))

    return log_density, min(mp.sqrt(1 / a + 1 / b), mpf(3) / 2)


def _gamma_log(a):
    """ln density of the logarithm of a gamma variable, and a width on which it is smooth."""
    a = mpf(a)
    constant = -mp.loggamma(a)
    return (lambda v: constant + a * v - mp.exp(v)), min(1 / mp.sqrt(a), mpf(1) / 2)


def _both(log_density, width, at, centre):
    if at <= centre:
        lower = _tail(log_density, at, -1, width)
        return lower, 1 - lower
    upper = _tail(log_density, at, 1, width)
    return 1 - upper, upper


def beta_tails(x, a, b):
    """P(X <= x) and P(X > x)."""
    x, a, b = mpf(x), mpf(a), mpf(b)
    density, width = _beta_log_odds(a, b)
    return _both(density, width, mp.log(x) - mp.log1p(-x), mp.log(a / b))


def chi2_tails(x, df):
    a = mpf(df) / 2
    density, width = _gamma_log(a)
    return _both(density, width, mp.log(mpf(x) / 2), mp.log(a))


def normal_tails(x):
    x = mpf(x)
    return mp.erfc(-x / mp.sqrt(2)) / 2, mp.erfc(x / mp.sqrt(2)) / 2


def t_tails(x, df):
    x, df = mpf(x), mpf(df)
    if x == 0:
        return mpf(1) / 2, mpf(1) / 2
    density, width = _beta_log_odds(mpf(1) / 2, df / 2)
    centre, both = _both(density, width, mp.log(x * x / df), -mp.log(df))
    return (1 - both / 2, both / 2) if x > 0 else (both / 2, 1 - both / 2)


def binomial_tails(k, n, p):
    """P(X <= k) and P(X > k)."""
    upper, lower = beta_tails(p, k + 1, n - k)
    return lower, upper


def _sides(p):
    return (p, "lower") if p < mpf(1) / 2 else (1 - p, "upper")


def normal_quantile(p):
    p = mpf(p)
    if p == mpf(1) / 2:
        return mpf(0)
    constant = -mp.log(2 * mp.pi) / 2
    start = mp.sqrt(-2 * mp.log(min(p, 1 - p))) * (1 if p > mpf(1) / 2 else -1)
    return _invert(lambda x: constant - x * x / 2, mpf(1) / 2, start, *_sides(p))


def t_quantile(p, df):
    """Solved on the centre P(|T| <= t), which keeps its digits around one half, or on the tail."""
    p = mpf(p)
    sign = 1 if p > mpf(1) / 2 else -1
    tail = 1 - p if sign == 1 else p
    centre = 1 - 2 * tail
    density, width = _beta_log_odds(mpf(1) / 2, mpf(df) / 2)
    side = (centre, "lower") if centre < mpf(1) / 2 else (2 * tail, "upper")
    return sign * mp.sqrt(mpf(df) * mp.exp(_invert(density, width, -mp.log(mpf(df)), *side)))


def beta_quantile(p, a, b):
    p = mpf(p)
    density, width = _beta_log_odds(a, b)
    log_odds = _invert(density, width, mp.log(mpf(a) / b), *_sides(p))
    return mp.exp(log_odds) / (1 + mp.exp(log_odds))


def chi2_quantile(p, df):
    a = mpf(df) / 2
    density, width = _gamma_log(a)
    return 2 * mp.exp(_invert(density, width, mp.log(a), *_sides(mpf(p))))
