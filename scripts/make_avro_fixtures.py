#!/usr/bin/env python3
"""Writes Tests/FormatsTests/Fixtures/Avro: the same records as Avro object container files in every codec, and as JSON
Lines with what dates, times and decimals are to us. Needs fastavro 1.13, cramjam and backports.zstd from PyPI:

    python scripts/make_avro_fixtures.py Tests/FormatsTests/Fixtures/Avro
"""
import datetime
import decimal
import json
import random
import sys

import fastavro

SCHEMA = {
    "type": "record", "name": "Event", "namespace": "org.example",
    "fields": [
        {"name": "a", "type": "int"},
        {"name": "b", "type": "string"},
        {"name": "c", "type": "long"},
        {"name": "d", "type": "double"},
        {"name": "f", "type": "float"},
        {"name": "flag", "type": "boolean"},
        {"name": "e", "type": {"type": "enum", "name": "Colour", "symbols": ["red", "green", "blue"]}},
        {"name": "n", "type": ["null", "double"]},
        {"name": "s", "type": ["string", "null"]},
        {"name": "u", "type": ["null", "int", "string"]},
        {"name": "nested", "type": {"type": "record", "name": "Outer", "fields": [
            {"name": "x", "type": "double"},
            {"name": "deep", "type": {"type": "record", "name": "Inner", "fields": [
                {"name": "y", "type": ["null", "string"]}, {"name": "again", "type": ["null", "Colour"]}]}}]}},
        {"name": "bag", "type": {"type": "array", "items": "string"}},
        {"name": "list", "type": {"type": "array", "items": "double"}},
        {"name": "map", "type": {"type": "map", "values": "long"}},
        {"name": "raw", "type": "bytes"},
        {"name": "fixed", "type": {"type": "fixed", "name": "Four", "size": 4}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "millis", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "micros", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}},
        {"name": "sum", "type": {"type": "fixed", "name": "Sum", "size": 12, "logicalType": "decimal", "precision": 20,
                                 "scale": 3}},
        {"name": "point", "type": ["null", {"type": "record", "name": "Point", "fields": [
            {"name": "px", "type": "int"}, {"name": "label", "type": "string"}]}]},
        {"name": "points", "type": {"type": "array", "items": "Point"}},
        {"name": "id", "type": "string"},
        {"name": "w", "type": "float"},
        {"name": "y", "type": "int"},
    ],
}
DAY = datetime.date(1970, 1, 1)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def number(value):
    """Whole numbers without a fraction, as every format of ours has them."""
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else float(value)


def make(i, rng):
    words = ["x", "yellow", "NA", "Straße", "a longer category than others", "3", "2.5", ""]
    seconds = rng.choice([0, 1_600_000_000 + i, 1_600_000_000.125 + i, -86_400.5])
    micros = rng.choice([None, 1_700_000_000.25 + i])
    price = decimal.Decimal(rng.randint(-10_000, 10_000)) / 100
    total = decimal.Decimal(rng.choice([rng.randint(-10**9, 10**9), rng.randint(-10**14, 10**14)])) / 1000
    point = rng.choice([None, {"px": i, "label": rng.choice("pq")}])
    avro = {
        "a": rng.randint(-70, 70), "b": rng.choice(words), "c": rng.choice([0, -1, 64, 8191, -8193, 2**40 + i, -(2**52)]),
        "d": rng.choice([0.0, -2.5e3, 0.1 * i, 1e-7, 3.0, 1e20]), "f": rng.randint(-99, 99) / 8, "flag": rng.random() < 0.5,
        "e": rng.choice(["red", "green", "blue"]), "n": rng.choice([None, i / 4]), "s": rng.choice([None, "here", "there"]),
        "u": rng.choice([None, i, "text"]),
        "nested": {"x": i / 2, "deep": {"y": rng.choice([None, "deep"]), "again": rng.choice([None, "red"])}},
        "bag": rng.choices(["one", "two", "three"], k=rng.randint(0, 3)),
        "list": [float(k) + 0.5 for k in range(rng.randint(0, 4))],
        "map": {k: rng.randint(-5, 500) for k in rng.sample(["k1", "k2", "k3"], rng.randint(0, 3))},
        "raw": rng.choice([b"", b"bytes", b"more bytes"]), "fixed": rng.choice([b"abcd", b"0123"]),
        "day": DAY + datetime.timedelta(days=rng.randint(-1000, 20_000)),
        "millis": EPOCH + datetime.timedelta(seconds=seconds),
        "micros": None if micros is None else EPOCH + datetime.timedelta(seconds=micros),
        "price": price, "sum": total, "point": point,
        "points": [{"px": k, "label": "l"} for k in range(rng.randint(0, 2))],
        "id": f"r{i}", "w": rng.choice([1.0, 0.5, 2.0]), "y": rng.randint(0, 2),
    }
    twin = dict(avro)
    twin.update(
        {
            "raw": avro["raw"].decode(), "fixed": avro["fixed"].decode(), "day": (avro["day"] - DAY).days * 86_400,
            "millis": number(seconds), "micros": None if micros is None else number(micros), "price": number(float(price)),
            "sum": number(float(total)), "d": number(avro["d"]), "f": number(avro["f"]), "w": number(avro["w"]),
        })
    return avro, twin


def main(folder):
    rng = random.Random(5)
    made = [make(i, rng) for i in range(60)]
    for codec in ["null", "deflate", "zstandard", "snappy"]:
        with open(f"{folder}/events-{codec}.avro", "wb") as out:
            fastavro.writer(
                out, SCHEMA, [avro for avro, _ in made], codec=codec, sync_interval=1500, sync_marker=b"0123456789abcdef")
    with open(f"{folder}/events.jsonl", "w") as out:
        for _, twin in made:
            out.write(json.dumps(twin, ensure_ascii=False, separators=(",", ":")) + "\n")


main(sys.argv[1])
