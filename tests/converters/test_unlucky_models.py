"""The smallest models behind bugs that random ensembles and odd data found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PowerTransformer, StandardScaler
from sklearn.svm import OneClassSVM

from optimization.convert import convert
from optimization.converters.discriminant import VISIBLE
from optimization.converters.quadratic import far_losses, loss, plain_terms
from optimization.converters.svm_model import stands_on_margin

from .agreement import agree, in_double

CANCER, BENIGN = load_breast_cancer(return_X_y=True)
WINE, KIND = load_wine(return_X_y=True)
PEOPLE = pd.DataFrame({"n": [1, 2, 3, 4] * 5, "age": np.linspace(20, 60, 20), "city": ["Rome", "Oslo"] * 10})


def test_a_discriminant_that_is_undecided_far_out_is_calculated_in_float64() -> None:
    fitted = QuadraticDiscriminantAnalysis(reg_param=0.1).fit(CANCER, BENIGN)
    whole = plain_terms(fitted)

    assert loss(whole, fitted) < VISIBLE < far_losses(whole, fitted).max()
    assert in_double(convert(fitted, CANCER))


def test_the_sign_of_a_latent_value_that_float32_cannot_hold_is_the_label() -> None:
    rows, target = CANCER[:120].astype(np.float32), BENIGN[:120]
    fitted = GaussianProcessClassifier(optimizer=None).fit(rows, target)

    agree(fitted, CANCER.astype(np.float32))


@pytest.mark.parametrize(("nu", "close"), [(0.1, True), (0.5, False)])
def test_support_vectors_on_the_margin_call_for_float64_rows(nu: float, close: bool) -> None:
    fitted = OneClassSVM(nu=nu).fit(WINE)

    assert stands_on_margin(fitted) is close
    assert agree(fitted, WINE).manifest.inputs[0].dtype == ("float64" if close else "float32")


def test_a_model_fitted_on_float32_answers_float64_rows_in_float64() -> None:
    rows = WINE[:, :3].astype(np.float32)
    fitted = PoissonRegressor().fit(rows, KIND + 1.0)

    agree(fitted, rows, rows.astype(np.float64))


def test_a_scaled_integer_column_stands_beside_text() -> None:
    prepare = ColumnTransformer([("n", StandardScaler(), ["n", "age"]), ("c", OneHotEncoder(), ["city"])])
    fitted = make_pipeline(prepare, LogisticRegression()).fit(PEOPLE, PEOPLE["n"] > 2)

    agree(fitted, PEOPLE)


def test_a_text_imputer_has_nothing_to_fill_where_missing_text_is_refused() -> None:
    text = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    fitted = make_pipeline(ColumnTransformer([("c", text, ["city"])]), LogisticRegression())

    agree(fitted.fit(PEOPLE, PEOPLE["n"] > 2), PEOPLE)


def test_a_power_transformer_keeps_its_own_scaler_before_trees() -> None:
    fitted = make_pipeline(PowerTransformer(), RandomForestClassifier(n_estimators=2, random_state=0))

    convert(fitted.fit(WINE, KIND), WINE)
