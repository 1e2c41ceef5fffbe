"""Tables of words, made when the model loads."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from optimization.passes.build import Builder
from optimization.passes.trees.tables import n_cells, write_tables
from optimization.passes.trees.words import Words
from tests.passes.helpers import LEVELS, make_model, run


def random_words(seed, sizes, width):
    """Words with so many leaves each, which ask for random bits, all of them and none included."""
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    care = rng.integers(2**width, size=n)
    care[:2] = (2**width - 1, 0)[:n]
    return Words(
        test=np.zeros((len(sizes), width), np.int64),
        target=np.zeros(len(sizes), np.int64),
        word=np.repeat(np.arange(len(sizes)), sizes),
        weight=rng.normal(size=n),
        care=care,
        wanted=care & rng.integers(2**width, size=n),
    )


def by_hand(words):
    """`(n_words, 2^width)`: every leaf added to every number that it takes."""
    tables = np.zeros((len(words.test), 2**words.width))
    numbers = np.arange(2**words.width)
    for word, weight, care, wanted in zip(words.word, words.weight, words.care, words.wanted, strict=True):
        tables[word] += np.where(numbers & care == wanted, weight, 0)
    return tables


def made(words, storage="float32"):
    """The model whose outputs are all steps, the tables last."""
    builder = Builder(make_model([]).graph)
    name = write_tables(builder, words, storage)
    nodes = builder.take()
    steps = [output for node in nodes for output in node.output]
    assert steps[-1] == name
    graph = helper.make_graph(
        nodes, "g", [], [onnx.ValueInfoProto(name=step) for step in steps], builder.constants
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 99), st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(8, 14))
def test_a_number_finds_the_sum_of_the_leaves_that_take_it(seed, sizes, width):
    words = random_words(seed, sizes, width)
    expected = by_hand(words)
    for level in LEVELS:
        found = run(made(words).SerializeToString(), {}, level)[-1]
        assert (found.dtype, found.shape) == (np.float32, expected.shape)
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("width", [8, 9, 14])
@pytest.mark.parametrize("storage", ["float32", "uint12", "uint8"])
def test_no_step_of_the_making_holds_more_than_it_says(width, storage):
    words = random_words(0, [64, 3, 40], width)
    sizes = [step.size for step in run(made(words, storage).SerializeToString(), {}, LEVELS[0])]
    assert max(sizes) <= n_cells(words)
    # All numbers of all leaves at once would be many times as much.
    assert n_cells(words) <= max(len(words.word) * 2**width // 5, 3 * 2**width)
