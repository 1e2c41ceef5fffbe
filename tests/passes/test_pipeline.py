"""The whole pipeline, on graphs that skl2onnx writes and on random ones."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from optimization.passes.outcome import Promise, Refused, Rewrite
from optimization.passes.packing import pack
from optimization.passes.pipeline import ENCODING, PIPELINE, clean
from tests.passes.helpers import EDGE_ROWS, assert_bit_equal, assert_models_bit_equal, constant, make_model

# skl2onnx 1.20 reads attributes that scikit-learn 1.9 is about to remove; five iterations converge nowhere.
pytestmark = pytest.mark.filterwarnings(
    "ignore::FutureWarning", "ignore::sklearn.exceptions.ConvergenceWarning"
)

ROWS, LABELS = load_digits(return_X_y=True)
ROWS = ROWS[:400].astype(np.float32)
LABELS = LABELS[:400]

ESTIMATORS = {
    "forest": RandomForestClassifier(10, random_state=0),
    "gradient boosting": GradientBoostingClassifier(n_estimators=2, random_state=0),
    "svc": SVC(),
    "mlp": MLPClassifier(hidden_layer_sizes=(16,), max_iter=5, random_state=0),
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=50)),
    "neighbours": KNeighborsClassifier(),
}


def convert(estimator, inputs):
    from skl2onnx import to_onnx

    return to_onnx(estimator, initial_types=inputs, options={"zipmap": False})


def numeric_case(estimator):
    from skl2onnx.common.data_types import FloatTensorType

    return convert(estimator.fit(ROWS, LABELS), [("X", FloatTensorType([None, 64]))]), {"X": ROWS}


def mixed_case():
    """A ColumnTransformer over a number, a text and an integer column, with text labels."""
    import pandas as pd
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    frame = pd.DataFrame(
        {"num": ROWS[:, 20], "text": np.where(ROWS[:, 30] > 5, "hi", "lo"), "int": LABELS % 3}
    )
    steps = make_column_transformer((StandardScaler(), ["num"]), (OneHotEncoder(), ["text", "int"]))
    estimator = make_pipeline(steps, RandomForestClassifier(5, random_state=0))
    estimator.fit(frame, np.where(LABELS > 4, "high", "low"))
    types = [("num", FloatTensorType([None, 1])), ("text", StringTensorType([None, 1]))]
    model = convert(estimator, [*types, ("int", Int64TensorType([None, 1]))])
    dtypes = {"num": np.float32, "text": object, "int": np.int64}
    return model, {name: frame[[name]].to_numpy(dtype) for name, dtype in dtypes.items()}


def duplicated_domains(model):
    domains = [item.domain for item in model.opset_import]
    return len(domains) - len(set(domains))


@pytest.mark.parametrize("name", [*ESTIMATORS, "mixed"])
def test_cleaned_and_packed_graphs_answer_bit_for_bit_as_skl2onnx_wrote_them(name):
    model, feeds = mixed_case() if name == "mixed" else numeric_case(ESTIMATORS[name])
    before = model.SerializeToString()
    cleaned = clean(model).model
    after = pack(cleaned.SerializeToString())
    assert model.SerializeToString() == before
    assert len(after) <= len(before)
    assert not duplicated_domains(cleaned)
    assert_bit_equal(before, after, feeds)
    assert_bit_equal(before, after, {key: values[:1] for key, values in feeds.items()})


def test_a_forest_loses_its_duplicate_import_and_a_quarter_of_its_bytes():
    model, _ = numeric_case(ESTIMATORS["forest"])
    assert duplicated_domains(model) == 1
    outcome = next(item for item in clean(model).applied if item.name == "opset_imports")
    assert outcome.changed
    assert len(pack(clean(model).model.SerializeToString())) < 0.75 * model.ByteSize()


def test_every_pass_reports_what_it_did_or_why_not():
    applied = clean(make_model([helper.make_node("Neg", ["x"], ["y"])], opsets=[("", 21)])).applied
    assert [item.name for item in applied] == [step.name for step in PIPELINE]
    assert all(not item.changed and item.reasons for item in applied)


def test_every_pass_of_the_pipeline_is_lossless():
    assert {step.promise for step in PIPELINE} == {Promise.LOSSLESS}


@st.composite
def graphs(draw):
    """Random graphs: copies, casts, dead ends, repeated constants and imports, notes, in any combination."""
    pool = [np.float32([[1, 2, 3]]), np.float32([[0.0]]), np.float32([[-0.0]])]
    constants = [constant(f"c{i}", pool[draw(st.integers(0, 2))]) for i in range(draw(st.integers(1, 4)))]
    names = ["x", *(tensor.name for tensor in constants)]
    nodes = []
    for index in range(draw(st.integers(1, 8))):
        op_type = draw(st.sampled_from(["Identity", "Identity", "Neg", "Add", "Cast"]))
        inputs = [draw(st.sampled_from(names)) for _ in range(2 if op_type == "Add" else 1)]
        to = {"to": onnx.TensorProto.FLOAT} if op_type == "Cast" else {}
        nodes.append(helper.make_node(op_type, inputs, [f"n{index}"], doc_string=draw(NOTES), **to))
        names.append(f"n{index}")
    made = [f"n{index}" for index in range(len(nodes))]
    outputs = draw(st.lists(st.sampled_from(made), min_size=1, max_size=3, unique=True))
    imports = [("", version) for version in draw(st.lists(st.integers(18, 21), min_size=1, max_size=3))]
    model = make_model(nodes, constants=constants, outputs=outputs, opsets=imports)
    model.doc_string = draw(NOTES)
    for output in model.graph.output:  # a constant's own width may be 1
        output.type.tensor_type.shape.dim[1].ClearField("dim_value")
    return model


NOTES = st.sampled_from(["", "a note"])
LOSSLESS = {step.name: step for step in (*PIPELINE, *ENCODING) if step.promise is Promise.LOSSLESS}


@pytest.mark.parametrize("name", LOSSLESS)
@settings(max_examples=15, deadline=None)
@given(graphs())
def test_every_lossless_pass_alone_keeps_the_bits_of_random_graphs(name, model):
    """And does all that it can at once: a second time it finds nothing."""
    before = model.SerializeToString()
    result = LOSSLESS[name].run(model)
    assert model.SerializeToString() == before
    if isinstance(result, Rewrite):
        assert result.changes
        assert_models_bit_equal(model, result.model, {"x": EDGE_ROWS})
        assert isinstance(LOSSLESS[name].run(result.model), Refused)


def test_passes_of_every_kind_find_something_in_random_graphs():
    """So that the test above is one of more than refusals."""
    found = set()

    @settings(max_examples=60, deadline=None, database=None)
    @given(graphs())
    def look(model):
        found.update(name for name, step in LOSSLESS.items() if isinstance(step.run(model), Rewrite))

    look()
    assert found >= {
        "opset_imports",
        "unused",
        "identity_nodes",
        "constant_folding",
        "duplicate_initializers",
        "texts",
        "names",
    }


@settings(max_examples=80, deadline=None)
@given(graphs())
def test_random_graphs_keep_their_bits_and_a_second_cleaning_finds_nothing(model):
    cleaned = clean(model).model
    assert_models_bit_equal(model, cleaned, {"x": EDGE_ROWS})
    assert [value.name for value in cleaned.graph.output] == [value.name for value in model.graph.output]
    again = clean(cleaned)
    assert again.model == cleaned
    assert not any(item.changed for item in again.applied)


def test_cleaning_leaves_only_identities_that_name_an_input_or_a_second_output():
    model, _ = numeric_case(ESTIMATORS["mlp"])
    assert "Identity" in [node.op_type for node in model.graph.node]
    assert "Identity" not in [node.op_type for node in clean(model).model.graph.node]


def test_cleaned_bytes_are_the_same_every_time():
    model, _ = numeric_case(ESTIMATORS["svc"])
    first, second = (pack(clean(model).model.SerializeToString()) for _ in range(2))
    assert first == second
    assert onnx.load_from_string(first) == clean(model).model
