"""What the repository promises to whoever clones it."""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from config.bench_file import BenchFile
from config.loading import check

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
ROOMS = PROJECT["tool"]["importlinter"]["root_packages"]

# put together from pieces, so that this file does not hold what it looks for
MACHINE_PATHS = tuple("/" + folder + "/" for folder in ("root", "home", "work", "Users", "opt/pypi"))
REGISTRIES = tuple(
    ".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("anaconda", "org"), ("npmjs", "org"))
)


def tracked_files() -> list[Path]:
    try:
        listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no git clone, nothing tells which files are tracked")
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def tracked_texts() -> dict[str, str]:
    texts = {}
    for path in tracked_files():
        content = path.read_bytes()
        if b"\0" not in content:
            texts[str(path.relative_to(ROOT))] = content.decode("utf-8")
    return texts


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE))


def requirements() -> list[Requirement]:
    extras = PROJECT["project"]["optional-dependencies"].values()
    build = PROJECT["build-system"]["requires"]
    return [Requirement(text) for text in [*PROJECT["project"]["dependencies"], *itertools.chain(*extras), *build]]


def pinned_versions() -> dict[str, tuple[str, str]]:
    pinned: dict[str, tuple[str, str]] = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9][A-Za-z0-9.+]*)(?:; (.+))?", line)
            assert match, f"constraints.txt: '{line}' is no 'name==version' with at most a marker"
            name, version, marker = match.groups()
            assert canonicalize_name(name) not in pinned, f"constraints.txt pins {name} twice"
            pinned[canonicalize_name(name)] = (version, marker or "")
    return pinned


def test_constraints_name_versions_and_no_address() -> None:
    assert len(pinned_versions()) > 100
    assert "://" not in (ROOT / "constraints.txt").read_text(encoding="utf-8")
    for _, marker in pinned_versions().values():
        assert not marker or Marker(marker)


def test_every_declared_requirement_is_pinned_to_a_version_it_allows() -> None:
    pinned = pinned_versions()
    for requirement in requirements():
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{requirement} is not in constraints.txt"
        assert requirement.specifier.contains(pinned[name][0]), f"{requirement} excludes the pinned {pinned[name][0]}"


def test_pymeasure_stays_below_the_release_that_changes_its_procedures() -> None:
    (pymeasure,) = (item for item in requirements() if item.name == "pymeasure")
    assert not pymeasure.specifier.contains("0.17")
    assert not pymeasure.extras, "PyMeasure's tcp extra publishes pickles on every interface"


def test_pythons_are_the_same_wherever_they_are_named() -> None:
    supported = [
        f"3.{minor}" for minor in range(8, 20) if f"3.{minor}" in SpecifierSet(PROJECT["project"]["requires-python"])
    ]
    classifiers = [text.rpartition(" ")[2] for text in PROJECT["project"]["classifiers"] if ":: Python :: 3." in text]
    assert supported == classifiers == ["3.11", "3.12", "3.13"]
    assert "OLDEST, NEWEST = (3, 11), (3, 13)" in (ROOT / "tools/environment.py").read_text(encoding="utf-8")


def test_every_library_that_the_code_imports_is_declared() -> None:
    distributions = {
        "colour": "colour-science",
        "usb": "pyusb",
        "serial": "pyserial",
        "PySide6": "pyside6-essentials",
        "pyvisa_py": "pyvisa-py",
        "PIL": "pillow",
    }
    declared = {canonicalize_name(Requirement(text).name) for text in PROJECT["project"]["dependencies"]}
    gui = {canonicalize_name(Requirement(text).name) for text in PROJECT["project"]["optional-dependencies"]["gui"]}
    # only for tests of other groups' procedures, which bring pytest themselves; and drivers with an extra of their own
    tests_only = {"app/pytest_plugin.py": {"pytest"}}
    extras = {
        "drivers/genicam.py": ("camera",),
        "drivers/basler.py": ("basler",),
        "app/scanning.py": ("camera", "basler"),
        "app/engine/batch.py": ("cluster",),
    }
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            allowed = declared | (gui if name.startswith("app/gui/") else set()) | tests_only.get(name, set())
            for extra in extras.get(name, ()):
                group = PROJECT["project"]["optional-dependencies"][extra]
                allowed = allowed | {canonicalize_name(Requirement(text).name) for text in group}
            for imported in third_party_imports(path):
                distribution = canonicalize_name(distributions.get(imported, imported))
                assert distribution in allowed, f"{name} imports {imported}, which pyproject.toml does not declare"


def third_party_imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {*ROOMS, "xraybench"}


def test_readme_names_only_targets_that_there_are() -> None:
    named = set(re.findall(r"^make ([a-z]+)$|`make ([a-z]+)`", README, re.MULTILINE))
    named_targets = {first or second for first, second in named}
    assert {"demo", "test"} <= named_targets
    assert named_targets <= make_targets()
    assert {"demo", "test", "gui", "bench", "docs", "lint", "clean"} <= make_targets()


def test_bench_file_in_the_readme_is_a_valid_one() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    bench = check(tomllib.loads(text), BenchFile, "README.md")
    assert not bench.simulated
    assert bench.instruments["tube"].driver == "spellman-xrv"


def test_drivers_in_the_readme_exist() -> None:
    from drivers.registry import drivers

    assert set(re.findall(r'^driver = "(.+)"$', README, re.MULTILINE)) <= set(drivers())


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in tracked_files():
        if page.suffix == ".md":
            for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
                assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}: not there"


def test_changelog_knows_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in changelog
    assert PROJECT["project"]["version"] in changelog


def test_every_room_is_a_typed_package_under_the_floors() -> None:
    included = {pattern.rstrip("*") for pattern in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert included == set(ROOMS)
    for room in ROOMS:
        assert (ROOT / room / "__init__.py").is_file()
        assert (ROOT / room / "py.typed").is_file()


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    for name, text in tracked_texts().items():
        for word in (*MACHINE_PATHS, *REGISTRIES):
            assert word not in text, f"{name} holds {word}"


def test_no_module_is_too_long_to_read() -> None:
    lengths = {
        name: len(text.splitlines())
        for name, text in tracked_texts().items()
        if name.endswith(".py") and not name.startswith("tests/")
    }
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_modules_are_named_for_what_is_in_them() -> None:
    for path in tracked_files():
        assert path.stem not in {"utils", "util", "helpers", "helper", "manager", "common", "misc", "base"}, path


def test_decisions_are_numbered_without_a_gap_and_say_why() -> None:
    records = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert text.startswith(f"# {int(record.name[:4])}. ")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"], record.name


def test_analysis_opens_no_file() -> None:
    # import-linter sees modules; `open` and the readers of numpy need none
    reading = {
        "open",
        "load",
        "loadtxt",
        "genfromtxt",
        "fromfile",
        "save",
        "savetxt",
        "savez",
        "tofile",
        "print",
        "input",
    }
    for path in sorted((ROOT / "analysis").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                assert called not in reading, f"{path.relative_to(ROOT)}:{node.lineno} calls {called}"
