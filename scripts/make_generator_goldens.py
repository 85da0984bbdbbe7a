#!/usr/bin/env python3
"""Regenerates the goldens of the generators from MOA itself. Needs Java and MOA's jar (for instance the one inside the
CapyMOA wheel), nothing else.

usage: make_goldens.py MOA_JAR [OUT]     OUT is Tests/GeneratorsTests/Fixtures/moa-goldens.txt by default

For each case the file has the command, the columns (of cases with default options), the first rows, and a checksum of
the bit patterns of all values of the first 10,000 records: FNV-1a 64, taking 64-bit words where the original takes
bytes. Categories count as their index.
"""
import os
import struct
import subprocess
import sys
import tempfile

RECORDS = 10_000
ROWS = 6

# our name, seed, our options, MOA's generator with its options
CASES = [
    ("sea", 1, "", "SEAGenerator"),
    ("sea", 7, "function=2 noise=0", "SEAGenerator -i 7 -f 2 -p 0"),
    ("sea", 2024, "function=3 balance=1 noise=25", "SEAGenerator -i 2024 -f 3 -b -p 25"),
    ("sea", 99, "function=4 noise=100", "SEAGenerator -i 99 -f 4 -p 100"),
    ("agrawal", 1, "", "AgrawalGenerator"),
    *[("agrawal", 10 + f, f"function={f}", f"AgrawalGenerator -i {10 + f} -f {f}") for f in range(2, 11)],
    ("agrawal", 3, "function=5 perturbation=0 balance=1", "AgrawalGenerator -i 3 -f 5 -p 0.0 -b"),
    ("agrawal", 4, "function=10 perturbation=0.3 balance=1", "AgrawalGenerator -i 4 -f 10 -p 0.3 -b"),
    ("agrawal", 5, "function=1 perturbation=1", "AgrawalGenerator -i 5 -f 1 -p 1.0"),
    ("led", 1, "", "LEDGenerator"),
    ("led", 5, "noise=0 suppress-irrelevant=1", "LEDGenerator -i 5 -n 0 -s"),
    ("led", 77, "noise=35", "LEDGenerator -i 77 -n 35"),
    ("led", 2, "drift-attributes=3", "LEDGeneratorDrift -i 2 -d 3"),
    ("led", 2, "drift-attributes=7 noise=20", "LEDGeneratorDrift -i 2 -d 7 -n 20"),
    ("led", 6, "drift-attributes=4 suppress-irrelevant=1", "LEDGeneratorDrift -i 6 -d 4 -s"),
    ("random-rbf", 1, "", "RandomRBFGenerator"),
    ("random-rbf", 42, "model-seed=9 classes=5 attributes=3 centroids=7",
     "RandomRBFGenerator -i 42 -r 9 -c 5 -a 3 -n 7"),
    ("random-rbf", 8, "model-seed=-5 classes=3 attributes=20 centroids=200",
     "RandomRBFGenerator -i 8 -r -5 -c 3 -a 20 -n 200"),
    ("random-rbf", 1, "drift-speed=0.001", "RandomRBFGeneratorDrift -s 0.001"),
    ("random-rbf", 3, "drift-speed=0.07 drift-centroids=10 attributes=4 centroids=20",
     "RandomRBFGeneratorDrift -i 3 -s 0.07 -k 10 -a 4 -n 20"),
    ("hyperplane", 1, "", "HyperplaneGenerator"),
    ("hyperplane", 1, "drift-attributes=10 drift-magnitude=0.001", "HyperplaneGenerator -k 10 -t 0.001"),
    ("hyperplane", 31, "attributes=4 classes=3 drift-attributes=4 drift-magnitude=0.1 noise=0 reversal=50",
     "HyperplaneGenerator -i 31 -a 4 -c 3 -k 4 -t 0.1 -n 0 -s 50"),
    ("hyperplane", 2, "drift-attributes=0 noise=30", "HyperplaneGenerator -i 2 -k 0 -n 30"),
    ("sine", 1, "", "SineGenerator"),
    ("sine", 12, "function=2 suppress-irrelevant=1", "SineGenerator -i 12 -f 2 -s"),
    ("sine", 13, "function=3 balance=1", "SineGenerator -i 13 -f 3 -b"),
    ("sine", 14, "function=4 balance=1 suppress-irrelevant=1", "SineGenerator -i 14 -f 4 -b -s"),
    ("stagger", 1, "", "STAGGERGenerator"),
    ("stagger", 5, "function=2", "STAGGERGenerator -i 5 -f 2"),
    ("stagger", 6, "function=3 balance=1", "STAGGERGenerator -i 6 -f 3 -b"),
    ("stagger", 7, "balance=1", "STAGGERGenerator -i 7 -b"),
    ("random-tree", 1, "", "RandomTreeGenerator"),
    ("random-tree", 8, "model-seed=3 classes=4 nominals=2 numerics=8 values=3 depth=8 first-leaf-level=2",
     "RandomTreeGenerator -i 8 -r 3 -c 4 -o 2 -u 8 -v 3 -d 8 -l 2"),
    ("random-tree", 9, "model-seed=11 leaf-fraction=0.5 nominals=0", "RandomTreeGenerator -i 9 -r 11 -f 0.5 -o 0"),
    ("random-tree", 9, "model-seed=5 nominals=8 numerics=0 values=2 depth=8 leaf-fraction=0",
     "RandomTreeGenerator -i 9 -r 5 -o 8 -u 0 -v 2 -d 8 -f 0.0"),
    ("waveform", 1, "", "WaveformGenerator"),
    ("waveform", 17, "add-noise=1", "WaveformGenerator -i 17 -n"),
    ("waveform", 123456789, "", "WaveformGenerator -i 123456789"),
    ("waveform", 2, "drift-attributes=5", "WaveformGeneratorDrift -i 2 -d 5"),
    ("waveform", 3, "drift-attributes=40 add-noise=1", "WaveformGeneratorDrift -i 3 -d 40 -n"),
]


def command(moa, records):
    return f"WriteStreamToARFFFile -s (generators.{moa}) -f out.arff -m {records}"


def run(jar, moa, records):
    """The columns [(name, categories or None)] and the rows (lists of floats) MOA writes."""
    with tempfile.TemporaryDirectory() as folder:
        log = subprocess.run(["java", "-cp", os.path.abspath(jar), "moa.DoTask", command(moa, records)],
                             cwd=folder, capture_output=True, text=True)
        path = os.path.join(folder, "out.arff")
        if not os.path.exists(path):
            sys.exit(f"MOA wrote nothing for {moa}: {log.stdout}{log.stderr}")
        columns, rows = [], []
        with open(path) as lines:
            for line in lines:
                line = line.strip()
                if line.startswith("@attribute"):
                    _, name, kind = line.split(" ", 2)
                    columns.append((name, None if kind == "numeric" else kind[1:-1].split(",")))
                elif line and not line.startswith("@"):
                    # MOA puts a comma after the last value too.
                    texts = line.split(",")[:len(columns)]
                    rows.append([float(text) if categories is None else float(categories.index(text))
                                 for text, (_, categories) in zip(texts, columns)])
        if len(rows) != records:
            sys.exit(f"MOA wrote {len(rows)} records in place of {records} for {moa}")
        return columns, rows


def fnv1a(rows):
    value = 0xCBF29CE484222325
    for row in rows:
        for word in struct.unpack(f"<{len(row)}Q", struct.pack(f"<{len(row)}d", *row)):
            value = ((value ^ word) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def main():
    jar = sys.argv[1]
    here = os.path.dirname(os.path.abspath(__file__))
    out = sys.argv[2] if len(sys.argv) > 2 else os.path.join(
        here, "..", "Tests", "GeneratorsTests", "Fixtures", "moa-goldens.txt")
    with open(out, "w") as goldens:
        goldens.write(f"# Written by scripts/make_goldens.py from MOA's own output; {RECORDS} records a case.\n")
        for name, seed, options, moa in CASES:
            columns, rows = run(jar, moa, RECORDS)
            goldens.write(f'\n# java -cp moa.jar moa.DoTask "{command(moa, RECORDS)}"\n')
            goldens.write(f"case {name} seed={seed} {options}".rstrip() + "\n")
            if not options and seed == 1:
                for column, categories in columns:
                    goldens.write(f"field {column} {'numeric' if categories is None else ','.join(categories)}\n")
            for row in rows[:ROWS]:
                goldens.write("row " + " ".join(repr(v) if v % 1 else str(int(v)) for v in row) + "\n")
            goldens.write(f"fnv {fnv1a(rows):016x}\n")
            print(name, seed, options, flush=True)


if __name__ == "__main__":
    main()
