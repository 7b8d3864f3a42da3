"""Makes three small data sets and analyses them a second time, independently of the Rust code.

    python3 analyze.py            writes rates.csv, means.csv, ratio.csv and expected.json beside this file

Nothing but the standard library: the t quantile comes from bisection on an incomplete beta function.
"""
import csv, json, math, os, random, statistics
from datetime import datetime, timedelta, timezone

HERE = os.path.dirname(os.path.abspath(__file__))
START = datetime(2026, 11, 24, tzinfo=timezone.utc)
stamp = lambda t: t.strftime("%Y-%m-%dT%H:%M:%SZ")


def beta_cdf(x, a, b):
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_cdf(1 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    tiny = 1e-300
    c, d = 1.0, 1.0 / (1 - (a + b) * x / (a + 1))
    h = d
    for m in range(1, 500):
        n = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / ((1 + n * d) or tiny); c = (1 + n / c) or tiny; h *= d * c
        n = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / ((1 + n * d) or tiny); c = (1 + n / c) or tiny; step = d * c; h *= step
        if abs(step - 1) < 1e-16:
            break
    return front * h


def t_two_sided(t, df):
    return beta_cdf(df / (df + t * t), df / 2, 0.5)


def t_quantile(df, alpha=0.05):
    low, high = 0.0, 100.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if t_two_sided(middle, df) > alpha else (low, middle)
    return (low + high) / 2


Z = statistics.NormalDist().inv_cdf(0.975)


def mean(v):
    return math.fsum(v) / len(v)


def variance(v):
    m = mean(v)
    return math.fsum((x - m) ** 2 for x in v) / (len(v) - 1)


def welch(a, b):
    va, vb = a[1] / a[2], b[1] / b[2]
    se = math.sqrt(va + vb)
    df = (va + vb) ** 2 / (va * va / (a[2] - 1) + vb * vb / (b[2] - 1))
    d = b[0] - a[0]
    half = t_quantile(df) * se
    return dict(difference=d, lower=d - half, upper=d + half, p_value=t_two_sided(d / se, df))


def lift(a, b):
    """The ratios at which Welch's test of b - ratio * a becomes significant, by bisection."""
    ratio = b[0] / a[0]

    def border(outside):
        inside = ratio
        for _ in range(100):
            middle = (inside + outside) / 2
            test = welch((middle * a[0], middle ** 2 * a[1], a[2]), b)
            inside, outside = (middle, outside) if test["lower"] < 0 < test["upper"] else (inside, middle)
        return inside - 1

    return dict(lift=ratio - 1, lower=border(ratio - 1), upper=border(ratio + 1))


def wilson(k, n):
    p, z2 = k / n, Z * Z
    centre, half = (p + z2 / (2 * n)) / (1 + z2 / n), Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return p, centre - half, centre + half


def newcombe(ka, na, kb, nb):
    pa, la, ua = wilson(ka, na)
    pb, lb, ub = wilson(kb, nb)
    d = pb - pa
    return dict(difference=d, lower=d - math.hypot(pb - lb, ua - pa), upper=d + math.hypot(ub - pb, pa - la))


def always_valid(a, b, planned):
    n, alpha = a[2] + b[2], 0.05
    rho2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / planned
    half = math.sqrt(a[1] / a[2] + b[1] / b[2]) * math.sqrt(
        2 * (n * rho2 + 1) / (n * rho2) * math.log(math.sqrt(n * rho2 + 1) / alpha))
    d = b[0] - a[0]
    return dict(difference=d, lower=d - half, upper=d + half)


def moments(v):
    return mean(v), variance(v), len(v)


def write(name, rows):
    with open(os.path.join(HERE, name), "w", newline="") as out:
        w = csv.writer(out, lineterminator="\n")
        w.writerow(["unit", "variant", "metric", "value", "at", "id"])
        w.writerows(rows)


def users(rng, count):
    for number in range(count):
        yield f"u{number}", rng.choice(["control", "treatment"]), START + timedelta(seconds=rng.randrange(8 * 86400))


def rates(rng):
    rows, seen = [], {"control": [], "treatment": []}
    for unit, arm, at in users(rng, 600):
        rows.append([unit, arm, "", "", stamp(at), ""])
        won = rng.random() < (0.45 if arm == "treatment" else 0.30)
        seen[arm].append(won)
        if won:
            rows.append([unit, "", "resolved", 1, stamp(at + timedelta(hours=3)), "a"])
            rows.append([unit, "", "resolved", 1, stamp(at + timedelta(hours=3)), "a"])
        else:  # too late to count
            rows.append([unit, "", "resolved", 1, stamp(at + timedelta(days=2)), "b"])
    write("rates.csv", rows)
    a, b = seen["control"], seen["treatment"]
    end = newcombe(sum(a), len(a), sum(b), len(b))
    look = always_valid(moments([float(x) for x in a]), moments([float(x) for x in b]), 1200)
    return dict(units=[len(a), len(b)], estimates=[sum(a) / len(a), sum(b) / len(b)], at_end=end, at_look=look)


def means(rng):
    rows, y, x = [], {"control": [], "treatment": []}, {"control": [], "treatment": []}
    for unit, arm, at in users(rng, 500):
        rows.append([unit, arm, "", "", stamp(at), ""])
        level, values = rng.gauss(20, 4), []
        known = rng.random() < 0.9
        if known:
            before = round(level + rng.gauss(0, 1), 6)
            rows.append([unit, "", "spent_before", before, stamp(at - timedelta(days=3)), "p"])
        for number in range(rng.randrange(1, 5)):
            value = round(level + rng.gauss(0, 3) + (1.0 if arm == "treatment" else 0.0), 6)
            values.append(value)
            rows.append([unit, "", "spent", value, stamp(at + timedelta(minutes=number)), f"s{number}"])
        y[arm].append(min(math.fsum(values), 90.0))
        x[arm].append(before if known else None)
    write("means.csv", rows)
    given = [v for arm in x.values() for v in arm if v is not None]
    centre = mean(given)
    x = {arm: [centre if v is None else v for v in values] for arm, values in x.items()}
    ys, xs = y["control"] + y["treatment"], x["control"] + x["treatment"]
    my, mx = mean(ys), mean(xs)
    theta = math.fsum((b - my) * (a - mx) for b, a in zip(ys, xs)) / math.fsum((a - mx) ** 2 for a in xs)
    adjusted = {arm: moments([b - theta * (a - mx) for b, a in zip(y[arm], x[arm])]) for arm in y}
    a, b = adjusted["control"], adjusted["treatment"]
    return dict(units=[len(y["control"]), len(y["treatment"])], estimates=[mean(y["control"]), mean(y["treatment"])],
                at_end=welch(a, b), lift=lift(a, b), at_look=always_valid(a, b, 1200))


def ratio(rng):
    rows, pairs = [], {"control": [], "treatment": []}
    for unit, arm, at in users(rng, 400):
        rows.append([unit, arm, "", "", stamp(at), ""])
        requests = rng.randrange(1, 9)
        errors = sum(rng.random() < (0.2 if arm == "treatment" else 0.3) for _ in range(requests))
        rows.append([unit, "", "requests", requests, stamp(at), "r"])
        if errors:
            rows.append([unit, "", "errors", errors, stamp(at), "e"])
        pairs[arm].append((errors, requests))
    write("ratio.csv", rows)

    def of(arm):
        m, d = [p[0] for p in pairs[arm]], [p[1] for p in pairs[arm]]
        r, n = sum(m) / sum(d), len(m)
        cov = math.fsum((a - mean(m)) * (b - mean(d)) for a, b in zip(m, d)) / (n - 1)
        return r, (variance(m) - 2 * r * cov + r * r * variance(d)) / mean(d) ** 2, n

    a, b = of("control"), of("treatment")
    return dict(units=[a[2], b[2]], estimates=[a[0], b[0]], at_end=welch(a, b), lift=lift(a, b),
                at_look=always_valid(a, b, 1200))


if __name__ == "__main__":
    rng = random.Random(20261123)
    expected = {"rates": rates(rng), "means": means(rng), "ratio": ratio(rng)}
    with open(os.path.join(HERE, "expected.json"), "w") as out:
        json.dump(expected, out, indent=1)
        out.write("\n")
