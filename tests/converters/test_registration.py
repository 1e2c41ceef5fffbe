"""Our converters stand in skl2onnx's registry whoever else writes to it."""

from __future__ import annotations

from skl2onnx.common._registration import RegisteredConverter, _converter_pool

from optimization.converters import register_converters
from optimization.converters.tf_idf import ALIAS, convert


def test_what_is_there_stays_and_what_was_replaced_comes_back() -> None:
    register_converters()
    ours = dict(_converter_pool)
    register_converters()
    assert _converter_pool == ours

    _converter_pool[ALIAS] = RegisteredConverter(lambda scope, operator, container: None, {})
    register_converters()
    assert _converter_pool[ALIAS]._fct is convert
