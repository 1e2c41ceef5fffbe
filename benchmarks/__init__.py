"""The benchmark suite: families of estimators on data sets, against scikit-learn and plain skl2onnx.

    make bench                          the whole suite, results.json and docs/benchmarks.md
    make bench ARGS="--only forest"     the cases whose name contains a text

`datasets` and `families` say what, `cases` which pairs; `contenders` and `case` measure one pair in a
process of its own; `run` goes through them; `bars` judges the results, `table` writes them down.
"""
