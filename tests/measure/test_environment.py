"""The environment is read without failing, and described in one sentence."""

import dataclasses
import platform

import numpy as np
import pytest

from optimization.measure.environment import (
    Environment,
    cpu_model,
    installed_versions,
    read_environment,
)
from optimization.measure.records import Contender, MeasureOptions
from optimization.measure.timing import measure


def test_this_process_is_described_with_its_versions():
    found = read_environment(n_threads=2)
    assert found.n_threads == 2
    assert found.available_cpus >= 1
    assert found.python == platform.python_version()
    assert found.packages["numpy"] == np.__version__
    assert "2 threads used" in found.describe()
    assert f"numpy {np.__version__}" in found.describe()


def test_one_of_a_kind_is_singular_and_missing_packages_are_left_out():
    found = Environment(
        cpu="Z80", available_cpus=1, n_threads=1, python="3.11.9", os="Linux riscv64", packages={}
    )
    assert found.describe() == "Z80, 1 CPU available, 1 thread used, Linux riscv64, Python 3.11.9"


def test_the_processor_is_named_as_the_kernel_names_it(tmp_path):
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text("processor\t: 0\nmodel\t\t: 85\nmodel name\t: Intel(R)  Xeon(R) @ 2.00GHz\n")
    assert cpu_model(cpu_info) == "Intel(R) Xeon(R) @ 2.00GHz"


def test_without_a_model_name_the_platform_answers(tmp_path):
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text("processor\t: 0\nBogoMIPS\t: 243.75\n")
    expected = platform.processor() or platform.machine()
    assert cpu_model(cpu_info) == cpu_model(tmp_path / "missing") == expected


def test_packages_that_are_not_installed_are_left_out():
    assert set(installed_versions(("numpy", "no-such-distribution"))) == {"numpy"}


@pytest.mark.parametrize("change", [{"cpu": ""}, {"available_cpus": 0}, {"memory_limit_bytes": -1}])
def test_what_no_machine_has_is_refused(change):
    with pytest.raises(ValueError, match="expected a m"):
        dataclasses.replace(read_environment(n_threads=1), **change)


def test_a_measurement_knows_where_it_was_taken():
    options = MeasureOptions(n_iterations=1, batch_sizes=())
    found = measure([Contender("a", len)], np.zeros((3, 2)), options=options)
    assert found.environment == read_environment(n_threads=1)
    with pytest.raises(AssertionError):
        dataclasses.replace(found, environment=read_environment(n_threads=2))
