"""The rows of a table as Python's csv module reads them, as JSON: an independent reader, for tests."""

import csv
import json
import sys

csv.field_size_limit(1 << 30)
with open(sys.argv[1], newline="", encoding="utf-8") as table:
    json.dump(list(csv.DictReader(table, strict=True)), sys.stdout)
