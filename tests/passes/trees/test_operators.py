"""What reports say of tree operators."""

from optimization.passes.trees.operators import all_stay, said_once


def test_what_is_said_of_several_is_said_once():
    sentences = ["A 'x': 9 words", "A 'y': 9 words", "A 'z': 3 words", "B 'u' stays: odd", "B 'v' stays: odd"]
    assert said_once(sentences) == [
        "A 'x' and 1 more: 9 words",
        "A 'z': 3 words",
        "B 'u' and 1 more stay: odd",
    ]


def test_one_sentence_stays_as_it_is():
    assert said_once(["B 'u' stays: a: b"]) == ["B 'u' stays: a: b"]


def test_a_refusal_names_every_reason():
    assert all_stay(["A 'x' stays: odd", "A 'y' stays: deep"]).reason == "A 'x' stays: odd; A 'y' stays: deep"
    assert all_stay([]).reason == "the graph has no tree operator"
