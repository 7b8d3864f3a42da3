"""Assigns units by the byte-level definition of docs/experiments.md, independently of the Rust code.

    python3 assign.py        writes ../../../fixtures/golden/assignment_sha256_u64_v2.json
"""
import hashlib, json, os

HERE = os.path.dirname(os.path.abspath(__file__))


def draw(tag, seed, phase, unit_type, unit):
    data = b""
    for field in (tag.encode(), bytes.fromhex(seed), phase.to_bytes(4, "big"), unit_type.encode(), unit):
        data += len(field).to_bytes(4, "big") + field
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big")


def assign(seed, phase, unit_type, weights, exposure_millionths, unit):
    """The index of the variant, or None for a unit that takes no part."""
    if exposure_millionths < 1_000_000:
        if (draw("promptassay.v2.0/exposed", seed, phase, unit_type, unit) * 1_000_000) >> 64 >= exposure_millionths:
            return None
    slot = (draw("promptassay.v2.0/variant", seed, phase, unit_type, unit) * sum(weights)) >> 64
    running = 0
    for index, weight in enumerate(weights):
        running += weight
        if slot < running:
            return index


UNITS = [b"u1", b"user_123", "Ünïcødé".encode(), b"0193b1f2-7f1e-7cc3-98c4-dc0c0c07398f", b" ", b"u1\r", b"\xff\x00", b"x" * 300]
SETTINGS = [
    ("000102030405060708090a0b0c0d0e0f", 1, "user", [50, 30, 20], 500_000),
    ("000102030405060708090a0b0c0d0e0f", 2, "user", [50, 30, 20], 1_000_000),
    ("ffffffffffffffffffffffffffffffff", 4294967295, "session", [1, 0, 2], 1_000_000),
    ("5f0c9a6b1de24c0fa87e3b9d20c4f156", 1, "organisation", [4294967295, 4294967295], 250_000),
    ("5f0c9a6b1de24c0fa87e3b9d20c4f156", 7, "user", [0, 0, 1, 999], 1),
]

if __name__ == "__main__":
    cases = [
        dict(seed=s, phase=p, unit_type=t, weights=w, exposure_millionths=e, unit_hex=u.hex(),
             variant_draw="%016x" % draw("promptassay.v2.0/variant", s, p, t, u),
             exposure_draw="%016x" % draw("promptassay.v2.0/exposed", s, p, t, u),
             variant=assign(s, p, t, w, e, u))
        for s, p, t, w, e in SETTINGS for u in UNITS
    ]
    path = os.path.join(HERE, "../../../fixtures/golden/assignment_sha256_u64_v2.json")
    with open(path, "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
