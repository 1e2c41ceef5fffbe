"""Graph passes for tree ensembles.

In: a model with TreeEnsembleClassifier or TreeEnsembleRegressor (ai.onnx.ml 1 to 3).
Out: the same trees in fewer bytes, fewer nodes or a form that onnxruntime walks faster.
Promise: each pass states its own. None writes another operator set than it found, except `encode_v5`.

Each pass reads an operator into an `Ensemble` (flat NumPy arrays), changes that, and writes it back.
"""
