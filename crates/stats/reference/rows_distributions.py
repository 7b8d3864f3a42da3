"""Golden rows for tails and quantiles, from the quadrature in distributions.py."""

import distributions as exact

TOLERANCE = {"rel": 1e-10, "abs": 0}


def _row(method, inputs, value):
    label = "_".join(str(v) for v in inputs.values())
    return {
        "name": f"{method}_{label}",
        "method": method,
        "inputs": inputs,
        "expected": {"value": float(value)},
        "tolerance": TOLERANCE,
    }


def _tails(method, inputs, tails):
    return [_row(f"{method}_cdf", inputs, tails[0]), _row(f"{method}_sf", inputs, tails[1])]


def rows():
    out = []
    for x in (-37.0, -8.0, -1.96, -0.1, 0.0, 1e-9, 0.67, 1.0, 1.96, 5.0, 12.0, 37.0):
        out += _tails("norm", {"x": x}, exact.normal_tails(x))
    for p in (1e-300, 1e-30, 1e-9, 0.001, 0.025, 0.3, 0.4999999, 0.5000001, 0.75, 0.95, 0.995, 1 - 1e-12):
        out.append(_row("norm_ppf", {"p": p}, exact.normal_quantile(p)))

    for df in (0.5, 1.0, 1.5, 2.0, 5.62, 9.0, 30.0, 199.0, 5000.0, 1e5, 1e6, 1e7, 1e9):
        for x in (-2.5, 1e-7, 0.3, 1.96, 6.0, 40.0):
            out += _tails("t", {"x": x, "df": df}, exact.t_tails(x, df))
        for p in (1e-12, 0.025, 0.3, 0.5000001, 0.6, 0.9, 0.975, 0.999999):
            out.append(_row("t_ppf", {"p": p, "df": df}, exact.t_quantile(p, df)))
    out += _tails("t", {"x": 1e20, "df": 2.0}, exact.t_tails(1e20, 2.0))

    for df in (0.5, 1.0, 2.0, 3.0, 10.0, 99.0, 1e4, 1e6, 2e7):
        for factor in (1e-3, 0.5, 0.98, 1.0, 1.02, 2.0, 20.0):
            x = df * factor
            lower, upper = exact.chi2_tails(x, df)
            # Beyond the range of a double the right answer is 0; rows there would test only the rounding.
            out += [row for row in _tails("chi2", {"x": x, "df": df}, (lower, upper)) if row["expected"]["value"] > 1e-290]
        for p in (1e-10, 0.025, 0.5, 0.95, 0.999, 1 - 1e-12):
            out.append(_row("chi2_ppf", {"p": p, "df": df}, exact.chi2_quantile(p, df)))

    shapes = ((0.5, 0.5), (1.0, 1.0), (1.0, 1e7), (20.0, 1.0), (3.0, 1e5), (2.5, 7.5), (46.0, 15.0), (481.0, 20.0), (5e5, 5e5), (1e7, 1e7), (1e7, 0.5), (7.0, 1e9))
    for a, b in shapes:
        mean = a / (a + b)
        sd = (a * b / (a + b + 1)) ** 0.5 / (a + b)
        for z in (-6.0, -1.0, 0.0, 0.01, 2.0, 8.0):
            x = mean + z * sd
            if 0 < x < 1:
                out += [row for row in _tails("beta", {"x": x, "a": a, "b": b}, exact.beta_tails(x, a, b)) if row["expected"]["value"] > 1e-290]
        for p in (1e-12, 0.025, 0.4, 0.5, 0.975, 1 - 1e-10):
            out.append(_row("beta_ppf", {"p": p, "a": a, "b": b}, exact.beta_quantile(p, a, b)))

    for n, p in ((10, 0.5), (20, 0.95), (70, 0.013), (1000, 0.2), (2_000_000, 0.5), (10_000_000, 1e-6)):
        mean, sd = n * p, (n * p * (1 - p)) ** 0.5
        for z in (-4, -1, 0, 1, 5):
            k = round(mean + z * sd)
            if 0 <= k < n:
                out += _tails("binom", {"k": k, "n": n, "p": p}, exact.binomial_tails(k, n, p))
    return out
