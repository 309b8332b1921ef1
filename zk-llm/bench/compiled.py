"""The peer of `zk-llm bench`: the same integer graph, compiled and run by the compiler of Concrete ML.

A line on standard input asks, a line of JSON on standard output answers. `compile GRAPH P_ERROR` compiles the graph of
a file so that a table lookup fails with that probability at most, makes keys, and tells seconds, lookups and the sizes
of keys; `run INTEGERS`, apart by commas, encrypts the graph's inputs, runs it and decrypts, and tells the outputs and
the seconds of each step.
"""

import json
import sys
import time

import numpy
from concrete import fhe

SAMPLES = 50


def timed(function):
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def indexed(lut, size):
    """A table's values by the index that a lookup takes: a negative argument counts from the end."""
    values = [0] * size
    for at, value in enumerate(lut["values"]):
        values[(lut["lo"] + at) % size] = value
    return values


def gathered(rows, first, count):
    """Which of the wires `first..first + count` each row adds up, and their weights, padded to one width."""
    terms = [
        [(wire - first, weight) for wire, weight in zip(row[1::2], row[2::2]) if 0 <= wire - first < count]
        for row in rows
    ]
    width = max(map(len, terms))
    padded = numpy.array([row + [(0, 0)] * (width - len(row)) for row in terms])
    return padded[:, :, 0], padded[:, :, 1]


def layer(graph, entry, sources):
    """What a layer computes, as a function of the tensors before it, whose sizes are `sources`."""
    rows, tables = entry["rows"], entry.get("tables")
    ends = numpy.cumsum(sources)
    used = {
        at: gathered(rows, end - count, count)
        for at, (end, count) in enumerate(zip(ends, sources))
        if any(end - count <= wire < end for row in rows for wire in row[1::2])
    }
    bias = numpy.array([row[0] for row in rows])
    luts = [graph["luts"][table] for table in tables or []]
    if luts:
        low = min(lut["lo"] for lut in luts)
        high = max(lut["lo"] + len(lut["values"]) - 1 for lut in luts)
        size = 1 << (max(high, -low - 1).bit_length() + (low < 0))
        made = [fhe.LookupTable(indexed(lut, size)) for lut in luts]
        table = made[0] if len(made) == 1 else fhe.LookupTable(made)

    def compute(tensors):
        parts = [numpy.sum(tensors[at][wires] * weights, axis=1) for at, (wires, weights) in used.items()]
        sums = sum(parts[1:], parts[0]) + bias
        return table[fhe.hint(sums, can_store=numpy.array([low, high]))] if luts else sums

    return compute


def compiled(path, p_error):
    with open(path) as file:
        graph = json.load(file)
    inputs, layers = graph["inputs"], []
    sources = [inputs["len"]]
    for entry in graph["layers"]:
        layers.append(layer(graph, entry, sources))
        sources.append(len(entry["rows"]))

    def network(x):
        tensors = [x]
        for compute in layers:
            tensors.append(compute(tensors))
        return tensors[-1]

    generator = numpy.random.default_rng(1)
    samples = generator.integers(inputs["lo"], inputs["hi"] + 1, (SAMPLES, inputs["len"]))
    compiler = fhe.Compiler(network, {"x": "encrypted"})
    return compiler.compile(list(samples), fhe.Configuration(p_error=p_error))


def main():
    circuit = None
    for line in sys.stdin:
        question, *words = line.split()
        if question == "compile":
            circuit, compile_s = timed(lambda: compiled(words[0], float(words[1])))
            _, key_s = timed(lambda: circuit.keygen(force=True))
            answer = {
                "compile_s": compile_s,
                "key_s": key_s,
                "lookups": circuit.programmable_bootstrap_count,
                "key_bytes": circuit.size_of_bootstrap_keys + circuit.size_of_keyswitch_keys,
                "input_bytes": circuit.size_of_inputs,
                "output_bytes": circuit.size_of_outputs,
                "p_error": circuit.p_error,
            }
        elif question == "run":
            x = numpy.array([int(word) for word in words[0].split(",")])
            encrypted, encrypt_s = timed(lambda: circuit.encrypt(x))
            result, run_s = timed(lambda: circuit.run(encrypted))
            outputs, decrypt_s = timed(lambda: circuit.decrypt(result))
            answer = {
                "encrypt_s": encrypt_s,
                "run_s": run_s,
                "decrypt_s": decrypt_s,
                "outputs": [int(output) for output in outputs],
            }
        else:
            raise SystemExit(f"unknown question {line!r}")
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
