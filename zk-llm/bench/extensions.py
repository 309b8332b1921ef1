"""The peer of `zk-llm bench-split`: encrypted by clear matrix products of concrete-ml-extensions.

A line on standard input asks, a line of JSON on standard output answers. `keys` makes keys and tells their time and
size; `product INPUTS OUTPUTS` encrypts one row of unsigned 8-bit integers, multiplies and decrypts it, and tells the
seconds of each step, the sizes of both ciphertexts and the standard deviation of the error.
"""

import json
import sys
import time

import numpy
import concrete_ml_extensions as peer


def timed(function):
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def main():
    parameters = peer.MatmulCryptoParameters.deserialize(peer.default_params())
    ring = json.loads(peer.default_params())["polynomial_size"]
    (secret, packing), key_s = timed(lambda: peer.create_private_key(parameters))
    generator = numpy.random.default_rng(1)

    def product(inputs, outputs):
        x = generator.integers(0, 256, (1, inputs), dtype=numpy.uint64)
        weights = generator.integers(0, 256, (inputs, outputs), dtype=numpy.uint64)
        encrypted, encrypt_s = timed(lambda: peer.encrypt_matrix(secret, parameters, x))
        result, multiply_s = timed(lambda: peer.matrix_multiplication(encrypted, weights, packing))
        valid = outputs % ring or ring
        decrypted, decrypt_s = timed(lambda: peer.decrypt_matrix(result, secret, parameters, valid))
        clear = x.astype(numpy.int64) @ weights.astype(numpy.int64)
        return {
            "encrypt_s": encrypt_s,
            "multiply_s": multiply_s,
            "decrypt_s": decrypt_s,
            "input_bytes": len(encrypted.serialize()),
            "output_bytes": len(result.serialize()),
            "error_deviation": float(numpy.std(decrypted.astype(numpy.int64) - clear)),
        }

    for line in sys.stdin:
        question, *sizes = line.split()
        if question == "keys":
            answer = {"key_s": key_s, "key_bytes": len(packing.serialize())}
        elif question == "product":
            answer = product(*map(int, sizes))
        else:
            raise SystemExit(f"unknown question {line!r}")
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
