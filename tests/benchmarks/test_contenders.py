"""Sessions of the suite answer what they are asked for."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from benchmarks.contenders import n_outputs, of_predictor, of_session, plain_skl2onnx
from benchmarks.datasets import load
from benchmarks.families import TABLE_CLASSIFIERS
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


def test_a_table_enters_skl2onnxs_graph_and_ours_column_by_column(monkeypatch):
    monkeypatch.setattr("benchmarks.contenders._mend_flags", lambda: None)  # it would stay for other tests
    table, target = load("orders").features[:500], load("orders").target[:500]
    estimator = TABLE_CLASSIFIERS["table_logistic"].make().fit(table, target)
    plain = plain_skl2onnx(estimator, table)
    assert plain.error == ""
    converted = convert(estimator, table)
    ours = converted.model.SerializeToString()
    contenders = [of_session("s", content, n_threads=1, n_answers=2) for content in (plain.content, ours)]
    contenders.append(of_predictor("p", ours, converted.manifest, n_threads=1))
    theirs, mine, predicted = (item.predict(item.prepare(table)) for item in contenders)
    np.testing.assert_array_equal(theirs[0], mine[0])
    for answer in (theirs[1], mine[1], predicted):
        np.testing.assert_allclose(answer, estimator.predict_proba(table), atol=1e-5)
