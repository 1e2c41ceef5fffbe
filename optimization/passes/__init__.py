"""Graph passes: ONNX in, ONNX out.

In: an `onnx.ModelProto`.
Out: a smaller one, and what each pass did or why it did nothing.
Promise: each pass states its own; all passes of `optimization.passes.pipeline` are lossless.
"""
