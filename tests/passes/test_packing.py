import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from optimization.passes.packing import pack
from tests.passes.helpers import EDGE_ROWS, assert_bit_equal, make_model


def model_with(**attributes):
    return make_model([helper.make_node("Scaler", ["x"], ["y"], domain="ai.onnx.ml", **attributes)])


def test_a_list_of_floats_loses_one_tag_per_number():
    attribute = helper.make_attribute("scale", [float(i) for i in range(100)])
    model = make_model([])
    model.graph.node.add().attribute.append(attribute)
    saved = model.ByteSize() - len(pack(model.SerializeToString()))
    # 100 tags go; one tag, a length of two bytes, and no longer lengths around them stay.
    assert saved >= 100 - 3


def test_packed_bytes_give_the_same_outputs():
    content = model_with(scale=[2.0, 0.5, -1.0], offset=[1.0, 0.0, -0.0]).SerializeToString()
    packed = pack(content)
    assert len(packed) < len(content)
    assert_bit_equal(content, packed, {"x": EDGE_ROWS})


def test_lists_inside_a_body_are_packed_too():
    inner = helper.make_node("Squeeze", ["a"], ["b"], axes=list(range(50)))
    body = helper.make_graph([inner], "body", [], [])
    model = make_model([helper.make_node("Scan", ["x"], ["y"], body=body, num_scan_inputs=1)])
    packed = pack(model.SerializeToString())
    assert len(packed) <= model.ByteSize() - 45
    assert onnx.load_from_string(packed) == model


def test_packing_twice_changes_nothing():
    packed = pack(model_with(scale=[1.0, 2.0, 3.0]).SerializeToString())
    assert pack(packed) == packed


def test_it_refuses_where_packed_is_not_smaller():
    content = model_with(scale=[1.0]).SerializeToString()
    assert pack(content) == content


def test_fields_of_a_newer_onnx_survive():
    # Field 1000, wire type 2, three bytes: no onnx version knows it.
    unknown = b"\xc2\x3e\x03abc"
    content = model_with(scale=[1.0, 2.0, 3.0]).SerializeToString() + unknown
    assert pack(content).endswith(unknown)


def test_bytes_that_are_no_message_are_an_error():
    with pytest.raises(DecodeError):
        pack(b"\xff\xff\xff")


@settings(max_examples=60, deadline=None)
@given(
    floats=st.lists(st.floats(width=32, allow_nan=False), max_size=40),
    ints=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=40),
    values=st.lists(st.integers(-128, 127), max_size=20),
)
def test_every_value_survives(floats, ints, values):
    node = helper.make_node(
        "Any", ["x"], ["y"], domain="test", tensor=helper.make_tensor("t", 3, [len(values)], values)
    )
    for name, numbers in (("floats", floats), ("ints", ints)):
        if numbers:
            node.attribute.append(helper.make_attribute(name, numbers))
    model = make_model([node])
    assert onnx.load_from_string(pack(model.SerializeToString())) == model


def test_the_bits_of_special_floats_survive():
    special = np.array([0x7FC00001, 0x80000000, 0x00000001, 0x7F800000], dtype=np.uint32).view(np.float32)
    model = model_with(scale=[1.0] * 4)
    model.graph.node[0].attribute[0].floats[:] = special.tolist()
    unpacked = onnx.load_from_string(pack(model.SerializeToString()))
    assert unpacked.SerializeToString() == model.SerializeToString()
