"""One rule for what this Python lacks: what needs a missing package is left out, and the end of the run says how much.

A test module is left out when importing it ends at a missing package of EXTRAS; a test, when it is marked as needing one
(`needs("matplotlib")`: for what is imported only while it runs). Nothing else is forgiven: a test that meets a missing
package unannounced fails.
"""

from collections.abc import Generator

import pytest

from neuromorph.extras import EXTRAS, has

MISSING = [name for name in EXTRAS if not has(name)]
LEFT_OUT = pytest.StashKey[dict[str, str]]()  # what was left out (a module or a test by its id): for want of what


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = {}


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    missing = _missing_package(report)
    if missing is None:
        return report
    collector.config.stash[LEFT_OUT][collector.nodeid] = missing
    return pytest.CollectReport(collector.nodeid, "passed", None, [])


def _missing_package(report: pytest.CollectReport) -> str | None:
    """The package of EXTRAS for want of which a module cannot be imported."""
    call = getattr(report, "call", None)
    error = call.excinfo.value if call and call.excinfo else None
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and (top := str(error.name).partition(".")[0]) in MISSING:
            return top
        error = error.__cause__ or error.__context__
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wants = {item.nodeid: _wanting(item) for item in items}
    left_out = [item for item in items if wants[item.nodeid]]
    config.stash[LEFT_OUT].update({item.nodeid: str(wants[item.nodeid]) for item in left_out})
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not wants[item.nodeid]]


def _wanting(item: pytest.Item) -> str | None:
    needed = [name for mark in item.iter_markers("needs") for name in mark.args]
    assert set(needed) <= set(EXTRAS), f"{item.nodeid} needs {needed}; known are {list(EXTRAS)}"
    return next((name for name in needed if name in MISSING), None)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Programs hold thousands of numbers: say which differ."""
    from random_programs import differences

    from neuromorph.program.program import Program

    both = isinstance(left, Program) and isinstance(right, Program)
    return ["two Programs that differ in", *differences(left, right)] if both and op == "==" else None


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # a process of pytest-xdist
        session.config.workeroutput["left_out"] = session.config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    node.config.stash[LEFT_OUT].update(getattr(node, "workeroutput", {}).get("left_out", {}))  # type: ignore[attr-defined]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    left_out = terminalreporter.config.stash[LEFT_OUT]
    for package in EXTRAS:
        ids = [one for one, missing in left_out.items() if missing == package]
        if ids:
            modules = sum("::" not in one for one in ids)
            terminalreporter.write_line(
                f"left out without {package}: {modules} test modules, {len(ids) - modules} other tests"
            )
