"""The packages that the project asks for, against what is installed and what constraints.txt pins."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

from stages.cli.checks import INSTALL, Finding


def check_packages(
    pyproject: Path = Path("pyproject.toml"), constraints: Path = Path("constraints.txt")
) -> list[Finding]:
    """A gap for what is missing or unfit, a note for versions other than the pinned ones."""
    if not pyproject.is_file():
        return [Finding("gap", "packages", f"no {pyproject} here", "run it in the project's root")]
    required = list(tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["dependencies"])
    found = {_name(line): _installed(_name(line)) for line in required}
    missing = [name for name, version in found.items() if version is None]
    if missing:
        return [Finding("gap", "packages", f"missing: {', '.join(missing)}", INSTALL)]
    unfit = _unfit(required)
    if unfit:
        return [Finding("gap", "packages", ", ".join(unfit), INSTALL)]
    pins = pinned_versions(constraints)
    others = [
        f"{name} {version} (pinned {pins[name]})"
        for name, version in found.items()
        if name in pins and version not in (pins[name], f"{pins[name]}+cpu")
    ]
    if others:
        remedy = f"results may differ in the last digits; {INSTALL} gives the pinned ones"
        return [Finding("note", "packages", ", ".join(others), remedy)]
    against = f"{len(found.keys() & pins.keys())} as {constraints} pins them" if pins else f"no {constraints} here"
    return [Finding("ok", "packages", f"{len(found)} installed, {against}")]


def pinned_versions(constraints: Path) -> dict[str, str]:
    """name -> version of the lines `name==version`; empty without the file."""
    if not constraints.is_file():
        return {}
    lines = (re.split("[#;]", line)[0] for line in constraints.read_text(encoding="utf-8").splitlines())
    return {_name(line): line.split("==")[1].strip() for line in lines if "==" in line}


def _name(requirement: str) -> str:
    """The name as pip normalises it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement.strip())[0]).lower()


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _unfit(required: list[str]) -> list[str]:
    from packaging.requirements import Requirement  # comes with dvc and prefect

    wanted = [Requirement(line) for line in required]
    return [
        f"{one.name} {_installed(one.name)} (needed: {one.specifier})"
        for one in wanted
        if not one.specifier.contains(str(_installed(one.name)), prereleases=True)
    ]
