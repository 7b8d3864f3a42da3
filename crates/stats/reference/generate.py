"""Writes the computed golden values of the stats crate to standard output.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install -r requirements.txt
    /tmp/venv/bin/python generate.py > ../../../fixtures/golden/stats_computed.json
"""

import json
import platform

import mpmath
import numpy
import scipy
import statsmodels

import rows_distributions
import rows_methods


def main():
    cases = rows_distributions.rows() + rows_methods.rows()
    names = [case["name"] for case in cases]
    assert len(names) == len(set(names)), "names must be unique"
    document = {
        "format": "computed golden values: name, method, inputs, expected, tolerance {abs, rel}; "
        "a value passes when |got - expected| <= max(abs, rel * |expected|); null means undefined",
        "generated_by": "crates/stats/reference/generate.py",
        "versions": {
            "python": platform.python_version(),
            "mpmath": mpmath.__version__,
            "numpy": numpy.__version__,
            "scipy": scipy.__version__,
            "statsmodels": statsmodels.__version__,
        },
        "cases": cases,
    }
    head = {key: value for key, value in document.items() if key != "cases"}
    lines = ",\n".join("    " + json.dumps(case) for case in cases)
    print(json.dumps(head, indent=2)[:-2] + ',\n  "cases": [\n' + lines + "\n  ]\n}")


if __name__ == "__main__":
    main()
