"""The README and docs/ say what is true: names, commands, links, tables.

In: the Markdown files, and the tables of the code that they speak of.
Out: the first name, command or link that does not exist.
"""

from __future__ import annotations

import ast
import itertools
import re
import shlex
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from entrypoints.parameters import PARAMETERS, parse
from optimization import errors
from optimization.quantize.policies import POLICIES
from optimization.reference import DATASETS, REFERENCES
from optimization.report.summary import metrics
from optimization.verify.gates import DEFAULT_METRIC_DROP
from tests.report import examples
from tools.readme_figures import parameters_table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
ENTRY_POINTS = {"main", *(name for item in PARAMETERS for name in item.entry_points)}
FENCE = re.compile(r"^ *```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def blocks(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of a page in one of the languages."""
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [content for language, content in found if language in languages]


def commands(page: Path) -> list[str]:
    """The lines of a page's shell blocks, continued ones joined, and its code spans."""
    text = page.read_text(encoding="utf-8")
    lines = "".join(blocks(page, "bash", "sh")).replace("\\\n", " ").splitlines()
    indented = [line.strip() for line in text.splitlines() if re.match(r" {4}(make|mlflow|python) ", line)]
    return [*lines, *indented, *SPAN.findall(FENCE.sub("", text))]


def section(title: str) -> str:
    """The text below a heading of the README, up to the next one."""
    return re.split(r"^## ", README.split(f"\n## {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def marked(name: str) -> str:
    """The generated or checked block of the README between its two comments."""
    return README.split(f"<!-- {name}: begin -->\n", 1)[1].split(f"<!-- {name}: end -->\n", 1)[0]


def first_cells(table: str) -> list[str]:
    """The first cell of each row of a table, heading and rule left out."""
    return [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("|")][2:]


def arguments_of_run(command: str) -> tuple[str, list[str]]:
    """Entry point and options of an `mlflow run` command."""
    words = shlex.split(command)
    words = words[words.index("run") + 1 :]
    pairs = list(itertools.pairwise(words))
    entry_point = next((value for flag, value in pairs if flag in ("-e", "--entry-point")), "main")
    given = [value.partition("=") for flag, value in pairs if flag == "-P"]
    return entry_point, [f"--{name.replace('_', '-')}={value}" for name, _, value in given]


def anchor(heading: str) -> str:
    """The address that a heading gets on a page."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def leads_somewhere(page: Path, target: str) -> bool:
    """Whether the file and the heading that a relative link names exist; the web is not asked."""
    parts = urlsplit(target)
    file = page.parent / parts.path if parts.path else page
    if parts.scheme or not file.exists():
        return bool(parts.scheme)
    if not parts.fragment:
        return True
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return parts.fragment in {anchor(heading) for heading in headings}


def test_the_table_of_parameters_is_that_of_the_code() -> None:
    assert marked("parameters") == parameters_table(), "run `python -m tools.readme_figures`"


def test_the_metrics_are_those_that_a_run_logs() -> None:
    rows = " ".join(first_cells(marked("metrics")))
    templates = SPAN.findall(rows)
    named = {
        template.format(variant=variant, optimized=optimized, n=n)
        for template in templates
        for variant in ("original", "onnx", "quantized")
        for optimized in ("onnx", "quantized")
        for n in (1, 32, 1024)
    }
    assert named == {*metrics(examples.with_all_cores()), *metrics(examples.regressor())}


def test_the_exit_codes_are_those_of_the_errors() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", section("Troubleshooting"), re.MULTILINE)
    kinds = errors.OptimizationError.__subclasses__()
    assert {(int(code), name) for code, name in rows} == {(kind.exit_code, kind.__name__) for kind in kinds}


@pytest.mark.parametrize(("name", "table"), [("reference_model", REFERENCES), ("dataset", DATASETS)])
def test_all_reference_models_and_datasets_are_named(name: str, table: dict[str, object]) -> None:
    row = next(line for line in section("Reference models").splitlines() if line.startswith(f"| `{name}` |"))
    assert SPAN.findall(row)[1:] == list(table)


def test_the_quantization_types_are_the_policies() -> None:
    assert set(SPAN.findall(" ".join(first_cells(section("Quantization"))))) == {"auto", *POLICIES}


def test_the_gate_has_the_defaults_it_is_said_to_have() -> None:
    assert DEFAULT_METRIC_DROP == {"accuracy": 0.0, "r2": 0.0001}
    assert "default 0 for accuracy, 0.0001 for r2" in section("Gates")
    rate = next(item for item in PARAMETERS if item.name == "max_label_mismatch_rate")
    assert rate.parse(rate.default) == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    named = {target for text in commands(page) for target in re.findall(r"^make ([a-z-]+)", text)}
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_name_entry_points_and_parameters_that_exist(page: Path) -> None:
    for command in commands(page):
        if "mlflow run " in command and "…" not in command:
            entry_point, options = arguments_of_run(command)
            assert entry_point in ENTRY_POINTS, command
            parse("benchmark" if entry_point == "main" else entry_point, options)
        for name, rest in re.findall(r"python -m entrypoints\.(\w+)(.*)", command):
            assert name in ENTRY_POINTS, command
            parse(name, shlex.split(rest))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_parameters_named_in_passing_exist(page: Path) -> None:
    names = {item.name for item in PARAMETERS}
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"-P '?([a-z_]+)=", text))
    for words in re.findall(r'\bP="([^"]+=[^"]+)"', text):
        named |= {word.partition("=")[0] for word in words.split() if word != "…"}
    assert named - {"name"} <= names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not leads_somewhere(page, target)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_folders_named_in_code_exist(page: Path) -> None:
    folders = ("entrypoints", "flavor", "optimization", "docs", "tests", "tools")
    for span in SPAN.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.fullmatch(rf"({'|'.join(folders)})/[\w./]*", span):
            assert (ROOT / span).exists() or (ROOT / f"{span}.py").exists(), span


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_snippets_are_python(page: Path) -> None:
    for snippet in blocks(page, "python"):
        ast.parse(snippet)
    for command in commands(page):
        for snippet in re.findall(r'python -c "([^"]+)"', command):
            ast.parse(snippet)


def test_the_test_command_is_the_one_that_ci_runs() -> None:
    (first, *_) = FENCE.findall(section("Tests"))[0][1].splitlines()
    assert first == (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()[-1]


def _tracked() -> list[Path]:
    result = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if result.returncode != 0:
        pytest.skip("not a Git repository: the list of tracked files is not known")
    return [ROOT / name for name in result.stdout.decode().split("\0") if name]


def test_tracked_files_name_no_folder_of_a_machine_and_no_package_index() -> None:
    slash, dot = "/", "."
    places = [slash + name + slash for name in ("work", "root", "tmp/dev", "tmp/brief")]
    hosts = [dot.join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"))]
    # Not where a name goes on to the left: `frame/work/` is somebody's own folder.
    forbidden = re.compile(
        rf"(?<![\w.-])(?:{'|'.join(map(re.escape, places))})|{'|'.join(map(re.escape, hosts))}"
    )
    found = []
    for path in _tracked():
        if not path.is_file():
            continue
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines(), 1):
            if match := forbidden.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match.group()}")
    assert not found, "\n".join(found)
