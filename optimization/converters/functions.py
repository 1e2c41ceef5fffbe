"""NumPy's functions of one number, written as nodes in float64.

In: a function of NumPy; the name of a float64 tensor.
Out: its name here, which is NumPy's; the name of a tensor of the same shape.
Promise: to 10⁻¹⁴ of the value, NaN and ± inf included; `expm1` and `sinh` are infinite from 702 on, not from
710, and `arcsinh` and `arccosh` from 9 · 10³⁰⁷ on, which float32 does not tell apart.

    log1p(x) = log(u) · x ÷ (u − 1),  u = 1 + x;  x where u is 1          (Kahan; Higham, Accuracy and
    expm1(x) = (u − 1) · x ÷ log(u),  u = exp(x); x where u is 1           Stability, 1.14.1)
    sinh(x)    = e (1 + 1 ÷ (1 + e)) ÷ 2,  e = expm1(x)                    of |x|, with the sign of x
    arcsinh(x) = log1p(x + x ÷ (t + √(1 + t²))),  t = 1 ÷ x                likewise
    arctanh(x) = log1p(2 x ÷ (1 − x)) ÷ 2                                  likewise
    arccosh(x) = log1p(t + √t √(t + 2)),  t = x − 1
    arctan(x)  = a + (x cos a − sin a) ÷ (cos a + x sin a),  a = float32's: the rest is below 10⁻⁷, and its
                 tangent is itself
    arcsin(x)  = arctan(x ÷ √((1 − x)(1 + x)));  arccos(x) = 2 arctan(√((1 − x) ÷ (1 + x)))

onnxruntime 1.32 has none of these operators for float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .algebra import Algebra, cast

Write = Callable[[Algebra, str], str]
LARGEST, SMALLEST = 709.0, -40.0
"""Of inf the logarithm's quotient would be NaN; expm1(−40) is −1."""
FLAT = 1e30
"""Beyond, arctan is π ÷ 2 to the last bit; float32 holds it."""


def name_of(function: Any) -> str | None:
    """Return NumPy's name of a function that can be written; None for all others."""
    return next((name for name in FUNCTIONS if getattr(np, name) is function), None)


def write_function(algebra: Algebra, name: str, values: str) -> str:
    """Write the function called `name`; `algebra` is of float64."""
    return FUNCTIONS[name](algebra, values)


def _node(op_type: str) -> Write:
    return lambda algebra, values: algebra.add(op_type, [values])


def _scaled(op_type: str, factor: float) -> Write:
    """The function of an operator, times a number."""
    return lambda algebra, values: algebra.scaled(algebra.add(op_type, [values]), factor)


def _log1p(algebra: Algebra, values: str) -> str:
    one = algebra.number(1.0)
    raised = algebra.add("Add", [values, one])
    lost = algebra.add("Div", [values, algebra.add("Sub", [raised, one])])
    found = algebra.add("Mul", [algebra.add("Log", [raised]), lost])
    # Of inf the quotient is NaN, and of −1 it is −inf · 1.
    same = algebra.add(
        "Or", [algebra.add("Equal", [raised, one]), algebra.add("Equal", [values, algebra.number(np.inf)])]
    )
    return algebra.add("Where", [same, values, found])


def _expm1(algebra: Algebra, values: str) -> str:
    one = algebra.number(1.0)
    within = algebra.add("Min", [values, algebra.number(LARGEST)])
    within = algebra.add("Max", [within, algebra.number(SMALLEST)])
    power = algebra.add("Exp", [within])
    less = algebra.add("Mul", [algebra.add("Sub", [power, one]), within])
    found = algebra.add("Div", [less, algebra.add("Log", [power])])
    return algebra.add("Where", [algebra.add("Equal", [power, one]), values, found])


def _square(algebra: Algebra, values: str) -> str:
    return algebra.add("Mul", [values, values])


def _cbrt(algebra: Algebra, values: str) -> str:
    """One step of Newton's after a power of 1/3, which is itself rounded: cbrt(27) is 3."""
    size = algebra.add("Abs", [values])
    root = algebra.add("Pow", [size, algebra.number(1.0 / 3.0)])
    square = algebra.add("Mul", [root, root])
    better = algebra.add("Add", [algebra.scaled(root, 2.0), algebra.add("Div", [size, square])])
    better = algebra.add("Div", [better, algebra.number(3.0)])
    same = algebra.add(
        "Or",
        [
            algebra.add("Equal", [values, algebra.number(0.0)]),
            algebra.add("Equal", [size, algebra.number(np.inf)]),
        ],
    )
    signed = algebra.add("Mul", [algebra.add("Sign", [values]), better])
    return algebra.add("Where", [same, values, signed])


def _odd(write: Write) -> Write:
    """A function of which `write` writes the positive half; it keeps the sign."""

    def written(algebra: Algebra, values: str) -> str:
        size = write(algebra, algebra.add("Abs", [values]))
        return algebra.add("Mul", [algebra.add("Sign", [values]), size])

    return written


def _sinh(algebra: Algebra, size: str) -> str:
    power = _expm1(algebra, size)
    more = algebra.add("Reciprocal", [algebra.add("Add", [power, algebra.number(1.0)])])
    more = algebra.add("Add", [more, algebra.number(1.0)])
    return algebra.scaled(algebra.add("Mul", [power, more]), 0.5)


def _cosh(algebra: Algebra, values: str) -> str:
    powers = [algebra.add("Exp", [item]) for item in (values, algebra.add("Neg", [values]))]
    return algebra.scaled(algebra.add("Add", powers), 0.5)


def _tan(algebra: Algebra, values: str) -> str:
    return algebra.add("Div", [algebra.add("Sin", [values]), algebra.add("Cos", [values])])


def _arcsinh(algebra: Algebra, size: str) -> str:
    inverse = algebra.add("Reciprocal", [size])
    root = algebra.add("Mul", [inverse, inverse])
    root = algebra.add("Sqrt", [algebra.add("Add", [root, algebra.number(1.0)])])
    more = algebra.add("Div", [size, algebra.add("Add", [inverse, root])])
    return _log1p(algebra, algebra.add("Add", [size, more]))


def _arccosh(algebra: Algebra, values: str) -> str:
    above = algebra.add("Sub", [values, algebra.number(1.0)])
    roots = [
        algebra.add("Sqrt", [item]) for item in (above, algebra.add("Add", [above, algebra.number(2.0)]))
    ]
    return _log1p(algebra, algebra.add("Add", [above, algebra.add("Mul", roots)]))


def _arctanh(algebra: Algebra, size: str) -> str:
    below = algebra.add("Sub", [algebra.number(1.0), size])
    share = algebra.scaled(algebra.add("Div", [size, below]), 2.0)
    return algebra.scaled(_log1p(algebra, share), 0.5)


def _arctan(algebra: Algebra, values: str) -> str:
    within = algebra.add("Max", [algebra.add("Min", [values, algebra.number(FLAT)]), algebra.number(-FLAT)])
    rough = algebra.add("Atan", [cast(algebra.writer, within, np.float32)])
    rough = cast(algebra.writer, rough, algebra.dtype)
    sine, cosine = algebra.add("Sin", [rough]), algebra.add("Cos", [rough])
    above = algebra.add("Sub", [algebra.add("Mul", [within, cosine]), sine])
    below = algebra.add("Add", [cosine, algebra.add("Mul", [within, sine])])
    return algebra.add("Add", [rough, algebra.add("Div", [above, below])])


def _arcsin(algebra: Algebra, values: str) -> str:
    one = algebra.number(1.0)
    sides = [algebra.add("Sub", [one, values]), algebra.add("Add", [one, values])]
    leg = algebra.add("Sqrt", [algebra.add("Mul", sides)])
    return _arctan(algebra, algebra.add("Div", [values, leg]))


def _arccos(algebra: Algebra, values: str) -> str:
    one = algebra.number(1.0)
    sides = [algebra.add("Sub", [one, values]), algebra.add("Add", [one, values])]
    return algebra.scaled(_arctan(algebra, algebra.add("Sqrt", [algebra.add("Div", sides)])), 2.0)


def _exp2(algebra: Algebra, values: str) -> str:
    return algebra.add("Pow", [algebra.number(2.0), values])


FUNCTIONS: Mapping[str, Write] = {
    "log": _node("Log"),
    "log2": _scaled("Log", 1.0 / np.log(2.0)),
    "log10": _scaled("Log", 1.0 / np.log(10.0)),
    "log1p": _log1p,
    "exp": _node("Exp"),
    "exp2": _exp2,
    "expm1": _expm1,
    "sqrt": _node("Sqrt"),
    "square": _square,
    "cbrt": _cbrt,
    "abs": _node("Abs"),
    "fabs": _node("Abs"),
    "negative": _node("Neg"),
    "reciprocal": _node("Reciprocal"),
    "sign": _node("Sign"),
    "sin": _node("Sin"),
    "cos": _node("Cos"),
    "tan": _tan,
    "sinh": _odd(_sinh),
    "cosh": _cosh,
    "tanh": _node("Tanh"),
    "arcsin": _arcsin,
    "arccos": _arccos,
    "arctan": _arctan,
    "arcsinh": _odd(_arcsinh),
    "arccosh": _arccosh,
    "arctanh": _odd(_arctanh),
    "floor": _node("Floor"),
    "ceil": _node("Ceil"),
    "rint": _node("Round"),
    "deg2rad": lambda algebra, values: algebra.scaled(values, np.pi / 180.0),
    "rad2deg": lambda algebra, values: algebra.scaled(values, 180.0 / np.pi),
}
"""NumPy's name → its nodes."""
NEVER_FALLING = (
    "exp",
    "exp2",
    "expm1",
    "cbrt",
    "sign",
    "sinh",
    "tanh",
    "arctan",
    "arcsinh",
    "floor",
    "ceil",
    "rint",
    "deg2rad",
    "rad2deg",
)
"""Functions whose value does not fall where the number rises, and that know every number."""
OVERFLOWING = ("exp", "exp2", "expm1", "sinh")
"""Those among them that are infinite for numbers that float64 holds."""
PARTIAL = ("log", "log2", "log10", "log1p", "sqrt", "arcsin", "arccos", "arccosh", "arctanh")
"""Functions that answer NaN for some numbers."""
