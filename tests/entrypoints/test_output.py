"""What standard output carries."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

CODE = """
import math, os, subprocess, sys
from entrypoints.command import run_entry_point

def main(values):
    print("a table", flush=True)
    subprocess.run([sys.executable, "-c", "print('a child')"])
    if {fails}:
        from optimization.errors import DataError
        raise DataError("no rows; give some")
    return {{"uri": "models:/a/1", "difference": math.inf}}

sys.exit(run_entry_point("convert", main, ["--output={output}"]))
"""


def run(output: str, *, fails: bool = False) -> subprocess.CompletedProcess[str]:
    code = CODE.format(output=output, fails=fails)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_text_is_what_was_printed() -> None:
    done = run("text")
    assert (done.returncode, done.stdout, done.stderr) == (0, "a table\na child\n", "")


def test_json_is_one_document_and_the_rest_goes_to_standard_error() -> None:
    done = run("json")
    assert json.loads(done.stdout) == {"uri": "models:/a/1", "difference": None}
    assert done.stderr == "a table\na child\n"


def test_quiet_is_one_uri() -> None:
    done = run("quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "models:/a/1\n", "")


@pytest.mark.parametrize("output", ["json", "quiet"])
def test_a_failure_leaves_standard_output_empty(output: str) -> None:
    done = run(output, fails=True)
    assert (done.returncode != 0, done.stdout) == (True, "")
    assert done.stderr.endswith("convert: no rows; give some\n")


def test_another_word_is_refused() -> None:
    done = run("xml")
    assert done.returncode == 2
    assert "output: expected one of text, json, quiet, found 'xml'" in done.stderr
