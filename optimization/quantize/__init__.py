"""Quantization: policies by name, and the choice between them.

In: the bytes of an ONNX model, rows to calibrate on, options.
Out: candidates with a sentence per operator, or refusals with a reason; the best of them by a stated
objective.
Promise: `none` is lossless; a quantized candidate is "estimated" until the verify room has judged it.
"""
