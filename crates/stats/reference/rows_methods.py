"""Golden rows for the methods: from SciPy and statsmodels where they have them, else from the definitions in 40 digits."""

import itertools
import math
from fractions import Fraction

import numpy as np
import scipy.stats as st
import statsmodels.api as sm
from mpmath import mp, mpf
from scipy.optimize import brentq, minimize
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

import distributions as exact

TIGHT = {"rel": 1e-10, "abs": 1e-13}


def row(name, method, inputs, expected, tolerance=TIGHT):
    return {"name": name, "method": method, "inputs": inputs, "expected": expected, "tolerance": tolerance}


# --- the score interval, by its definition -----------------------------------------------------------------------------


def score_weights(d, delta, low, high):
    """Maximum-likelihood weights on d and both ends of the range, constrained to mean delta, by bisection on lambda."""
    n = len(d)
    ends = (mpf(low), mpf(high))
    lam_low, lam_high = -n / (ends[1] - delta), n / (delta - ends[0])

    def weights(lam):
        # A unit on the end of the range has no finite weight at the edge of lambda, whatever the rounding says.
        scale = [n + lam * (x - delta) for x in d]
        return [1 / s if s > mpf(10) ** -25 else mp.inf for s in scale]

    mean = mp.fsum(d) / n
    edge = lam_high if mean > delta else lam_low
    at_edge = weights(edge)
    if mp.isfinite(mp.fsum(at_edge)) and mp.fsum(at_edge) <= 1:
        # The rest of the weight lies on the end of the range that delta leans to.
        rest = 1 - mp.fsum(at_edge)
        return list(zip(d, at_edge)) + [(ends[0] if mean > delta else ends[1], rest)]
    inside, outside = mpf(0), edge
    for _ in range(170):
        middle = (inside + outside) / 2
        if mp.fsum(w * (x - delta) for w, x in zip(weights(middle), d)) * (1 if mean > delta else -1) > 0:
            inside = middle
        else:
            outside = middle
    return list(zip(d, weights((inside + outside) / 2)))


def score_z(d, delta, low, high):
    n, mean = len(d), mp.fsum(d) / len(d)
    if mean == delta:
        return mpf(0)
    weighted = score_weights(d, delta, low, high)
    variance = mp.fsum(w * (x - delta) ** 2 for x, w in weighted)
    return (mean - delta) * mp.sqrt(n) / mp.sqrt(variance)


def score_bound(d, z, low, high, side):
    mean = mp.fsum(d) / len(d)
    end = mpf(high if side == "upper" else low)
    if mean == end:
        return end
    inside, outside = mean, end
    for _ in range(120):
        middle = (inside + outside) / 2
        if abs(score_z(d, middle, low, high)) < z:
            inside = middle
        else:
            outside = middle
    return inside


def check_weights_against_a_general_optimiser():
    d = [0.2, -0.4, 0.0, 0.6, 0.0]
    delta = -0.3
    support = d + [-1.0, 1.0]
    start = np.full(len(support), 1 / len(support))
    found = minimize(
        lambda w: -np.sum(np.log(np.maximum(w[: len(d)], 1e-12))),
        start,
        bounds=[(0, 1)] * len(support),
        constraints=[
            {"type": "eq", "fun": lambda w: np.sum(w) - 1},
            {"type": "eq", "fun": lambda w: np.dot(w, support) - delta},
        ],
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    ours = dict.fromkeys(support, 0.0)
    for x, w in score_weights([mpf(x) for x in d], mpf(delta), -1, 1):
        ours[float(x)] += float(w)
    theirs = dict.fromkeys(support, 0.0)
    for x, w in zip(support, found.x):
        theirs[x] += w
    assert all(abs(ours[x] - theirs[x]) < 1e-4 for x in support), (ours, theirs)


def tango(b, c, n, z, side):
    """Tango 1998 by its published quadratic; b: only the baseline passed, c: only the candidate."""

    def statistic(delta):
        big_a, big_b = 2 * n, -(b + c) + delta * (2 * n - c + b)
        big_c = -b * delta * (1 - delta)
        q = (mp.sqrt(big_b**2 - 4 * big_a * big_c) - big_b) / (2 * big_a)
        return (c - b - n * delta) / mp.sqrt(n * (2 * q + delta * (1 - delta)))

    estimate, end = mpf(c - b) / n, mpf(1 if side == "upper" else -1)
    if estimate == end:
        return end
    inside, outside = estimate, end
    for _ in range(120):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if abs(statistic(middle)) < z else (inside, middle)
    return inside


def score_rows():
    check_weights_against_a_general_optimiser()
    out = []
    z = {level: exact.normal_quantile(mpf(level)) for level in (0.8, 0.95, 0.995)}
    pattern = [0, 0, 1, -1, 0, 2, 0, 0, -3, 1, 0, 0, 0, -1, 3, 0, 0, 0, 2, 0]
    samples = {
        "one_unit": [0.25],
        "two_ends": [-1.0, 1.0],
        "constant": [0.4] * 6,
        "thirds_20": [x / 3 for x in pattern],
        "ceiling_40": [0.0] * 37 + [-0.2, -0.4, 0.2],
        "graded_25": [round(math.sin(7 * i) * 0.3 + 0.05, 3) for i in range(25)],
        "concentrated_30": [-1.0] * 3 + [0.0] * 27,
        "nearly_all_fixed": [1.0] * 11 + [0.8],
    }
    for name, d in samples.items():
        exact_d = [mpf(x) for x in d]
        for level in (0.8, 0.95, 0.995):
            expected = {
                "estimate": float(mp.fsum(exact_d) / len(d)),
                "lower": float(score_bound(exact_d, z[level], -1, 1, "lower")),
                "upper": float(score_bound(exact_d, z[level], -1, 1, "upper")),
            }
            deltas = [-0.9, -0.1, 0.0, 0.3, 0.999]
            expected["z"] = [float(score_z(exact_d, mpf(delta), -1, 1)) for delta in deltas]
            inputs = {"differences": d, "each_end": level, "deltas": deltas}
            out.append(row(f"score_differences_{name}_{level}", "score_differences", inputs, expected))
    means = {
        "one_fail": [0.0],
        "ceiling": [1.0] * 9,
        "graded": [0.2, 0.9, 1.0, 0.75, 0.5, 0.5, 0.0, 1.0, 1.0, 0.66],
        "thirds_of_12": [1.0, 1.0, 2 / 3, 1.0, 1 / 3, 1.0, 1.0, 0.0, 1.0, 2 / 3, 1.0, 1.0],
    }
    for name, x in means.items():
        exact_x = [mpf(v) for v in x]
        expected = {
            "estimate": float(mp.fsum(exact_x) / len(x)),
            "lower": float(score_bound(exact_x, z[0.95], 0, 1, "lower")),
            "upper": float(score_bound(exact_x, z[0.95], 0, 1, "upper")),
        }
        out.append(row(f"score_means_{name}", "score_means", {"means": x, "each_end": 0.95}, expected))
    for b, c, n in ((0, 0, 1), (0, 0, 25), (1, 0, 30), (8, 1, 40), (3, 3, 6), (0, 10, 10), (4, 12, 100), (25, 44, 3000)):
        expected = {side: float(tango(b, c, n, z[0.95], side)) for side in ("lower", "upper")}
        out.append(row(f"tango_{b}_{c}_{n}", "tango", {"broken": b, "fixed": c, "n": n, "each_end": 0.95}, expected))
    return out


# --- beside it ---------------------------------------------------------------------------------------------------------


def proportion_rows():
    out = []
    for k, n in ((0, 1), (7, 7), (1, 30), (27, 30), (370, 400), (5, 100_000), (999_000, 1_000_000)):
        for level in (0.9, 0.95, 0.99):
            wilson = [float(v) for v in proportion_confint(k, n, alpha=1 - level, method="wilson")]
            clopper = st.binomtest(k, n).proportion_ci(level, method="exact")
            expected = {"p": k / n, "wilson": wilson, "clopper_pearson": [float(clopper.low), float(clopper.high)]}
            inputs = {"k": k, "n": n, "confidence": level}
            out.append(row(f"proportion_{k}_{n}_{level}", "proportion_ci", inputs, expected, {"rel": 1e-9, "abs": 1e-12}))
    for b, c in ((1, 0), (1, 8), (0, 6), (3, 11), (120, 171), (50_000, 50_700)):
        p = float(mcnemar([[0, b], [c, 0]], exact=True).pvalue)
        m, total = min(b, c), b + c
        mid = float(2 * st.binom.cdf(m - 1, total, 0.5) + st.binom.pmf(m, total, 0.5))
        out.append(row(f"mcnemar_{b}_{c}", "mcnemar", {"b_a_only": b, "c_b_only": c}, {"p_exact": p, "p_mid": mid}))
    return out


def repeat_rows():
    out = []
    for n, c, ks in ((5, 2, (1, 2, 3, 5)), (20, 19, (1, 10)), (12, 0, (1, 3)), (6, 6, (4,))):
        at, hat = [], []
        for k in ks:
            draws = list(itertools.combinations([1] * c + [0] * (n - c), k)) if n <= 12 else None
            if draws is None:
                at.append(1 - Fraction(math.comb(n - c, k), math.comb(n, k)))
                hat.append(Fraction(math.comb(c, k), math.comb(n, k)))
            else:
                at.append(Fraction(sum(any(d) for d in draws), len(draws)))
                hat.append(Fraction(sum(all(d) for d in draws), len(draws)))
        expected = {"pass_at_k": [float(v) for v in at], "pass_hat_k": [float(v) for v in hat]}
        out.append(row(f"pass_at_k_{n}_{c}", "pass_at_k", {"n": n, "c": c, "k": list(ks)}, expected))
    balanced = [[1, 1, 0], [1, 1, 1], [0, 1, 0], [0, 0, 0], [1, 1, 1], [0.5, 0, 1]]
    f = float(st.f_oneway(*balanced).statistic)
    icc = (f - 1) / (f + 2)
    within = float(np.mean([np.var(c, ddof=1) for c in balanced]))
    between = float(np.var([np.mean(c) for c in balanced], ddof=1)) - within / 3
    expected = {"within": within, "between": between, "icc": icc, "design_effect": 1 + 2 * icc, "repeats": 3.0}
    out.append(row("variance_components_balanced", "variance_components", {"cases": balanced}, expected))
    uneven = [[1, 0], [1, 1, 1, 0], [0, 0, 0], [1], [0.5, 1, 1]]
    sizes = [len(c) for c in uneven]
    total, cases = sum(sizes), len(uneven)
    f = float(st.f_oneway(*uneven).statistic) if all(s > 1 for s in sizes) else None
    msw = sum(sum((x - np.mean(c)) ** 2 for x in c) for c in uneven) / (total - cases)
    grand = sum(map(sum, uneven)) / total
    msb = sum(len(c) * (np.mean(c) - grand) ** 2 for c in uneven) / (cases - 1)
    k0 = (total - sum(s * s for s in sizes) / total) / (cases - 1)
    icc = float((msb - msw) / (msb + (k0 - 1) * msw))
    assert f is None
    expected = {"within": float(msw), "between": max(0.0, float((msb - msw) / k0)), "icc": icc, "design_effect": 1 + (k0 - 1) * icc, "repeats": k0}
    out.append(row("variance_components_uneven", "variance_components", {"cases": uneven}, expected))
    for p, k in ((0.5, 3), (0.9, 5), (0.99, 2)):
        value = float(1 - mpf(p) ** k - (1 - mpf(p)) ** k)
        out.append(row(f"flaky_{p}_{k}", "flaky_probability", {"p": p, "k": k}, {"value": value}))
    return out


def quantile_rows():
    rng = np.random.default_rng(5)
    out = []
    for n, p in ((6, 0.5), (20, 0.5), (37, 0.5), (37, 0.95), (100, 0.95), (400, 0.95), (400, 0.99), (9, 0.1)):
        x = np.round(rng.lognormal(6, 0.5, n), 1)
        ci = st.quantile_test(x, p=p).confidence_interval(0.95)
        number = lambda v: None if np.isnan(v) else float(v)
        expected = {"estimate": float(np.quantile(x, p)), "lower": number(ci.low), "upper": number(ci.high)}
        inputs = {"x": [float(v) for v in x], "p": p, "confidence": 0.95}
        out.append(row(f"quantile_{n}_{p}", "quantile_ci", inputs, expected))
    return out


def power_rows():
    out = []
    for mde, sd, alpha, power in ((0.1, 1.0, 0.05, 0.8), (3.0, 20.0, 0.01, 0.9)):
        n = NormalIndPower().solve_power(effect_size=mde / sd, alpha=alpha, power=power, alternative="two-sided")
        inputs = {"mde": mde, "sd": sd, "alpha": alpha, "power": power}
        # statsmodels counts rejections in the wrong direction too, so its answer is a hair smaller.
        out.append(row(f"power_means_{mde}", "power_normal_ind", inputs, {"n_per_arm": float(n)}, {"rel": 1e-5, "abs": 0}))
    for pa, pb, share in ((0.1, 0.12, 0.5), (0.6, 0.55, 0.5), (0.3, 0.2, 0.1)):
        za, zb = exact.normal_quantile(mpf("0.975")), exact.normal_quantile(mpf("0.8"))
        pooled = (1 - mpf(share)) * mpf(pa) + mpf(share) * mpf(pb)
        null = mp.sqrt(pooled * (1 - pooled) * (1 / mpf(share) + 1 / (1 - mpf(share))))
        alt = mp.sqrt(mpf(pa) * (1 - mpf(pa)) / (1 - mpf(share)) + mpf(pb) * (1 - mpf(pb)) / mpf(share))
        # Solved for the power instead of by the closed form.
        reach = lambda n: float((abs(mpf(pb) - mpf(pa)) * mp.sqrt(n) - za * null) / alt - zb)
        n = brentq(reach, 10, 1e6, xtol=1e-9)
        inputs = {"p_a": pa, "p_b": pb, "share": share, "alpha": 0.05, "power": 0.8}
        out.append(row(f"power_proportions_{pa}_{pb}", "power_proportions", inputs, {"total": n}, {"rel": 1e-9, "abs": 0}))
    for psi, delta in ((0.2, 0.05), (0.1, -0.1), (0.4, 0.03)):
        za, zb = exact.normal_quantile(mpf("0.975")), exact.normal_quantile(mpf("0.8"))
        n = (za * mp.sqrt(psi) + zb * mp.sqrt(mpf(psi) - mpf(delta) ** 2)) ** 2 / mpf(delta) ** 2
        inputs = {"psi": psi, "delta": delta, "alpha": 0.05, "power": 0.8}
        out.append(row(f"power_mcnemar_{psi}", "power_mcnemar", inputs, {"n": float(n)}))
    return out


# --- experiments -------------------------------------------------------------------------------------------------------


def newcombe_p(ka, na, kb, nb):
    """The level at which Newcombe's interval begins to hold 0, by bisection on z between Wilson's ends in closed form."""
    pa, pb = mpf(ka) / na, mpf(kb) / nb
    if pa == pb:
        return mpf(1)

    def wilson_ends(p, n, z):
        centre, half = p + z * z / (2 * n), z * mp.sqrt(p * (1 - p) / n + z * z / (4 * mpf(n) ** 2))
        return [(centre + sign * half) / (1 + z * z / n) for sign in (-1, 1)]

    def holds_0(z):
        a, b = wilson_ends(pa, na, z), wilson_ends(pb, nb, z)
        reach = mp.hypot(pb - b[0], a[1] - pa) if pb > pa else mp.hypot(b[1] - pb, pa - a[0])
        return reach >= abs(pb - pa)

    low, high = mpf(0), mpf(40)
    for _ in range(130):
        middle = (low + high) / 2
        low, high = (low, middle) if holds_0(middle) else (middle, high)
    return mp.erfc(high / mp.sqrt(2))


def welch_ratios(ma, va, na, mb, vb, nb, level):
    """The ratios at which Welch's test of b - ratio * a is just significant, with the degrees of freedom that it has there."""
    ma, mb, va, vb = mpf(ma), mpf(mb), mpf(va) / na, mpf(vb) / nb

    def is_significant(r):
        a, v = r * r * va, r * r * va + vb
        df = v * v / (a * a / (na - 1) + vb * vb / (nb - 1))
        tt = (mb - r * ma) ** 2 / v
        p = mp.betainc(df / 2, mpf(1) / 2, 0, df / (df + tt), regularized=True)
        return p < 1 - mpf(str(level))

    ends = []
    for direction in (-1, 1):
        inside = mb / ma
        outside = inside + direction * mp.sqrt(va + vb) / abs(ma)
        while not is_significant(outside):
            outside += outside - inside
        for _ in range(90):
            middle = (inside + outside) / 2
            inside, outside = (inside, middle) if is_significant(middle) else (middle, outside)
        ends.append(inside)
    return ends


def experiment_rows():
    rng = np.random.default_rng(11)
    out = []
    for name, a, b in (
        ("lognormal", rng.lognormal(0, 1, 40), rng.lognormal(0.2, 0.7, 25)),
        ("large_offset", 1e8 + rng.normal(0, 1, 12), 1e8 + rng.normal(1, 3, 30)),
        ("tiny", np.array([1.0, 2.0]), np.array([4.0, 4.5])),
    ):
        for level in (0.9, 0.99):
            test = st.ttest_ind(b, a, equal_var=False)
            ci = test.confidence_interval(level)
            expected = {
                "diff_b_minus_a": float(np.mean(b) - np.mean(a)),
                "t": float(test.statistic),
                "df": float(test.df),
                "p_two_sided": float(test.pvalue),
                "lower": float(ci.low),
                "upper": float(ci.high),
            }
            inputs = {"a": [float(v) for v in a], "b": [float(v) for v in b], "confidence": level}
            tolerance = {"rel": 1e-6, "abs": 1e-9} if name == "large_offset" else TIGHT
            out.append(row(f"welch_{name}_{level}", "welch_t", inputs, expected, tolerance))

    for kb, nb, ka, na in ((9, 10, 3, 10), (0, 40, 4, 50), (40, 40, 33, 41), (1200, 9000, 1100, 9100), (1, 2, 1, 2)):
        low, high = confint_proportions_2indep(kb, nb, ka, na, method="newcomb", compare="diff", alpha=0.05)
        a = [mpf(v) for v in proportion_confint(ka, na, alpha=0.05, method="wilson")]
        b = [mpf(v) for v in proportion_confint(kb, nb, alpha=0.05, method="wilson")]
        pa, pb = mpf(ka) / na, mpf(kb) / nb
        # The ratio at which the hybrid interval of p_b - ratio * p_a touches 0.
        lower = lambda r: float(pb - r * pa - mp.sqrt((pb - b[0]) ** 2 + (r * (a[1] - pa)) ** 2))
        upper = lambda r: float(pb - r * pa + mp.sqrt((b[1] - pb) ** 2 + (r * (pa - a[0])) ** 2))
        ratio = float(pb / pa)
        expected = {
            "diff_b_minus_a": float(pb - pa),
            "newcombe": [float(low), float(high)],
            "lift": ratio - 1,
            "lift_lower": (brentq(lower, 0, ratio, xtol=1e-15) if kb else 0.0) - 1,
            "lift_upper": brentq(upper, ratio, 1e4, xtol=1e-13) - 1,
        }
        inputs = {"k_b": kb, "n_b": nb, "k_a": ka, "n_a": na, "confidence": 0.95}
        out.append(row(f"newcombe_{kb}_{nb}_{ka}_{na}", "two_proportions", inputs, expected, {"rel": 1e-8, "abs": 1e-10}))

    for ka, na, kb, nb in (
        (238, 844, 341, 802), (238, 844, 358, 802), (238, 844, 376, 802), (376, 802, 238, 844), (333, 1666, 1281, 1598),
        (331, 1666, 1304, 1598), (48, 80, 56, 70), (4, 50, 0, 40), (33, 41, 40, 40), (0, 1000, 30, 1000), (1, 2, 1, 2),
        (5000000000, 10000000000, 5000100000, 10000000000), (25, 100000000, 26, 100000000),
    ):
        inputs = {"k_b": kb, "n_b": nb, "k_a": ka, "n_a": na}
        expected = {"p": float(newcombe_p(ka, na, kb, nb))}
        out.append(row(f"newcombe_p_{kb}_{nb}_{ka}_{na}", "newcombe_p", inputs, expected, {"rel": 1e-9, "abs": 0.0}))

    for ma, va, na, mb, vb, nb, level in (
        (2.0, 9.0, 200, 2.5, 16.0, 150, 0.95), (-4.0, 1.0, 60, -3.0, 2.0, 60, 0.95), (10.0, 1.0, 3, 14.0, 9.0, 4, 0.9),
        (10.0, 4.0, 129, 10.2476, 0.0, 114, 0.95), (100.0, 81.0, 1000, 30.0, 2500.0, 100, 0.99),
    ):
        inputs = {"mean_a": ma, "var_a": va, "n_a": na, "mean_b": mb, "var_b": vb, "n_b": nb, "confidence": level}
        ends = [float(end - 1) for end in welch_ratios(ma, va, na, mb, vb, nb, level)]
        out.append(row(f"welch_lift_{ma}_{level}", "welch_lift", inputs, {"lift": mb / ma - 1, "ends": ends}))

    requests = rng.integers(1, 9, 30)
    errors = np.array([rng.binomial(r, 0.2) for r in requests])
    events = np.concatenate([[1.0] * e + [0.0] * (r - e) for e, r in zip(errors, requests)])
    users = np.repeat(np.arange(30), requests)
    fit = sm.OLS(events, np.ones(len(events))).fit(cov_type="cluster", cov_kwds={"groups": users, "use_correction": False})
    # statsmodels' own correction also counts observations; CR1 of a mean is G / (G - 1) alone.
    se = float(fit.bse[0] * math.sqrt(30 / 29))
    inputs = {"numerators": [float(v) for v in errors], "denominators": [float(v) for v in requests]}
    out.append(row("ratio_of_requests", "ratio_metric", inputs, {"ratio": float(fit.params[0]), "se": se}))

    x_a, x_b = rng.normal(5, 2, 50), rng.normal(5, 2, 45)
    y_a, y_b = 0.7 * x_a + rng.normal(0, 1, 50), 0.7 * x_b + 0.4 + rng.normal(0, 1, 45)
    y, x = np.concatenate([y_a, y_b]), np.concatenate([x_a, x_b])
    theta = float(np.cov(y, x)[0, 1] / np.var(x, ddof=1))
    test = st.ttest_ind(y_b - theta * x_b, y_a - theta * x_a, equal_var=False)
    diff = float(np.mean(y_b - theta * x_b) - np.mean(y_a - theta * x_a))
    inputs = {"y_a": y_a.tolist(), "x_a": x_a.tolist(), "y_b": y_b.tolist(), "x_b": x_b.tolist(), "confidence": 0.95}
    expected = {"theta": theta, "diff": diff, "t": float(test.statistic), "p_two_sided": float(test.pvalue)}
    out.append(row("cuped_correlated", "cuped", inputs, expected, {"rel": 1e-9, "abs": 1e-12}))

    for name, p in (("three", [0.01, 0.04, 0.03]), ("ties_and_one", [0.2, 0.02, 0.02, 1.0, 0.5]), ("single", [0.3])):
        out.append(row(f"holm_{name}", "p_adjust", {"p": p}, {"holm": multipletests(p, method="holm")[1].tolist()}))

    for observed, shares in (([300, 320, 280], [1, 1, 1]), ([1000, 2001, 6999], [0.1, 0.2, 0.7]), ([52_000, 48_000], [0.5, 0.5])):
        e = np.array(shares) / sum(shares) * sum(observed)
        test = st.chisquare(observed, e)
        expected = {"chi2": float(test.statistic), "df": len(shares) - 1, "p": float(test.pvalue)}
        out.append(row(f"srm_{observed[0]}", "srm_chi2", {"observed": observed, "weights": shares}, expected, {"rel": 1e-9, "abs": 1e-300}))
    for observed, shares in (([3, 9], [0.5, 0.5]), ([0, 40], [0.05, 0.95]), ([4, 9996], [0.0001, 0.9999])):
        p = float(st.binomtest(observed[0], sum(observed), shares[0]).pvalue)
        out.append(row(f"srm_exact_{observed[0]}_{observed[1]}", "srm_exact", {"observed": observed, "weights": shares}, {"p": p}))
    for observed, shares in (([1, 4, 7], [0.2, 0.3, 0.5]), ([0, 0, 3, 9], [0.25, 0.25, 0.25, 0.25])):
        n, exact_shares = sum(observed), [Fraction(s).limit_denominator(1000) for s in shares]

        def probability(counts):
            ways = math.factorial(n)
            for c in counts:
                ways //= math.factorial(c)
            return ways * math.prod(s**c for s, c in zip(exact_shares, counts))

        seen = probability(observed)
        outcomes = (c + (n - sum(c),) for c in itertools.product(range(n + 1), repeat=len(shares) - 1) if sum(c) <= n)
        p = float(sum(q for q in map(probability, outcomes) if q <= seen))
        name = "_".join(map(str, observed))
        out.append(row(f"srm_multinomial_{name}", "srm_exact", {"observed": observed, "weights": shares}, {"p": p}))

    for diff, se, n, planned in ((0.05, 0.02, 1000, 5000), (-0.3, 0.05, 4000, 4000), (0.0, 0.1, 10, 100_000)):
        alpha = mpf("0.05")
        rho2 = (-2 * mp.log(alpha) + mp.log(-2 * mp.log(alpha) + 1)) / planned
        s2 = mpf(se) ** 2 * n
        half = mp.sqrt(s2) * mp.sqrt(2 * (n * rho2 + 1) / (mpf(n) ** 2 * rho2) * mp.log(mp.sqrt(n * rho2 + 1) / alpha))
        e = mp.exp(rho2 * (mpf(diff) ** 2 * n**2 / s2) / (2 * (n * rho2 + 1))) / mp.sqrt(n * rho2 + 1)
        expected = {"lower": float(diff - half), "upper": float(diff + half), "p": float(min(1, 1 / e))}
        inputs = {"difference": diff, "se": se, "n": n, "planned": planned, "alpha": 0.05}
        out.append(row(f"asymptotic_cs_{n}_{planned}", "asymptotic_cs", inputs, expected))
    return out


def canary_rows():
    out = []
    for name, steps in {
        "one_step": [(0.05, 9, 40)],
        "ramp": [(0.05, 3, 20), (0.25, 11, 14), (0.5, 30, 12)],
        "harmless": [(0.2, 10, 45)],
        "enormous": [(0.1, 4000, 900)],
    }.items():
        total = mpf(0)
        for rho in (mpf("1.5"), 2, 3, 5, 10):
            product = mpf(1)
            for share, canary, production in steps:
                p = mpf(share)
                theta = p * rho / (p * rho + 1 - p)
                product *= (theta / p) ** canary * ((1 - theta) / (1 - p)) ** production
            total += product / 5
        inputs = {"steps": [{"share": s, "canary": c, "production": f} for s, c, f in steps]}
        out.append(row(f"canary_{name}", "canary_e_value", inputs, {"ln_e": float(mp.log(total))}))
    return out


def rows():
    return score_rows() + proportion_rows() + repeat_rows() + quantile_rows() + power_rows() + experiment_rows() + canary_rows()
