"""Errors a user can act on.

In: nothing.
Out: `OptimizationError` and one subclass per room.
Promise: the message is one sentence that says what was expected, what was found and what to do; an
entry point prints it without a traceback and exits with `exit_code`.
"""


class OptimizationError(Exception):
    """Base of every error that is the user's to mend; `exit_code` is the process's status."""

    exit_code = 1


class ParameterError(OptimizationError):
    """A parameter has a value that is not allowed."""

    exit_code = 2


class SourceError(OptimizationError):
    """The model could not be found, opened or trusted, or is not a scikit-learn model."""

    exit_code = 3


class DataError(OptimizationError):
    """The rows are missing, empty, unreadable or do not fit the model."""

    exit_code = 4


class ConversionError(OptimizationError):
    """The estimator, or a named step of it, cannot be converted to ONNX faithfully."""

    exit_code = 5


class UnwrittenError(ConversionError):
    """A converter or onnxruntime fails at the estimator."""


class UnfaithfulError(ConversionError):
    """The graph answers otherwise than the estimator beyond the table of tolerances."""


class QuantizationError(OptimizationError):
    """The requested quantization could not be done."""

    exit_code = 6


class GateError(OptimizationError):
    """The optimized model answers differently from the original beyond the allowed bound."""

    exit_code = 7


class ServerError(OptimizationError):
    """The tracking server, the registry or the artifact store does not answer or refuses."""

    exit_code = 8


class ProvenanceError(OptimizationError):
    """Two measurements were taken under different conditions and cannot be compared."""

    exit_code = 10


class EnvironmentIncompleteError(OptimizationError):
    """A package that the run needs is not installed."""

    exit_code = 9
