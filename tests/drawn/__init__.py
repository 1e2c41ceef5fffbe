"""Pipelines drawn at random, as people nest them: what converts answers as scikit-learn, or is refused.

`estimators` draws what comes last, `numbers`, `tables` and `texts` the rows and the steps before it.
`make test ARGS="--hypothesis-profile=search --hypothesis-show-statistics tests/drawn"` draws some hundreds
and tells which were refused and why.
"""
