"""Sessions of the suite answer what they are asked for."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from benchmarks.contenders import n_outputs, of_session
from optimization.convert import convert


def test_a_session_is_asked_for_the_first_answers():
    rows, labels = load_iris(return_X_y=True)
    estimator = LinearDiscriminantAnalysis().fit(rows, labels)
    content = convert(estimator, rows).model.SerializeToString()
    assert n_outputs(content) == 3
    contenders = (of_session("s", content, n_threads=1, n_answers=n) for n in (None, 2))
    everything, two = (item.predict(item.prepare(rows)) for item in contenders)
    assert (len(everything), len(two)) == (3, 2)
    np.testing.assert_array_equal(two[0], estimator.predict(rows))
    np.testing.assert_allclose(two[1], estimator.predict_proba(rows), atol=1e-5)
