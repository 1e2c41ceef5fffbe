"""The `quantized_onnx` flavor: MLflow's conventions for an ONNX model with a manifest.

In: an ONNX model, its manifest, and what every MLflow flavor takes (signature, input example, …).
Out: an MLflow model with the flavors `python_function`, `quantized_onnx` and `onnx`.
Promise: nothing pickled is written; the code that loads the model travels inside it, so that loading
needs mlflow-skinny, onnxruntime, numpy and pandas, and neither this project nor scikit-learn.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import mlflow
import yaml
from mlflow import pyfunc
from mlflow.models import Model, ModelSignature
from mlflow.models.model import MLMODEL_FILE_NAME
from mlflow.models.signature import _infer_signature_from_input_example
from mlflow.models.utils import _save_example
from mlflow.types.schema import ParamSchema, ParamSpec
from mlflow.utils.environment import (
    _CONDA_ENV_FILE_NAME,
    _CONSTRAINTS_FILE_NAME,
    _PYTHON_ENV_FILE_NAME,
    _REQUIREMENTS_FILE_NAME,
    _mlflow_conda_env,
    _process_conda_env,
    _process_pip_requirements,
    _PythonEnv,
    _validate_env_arguments,
)
from mlflow.utils.model_utils import (
    _get_flavor_configuration,
    _validate_and_copy_code_paths,
    _validate_and_prepare_target_save_path,
)

from flavor import quantized_onnx_v1
from flavor.quantized_onnx_v1 import Manifest, Predictor, QuantizedOnnxModel, read_model
from flavor.quantized_onnx_v1.manifest import MAJOR, MANIFEST_FILE, MINOR
from optimization.passes.rows import rows_per_thread
from optimization.passes.runtimes import oldest_onnxruntime

FLAVOR_NAME = "quantized_onnx"
LOADER_MODULE = "quantized_onnx_v1"
REQUIREMENTS = ("mlflow-skinny", "numpy", "onnxruntime", "pandas")
"""mlflow-skinny serves and loads the model, and is part of every full mlflow of the same version."""
PREDICT_METHOD = "predict_method"
"""Name of the inference parameter that chooses the estimator's method."""


def get_default_pip_requirements(min_onnxruntime: str = "") -> list[str]:
    """Return the requirements of a logged model: the installed versions, and onnxruntime from the oldest on.

    Args:
        min_onnxruntime: oldest onnxruntime that runs the model; empty: the installed one and no other.
    """
    return [
        f"{name}>={min_onnxruntime}"
        if name == "onnxruntime" and min_onnxruntime
        else f"{name}=={version(name)}"
        for name in REQUIREMENTS
    ]


def save_model(
    onnx_model: Any,
    path: str,
    *,
    manifest: Manifest,
    signature: ModelSignature | Literal[False] | None = None,
    input_example: Any = None,
    metadata: Mapping[str, Any] | None = None,
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
    conda_env: Any = None,
    code_paths: Sequence[str] | None = None,
    mlflow_model: Model | None = None,
    validate_serving_input: bool = True,
) -> None:
    """Save an ONNX model with its manifest to the folder `path`.

    Args:
        onnx_model: bytes of the ONNX file, or an `onnx.ModelProto`.
        path: folder to create; must not exist or be empty.
        manifest: what `optimization.convert` found out about the model; the file's SHA-256 and the oldest
            onnxruntime that runs it are filled in here.
        signature: inputs and outputs; None infers them from `input_example`, False leaves them out.
            The parameter `predict_method` is added in each case.
        input_example: rows that MLflow stores beside the model.
        validate_serving_input: whether `log_model` lets MLflow try the example on the saved model.

    Raises:
        MlflowException: `path` is not empty, or environment arguments contradict each other.
    """
    _validate_env_arguments(conda_env, pip_requirements, extra_pip_requirements)
    _validate_and_prepare_target_save_path(path)
    folder = Path(path)
    own_code = str(Path(quantized_onnx_v1.__file__).parent)
    code = _validate_and_copy_code_paths([own_code, *(code_paths or [])], path)
    model = mlflow_model or Model()
    content = onnx_model if isinstance(onnx_model, bytes) else onnx_model.SerializeToString()
    example = None if input_example is None else _save_example(model, input_example, path)
    if signature is None and example is not None:
        wrapped = QuantizedOnnxModel(Predictor(content, manifest))
        signature = _infer_signature_from_input_example(example, wrapped)
    model.signature = add_predict_method(signature or None, manifest)
    if metadata is not None:
        model.metadata = dict(metadata)
    manifest = write_files(folder, content, manifest)
    _add_flavors(model, manifest, code, len(content))
    model.model_size_bytes = sum(item.stat().st_size for item in folder.rglob("*") if item.is_file())
    model.save(str(folder / MLMODEL_FILE_NAME))
    requirements = get_default_pip_requirements(manifest.min_onnxruntime)
    _write_environment(folder, requirements, conda_env, pip_requirements, extra_pip_requirements)


def log_model(
    onnx_model: Any,
    name: str,
    *,
    manifest: Manifest,
    registered_model_name: str | None = None,
    signature: ModelSignature | Literal[False] | None = None,
    input_example: Any = None,
    metadata: Mapping[str, Any] | None = None,
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
    conda_env: Any = None,
    code_paths: Sequence[str] | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    await_registration_for: int = 300,
    validate_serving_input: bool = True,
) -> Any:
    """Log an ONNX model with its manifest to the active run; arguments as in `save_model`.

    Returns:
        mlflow.models.model.ModelInfo
    """
    return Model.log(
        artifact_path=None,
        name=name,
        flavor=_SELF,
        flavor_name=FLAVOR_NAME,
        onnx_model=onnx_model,
        manifest=manifest,
        registered_model_name=registered_model_name,
        await_registration_for=await_registration_for,
        signature=signature,
        input_example=input_example,
        metadata=metadata,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        conda_env=conda_env,
        code_paths=code_paths,
        params=dict(params) if params else None,
        tags=dict(tags) if tags else None,
        model_type=model_type,
        validate_serving_input=validate_serving_input,
    )


def load_model(
    model_uri: str, dst_path: str | None = None, *, session: Mapping[str, Any] | None = None
) -> Predictor:
    """Return the native predictor of the model at `model_uri`: no schema enforcement, least overhead.

    Args:
        model_uri: any URI that MLflow resolves.
        session: onnxruntime settings, see `quantized_onnx_v1.predictor.SESSION_KEYS`.

    Raises:
        MlflowException: no such model, or a model without this flavor.
        ManifestError: the model is damaged or newer than this code.
    """
    folder = mlflow.artifacts.download_artifacts(artifact_uri=model_uri, dst_path=dst_path)
    _get_flavor_configuration(model_path=folder, flavor_name=FLAVOR_NAME)
    manifest, content = read_model(Path(folder))
    return Predictor(content, manifest, session=session)


def add_predict_method(signature: ModelSignature | None, manifest: Manifest) -> ModelSignature:
    """Return `signature` (None: of nothing) with the inference parameter `predict_method`."""
    signature = signature or ModelSignature(params=ParamSchema([]))
    spec = ParamSpec(PREDICT_METHOD, "string", manifest.default_method)
    others = [p for p in (signature.params.params if signature.params else []) if p.name != PREDICT_METHOD]
    return ModelSignature(
        inputs=signature.inputs, outputs=signature.outputs, params=ParamSchema([*others, spec])
    )


def write_files(folder: Path, content: bytes, manifest: Manifest) -> Manifest:
    """Write the ONNX file and its manifest into `folder`; return the manifest with what the file decides."""
    manifest = dataclasses.replace(
        manifest,
        sha256=hashlib.sha256(content).hexdigest(),
        min_onnxruntime=oldest_onnxruntime(content),
        rows_per_thread=rows_per_thread(content),
    )
    (folder / manifest.model_file).write_bytes(content)
    (folder / MANIFEST_FILE).write_text(manifest.to_json(), encoding="utf-8")
    return manifest


def _add_flavors(model: Model, manifest: Manifest, code: str, n_bytes: int) -> None:
    """Declare python_function, quantized_onnx and onnx."""
    session = manifest.session
    pyfunc.add_to_model(
        model,
        loader_module=LOADER_MODULE,
        code=code,
        conda_env=_CONDA_ENV_FILE_NAME,
        python_env=_PYTHON_ENV_FILE_NAME,
        model_config={**dataclasses.asdict(session), "providers": list(session.providers)},
    )
    model.add_flavor(
        FLAVOR_NAME,
        format_version=f"{MAJOR}.{MINOR}",
        data=manifest.model_file,
        manifest=MANIFEST_FILE,
        sha256=manifest.sha256,
        n_bytes=n_bytes,
        quantization=manifest.quantization,
        methods=list(manifest.methods),
        code=code,
    )
    model.add_flavor(
        "onnx",
        onnx_version=version("onnx"),
        data=manifest.model_file,
        providers=list(session.providers),
        onnx_session_options=None,
        code=code,
    )


def _write_environment(
    folder: Path, requirements: list[str], conda_env: Any, pip_requirements: Any, extra: Any
) -> None:
    """Write conda.yaml, requirements.txt, python_env.yaml (and constraints.txt) as every flavor does."""
    constraints: list[str] = []
    if conda_env is None and pip_requirements is None and extra is None:
        # The installed versions need no check against themselves, which costs MLflow half a second.
        conda_env = _mlflow_conda_env(additional_pip_deps=requirements, install_mlflow=False)
    elif conda_env is None:
        default = None if pip_requirements else requirements
        conda_env, requirements, constraints = _process_pip_requirements(default, pip_requirements, extra)
    else:
        conda_env, requirements, constraints = _process_conda_env(conda_env)
    (folder / _CONDA_ENV_FILE_NAME).write_text(yaml.safe_dump(conda_env, default_flow_style=False))
    (folder / _REQUIREMENTS_FILE_NAME).write_text("\n".join(requirements))
    if constraints:
        (folder / _CONSTRAINTS_FILE_NAME).write_text("\n".join(constraints))
    _PythonEnv.current().to_yaml(str(folder / _PYTHON_ENV_FILE_NAME))


class _Flavor:
    """What `Model.log` wants: an object with `save_model`."""

    save_model = staticmethod(save_model)


_SELF = _Flavor()
