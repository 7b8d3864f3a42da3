"""What junitparser reads in a JUnit report, as JSON: an independent reader, for tests."""

import json
import sys

import junitparser


def of_case(case):
    causes = [
        {"kind": type(cause).__name__.lower(), "type": cause.type, "message": cause.message, "text": cause.text or ""}
        for cause in case.result
    ]
    return {
        "class": case.classname,
        "name": case.name,
        "file": case._elem.get("file"),
        "causes": causes,
        "output": case.system_out or "",
    }


report = junitparser.JUnitXml.fromfile(sys.argv[1])
suites = [
    {
        "name": suite.name,
        "tests": suite.tests,
        "failures": suite.failures,
        "errors": suite.errors,
        "cases": [of_case(case) for case in suite],
    }
    for suite in report
]
json.dump(suites, sys.stdout)
