"""What holds for every file of the project (docs/design/layout.md)."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

from tests.structure.covered_elsewhere import COVERED_ELSEWHERE
from tests.structure.tree import PACKAGE, ROOT, modules, parsed, python_files, text_files

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 80
LONG_FILES: dict[str, str] = {
    "src/tunnel_whisperer/base/limits.py": "a table: every limit has its place there, and no code",
}
"""Files that may be longer, each with its reason."""

# Patterns, so that this file does not hold what it looks for.
UNWANTED = {
    r"/wor[k]/": "a path of one machine",
    r"\bpyp[i]\.org": "a package registry's host",
    r"pythonhosted\.or[g]": "a package registry's host",
    r"registry\.npmj[s]": "a package registry's host",
    r"deb\.debia[n]\.org": "a package registry's host",
    r"proxy\.golan[g]\.org": "a package registry's host",
    r"\bcrates\.i[o]": "a package registry's host",
}


def _show(found: list[str]) -> str:
    return "\n" + "\n".join(found)


def test_no_file_is_longer_than_600_lines() -> None:
    found = [
        f"{path}: {lines} lines"
        for path in python_files("src", "tests", "docs", "fuzz", "bench")
        if (lines := len((ROOT / path).read_text(encoding="utf-8").splitlines())) > MAX_FILE_LINES
        and str(path) not in LONG_FILES
    ]
    assert not found, _show(found)


def test_no_function_is_longer_than_80_lines() -> None:
    found = []
    for path in python_files("src", "tests", "docs", "fuzz", "bench"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    found.append(f"{path}:{node.lineno}: {node.name}: {lines} lines")
    assert not found, _show(found)


def test_every_package_and_module_says_what_it_is() -> None:
    found = [str(path) for name, path in modules() if not ast.get_docstring(parsed(path))]
    assert not found, _show(found)


def _does_something(node: ast.AST) -> bool:
    """A function with a body; a Protocol's are empty, whatever their docstring says."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not all(
        isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) for line in node.body
    )


def _has_behaviour(path: Path) -> bool:
    return any(map(_does_something, ast.walk(parsed(path))))


def _own_test(name: str) -> Path:
    *folders, module = name.removeprefix(f"{PACKAGE}.").split(".")
    return Path("tests", *folders, f"test_{module}.py")


def _needs_a_test() -> list[str]:
    return [
        name for name, path in modules() if path.stem not in ("__init__", "__main__") and _has_behaviour(path)
    ]


def test_every_module_with_behaviour_has_a_test_file_of_its_name() -> None:
    found = [
        f"{name}: no {_own_test(name)}"
        for name in _needs_a_test()
        if not (ROOT / _own_test(name)).exists() and name not in COVERED_ELSEWHERE
    ]
    assert not found, _show(found)


def test_what_is_covered_elsewhere_is_covered_there_and_nowhere_else() -> None:
    known = _needs_a_test()
    found = [f"{name}: no such module with behaviour" for name in COVERED_ELSEWHERE if name not in known]
    for name, (where, _) in COVERED_ELSEWHERE.items():
        if not (ROOT / where).exists():
            found.append(f"{name}: {where} is not there")
        if (ROOT / _own_test(name)).exists():
            found.append(f"{name}: has a test of its own, take it off the list")
    assert not found, _show(found)


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = [
        f"{path}: {match[0]}: {why}"
        for path, content in text_files()
        for pattern, why in UNWANTED.items()
        if (match := re.search(pattern, content))
    ]
    assert not found, _show(found)


def _sleeps(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "time" and any(alias.name == "sleep" for alias in node.names)
    return isinstance(node, ast.Attribute) and ast.unparse(node) == "time.sleep"


def test_unit_tests_never_sleep() -> None:
    found = [
        f"{path}: use the virtual clock of tests/kit"
        for path in python_files("tests")
        if path.parts[1] not in ("interop", "e2e") and any(map(_sleeps, ast.walk(parsed(path))))
    ]
    assert not found, _show(found)


@pytest.mark.parametrize("name", sorted(name for name, _ in modules() if not name.endswith("__main__")))
def test_all_names_what_is_there(name: str) -> None:
    module = importlib.import_module(name)
    names: list[str] = getattr(module, "__all__", [])
    assert [entry for entry in names if not hasattr(module, entry)] == []
    assert len(set(names)) == len(names)
