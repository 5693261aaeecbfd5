"""The house rules that no linter checks: sizes, names, fences, and papers that keep up with the code."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
import tomllib
from functools import cache
from importlib import import_module
from pathlib import Path

from remembrancer import __version__
from remembrancer.ports.graph import Graph
from remembrancer_schema import catalog

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted([*(ROOT / "plugin").rglob("*.py"), *(ROOT / "graph_schema").rglob("*.py")])

FILE_LINES = 300
FUNCTION_LINES = 40
MEDIAN_FUNCTION_LINES = 10
PROTOCOL_MEMBERS = 12
TEST_NAME_LETTERS = 60

# Every entry says why. A list that grows is a rule that is wrong.
LONG_FILES = {
    "service/service.py": "one method for each operation: the list is the point",
    "cli/app.py": "one entry for each command: the list is the point",
    "model/request.py": "one definition of each task field: the list is the point",
    "errors.py": "one class for each error: the list is the point",
    "__init__.py": "one line for each public name: the list is the point",
}
LONG_FUNCTIONS: dict[str, str] = {}
JSON = "a JSON object of the author's own passes through"
FOREIGN = "values of another system, of any type, are read here"
LARGE_PROTOCOLS = {
    "SyncCalls": "one method for each call that a handler may make: the list is the point",
    "ConcurrencyLimits": "slots, rates, overlap keys and quotas are one node, taken in one commit",
}
ANY_ALLOWED = {
    "cli/lazy_group.py": "the classes of commands, and their arguments, are typer's own",
    "operations/task_commands.py": JSON,
    "operations/edits/updated_task.py": "the fields of an update may have any value, rightly or not",
    "operations/parameters.py": "pydantic makes a model of places of any type",
    "model/constraints.py": JSON,
    "engine/execution/handler_call.py": "a handler may answer anything, rightly or not",
    "policies/unanswered/deferral_limits.py": JSON,
    "model/audit.py": JSON,
    "model/deferral.py": JSON,
    "model/request.py": JSON,
    "model/task.py": JSON,
    "stores/embedded/arcadedb.py": "the engine's rows",
    "stores/embedded/cursor.py": "the engine's binding is untyped",
    "stores/rows/node_rows.py": "the engine's rows become values here",
    "stores/commits/statement.py": "the engine's rows",
    "stores/embedded/threads.py": "what a call returns goes from thread to thread",
    "service/service.py": JSON,
    "surfaces/rest/schemas.py": JSON,
    "surfaces/mcp/server.py": "the SDK's contexts and servers carry values of any type",
    "surfaces/mcp/confirmation.py": "the SDK's contexts and servers carry values of any type",
    "surfaces/frameworks/langchain_tools.py": FOREIGN,
    "surfaces/frameworks/langgraph_wake.py": FOREIGN,
    "surfaces/frameworks/openai_tools.py": FOREIGN,
    "surfaces/frameworks/openai_wake.py": FOREIGN,
    "surfaces/frameworks/pydantic_ai_wake.py": FOREIGN,
    "surfaces/frameworks/pydantic_ai_capability.py": FOREIGN,
    "surfaces/tools/scheduler_tools.py": JSON,
    "surfaces/tools/signatures.py": "types are values here",
    "cli/views/set_files.py": "the library is untyped",
    "operations/declared_request.py": JSON,
    "operations/sets/task_sets.py": JSON,
    "operations/calendars/holiday_dates.py": "the library is untyped",
    "operations/calendars/ical_events.py": "the library's values are of many types",
    "schedules/importers/apscheduler.py": FOREIGN,
    "schedules/importers/apscheduler_fields.py": FOREIGN,
    "schedules/importers/apscheduler_state.py": FOREIGN,
    "schedules/importers/celery_entries.py": FOREIGN,
    "schedules/importers/celery_settings.py": FOREIGN,
    "schedules/importers/django_beat.py": FOREIGN,
    "schedules/importers/entries.py": FOREIGN,
    "schedules/importers/plain_values.py": FOREIGN,
    "cli/views/sources.py": FOREIGN,
}
BROAD_EXCEPTS = {
    "engine/execution/cancellation.py": "whatever a look raises is logged; the next one follows",
    "cli/commands/take.py": "whatever goes wrong in a hook is said in one line, and the host's session begins",
    "cli/views/serve.py": "what an agent's value shows of itself may fail; a line about it is all that is lost",
    "engine/execution/handler_call.py": "a handler may raise anything; one bad task stops no other",
    "errors.py": "a caller's own value may raise anything when it is pickled",
    "engine/faults.py": "whatever a part of the scheduler's work raises is told; the work goes on",
    "schedules/importers/apscheduler_state.py": "a broken pickle may raise anything, and its job is refused",
    "engine/execution/handler_threads.py": "whatever a handler raises on a thread goes to the loop that waits for it",
    "engine/gates/host_answer.py": "whatever a host raises when it is asked, the gate stays closed",
    "engine/execution/heartbeat.py": "whatever a renewal raises is logged; leases go on being renewed",
    "engine/execution/outcome_writer.py": "an outcome that is known is never thrown away, whatever its write raises",
    "stores/embedded/writer.py": "whatever a commit raises is handed to its callers; the writer thread lives on",
    "stores/neo4j/write_queue.py": "whatever a commit raises goes to its callers; the next group is committed",
    "stores/embedded/threads.py": "whatever a call into the engine raises is handed to its caller; the thread lives on",
    "surfaces/mcp/server.py": "whatever a tool raises is logged, and answered; the server goes on",
    "surfaces/tools/scheduler_tools.py": "whatever a tool raises is logged, and answered; the agent goes on",
    "surfaces/rest/security.py": "whatever a route raises is logged, and answered, with the request's id",
}
FORBIDDEN_NAMES = {"base", "common", "core", "helper", "helpers", "impl", "manager", "misc", "util", "utils"}

# Written so that this file does not match itself.
OF_ONE_MACHINE = re.compile(
    r"/wor[k]/(?:main|shared)|/roo[t]/|/hom[e]/[a-z]+/|/User[s]/[A-Za-z]+/|/op[t]/wheels"
    r"|index-ur[l]|find-link[s]|trusted-hos[t]|--has[h]=|@ fil[e]:"
    r"|https?://[^/\s]*(?:artifac[t]|nexu[s]|registr[y]|prox[y]|mirro[r])[^/\s]*"
)
NOT_READ = {".png", ".ico", ".gz"}


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix().removeprefix("plugin/remembrancer/")


def lines_of(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), filename=str(path))


@cache
def functions() -> dict[str, int]:
    """Every function of the package by "file::name:line", with its length in lines."""
    return {
        f"{shown(path)}::{node.name}:{node.lineno}": (node.end_lineno or 0) - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@cache
def tracked() -> list[Path]:
    """Every file of the repository; of the folder, where there is no git history."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        return [*SOURCES, *ROOT.glob("*.*"), *(ROOT / "tests").rglob("*.py")]
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def code_lines(path: Path) -> int:
    """Count the lines of a file without its docstrings."""
    texts = [
        node.value
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    return len(lines_of(path)) - sum((text.end_lineno or text.lineno) - text.lineno + 1 for text in texts)


def test_no_file_is_longer_than_a_sitting() -> None:
    long = {shown(path): lines for path in SOURCES if (lines := code_lines(path)) > FILE_LINES}
    assert {name: lines for name, lines in long.items() if name not in LONG_FILES} == {}
    assert LONG_FILES.keys() <= long.keys(), "an exception that is not needed any more"


def test_no_function_is_longer_than_a_screen() -> None:
    long = {name: lines for name, lines in functions().items() if lines > FUNCTION_LINES}
    unexplained = {name: lines for name, lines in long.items() if name.rsplit(":", 1)[0] not in LONG_FUNCTIONS}
    assert unexplained == {}


def test_most_functions_are_short() -> None:
    assert statistics.median(functions().values()) <= MEDIAN_FUNCTION_LINES


def members(each: type) -> set[str]:
    """The methods and attributes that a port declares, or inherits from another port."""
    ports = [part for part in each.__mro__ if part.__module__.startswith("remembrancer")]
    return {name for part in ports for name in (*vars(part), *part.__annotations__) if not name.startswith("_")}


def test_a_port_has_at_most_twelve_members() -> None:
    modules = [import_module(f"remembrancer.ports.{path.stem}") for path in SOURCES if path.parent.name == "ports"]
    classes = {each for module in modules for each in vars(module).values() if isinstance(each, type)}
    ports = {each for each in classes if getattr(each, "_is_protocol", False)}
    large = {each.__name__: sorted(members(each)) for each in ports if len(members(each)) > PROTOCOL_MEMBERS}
    assert {name: names for name, names in large.items() if name not in LARGE_PROTOCOLS} == {}
    assert LARGE_PROTOCOLS.keys() <= large.keys(), "an exception that is not needed any more"


def test_a_graph_adds_little_to_its_ports() -> None:
    ports = {name for name, kind in Graph.__annotations__.items() if kind != "bool"}
    assert members(Graph) - ports == {"exclusive", "query", "idle_work", "close"}


def test_every_module_is_named_for_what_it_holds() -> None:
    vague = [
        shown(path)
        for path in SOURCES
        if not FORBIDDEN_NAMES.isdisjoint(part.removesuffix(".py") for part in path.relative_to(ROOT).parts)
    ]
    assert vague == []


def test_any_stays_where_untyped_values_come_in() -> None:
    using = {
        shown(path)
        for path in SOURCES
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Name) and node.id == "Any") or (isinstance(node, ast.Attribute) and node.attr == "Any")
    }
    assert using - ANY_ALLOWED.keys() == set()
    assert ANY_ALLOWED.keys() - using == set(), "an exception that is not needed any more"


def keeps_everything(handler: ast.ExceptHandler) -> bool:
    """Whether *handler* catches whatever comes, and does not simply pass it on."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    last = handler.body[-1]
    passes_on = isinstance(last, ast.Raise) and last.exc is None
    return not passes_on and any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"}) for kind in kinds
    )


def test_whatever_comes_is_caught_only_where_it_must_be() -> None:
    broad = [
        shown(path)
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and keeps_everything(node)
    ]
    assert set(broad) == set(BROAD_EXCEPTS)


def test_every_silenced_check_names_its_rule() -> None:
    bare = [
        f"{shown(path)}:{number}"
        for path in SOURCES
        for number, line in enumerate(lines_of(path), 1)
        if re.search(r"#\s*(?:noqa(?!: [A-Z]+\d+)|type: ignore(?!\[)|pyright: ignore(?!\[))", line)
    ]
    assert bare == []


def test_what_the_package_imports_it_declares() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    frameworks = ("langchain", "langgraph", "openai-agents", "pydantic-ai")
    groups = ("calendars", "mcp", "neo4j", "prometheus", "rest", *frameworks)
    extras = [item for group in groups for item in project["optional-dependencies"].get(group, [])]
    declared = {re.split(r"[^\w-]", item)[0].replace("-", "_") for item in [*project["dependencies"], *extras]}
    imported = {name.split(".")[0] for path in SOURCES for name in imports(tree(path))}
    ours = {"remembrancer", "remembrancer_schema"}
    # Parts of FastAPI and mcp; what opentelemetry-…, openai-agents and pydantic-ai-slim install.
    declared |= {"starlette", "mcp_types", "opentelemetry", "agents", "pydantic_ai"}
    assert imported - sys.stdlib_module_names - ours - declared == set()


def imports(module: ast.Module) -> list[str]:
    plain = [alias.name for node in ast.walk(module) if isinstance(node, ast.Import) for alias in node.names]
    return plain + [node.module for node in ast.walk(module) if isinstance(node, ast.ImportFrom) and node.module]


def test_importing_the_package_loads_no_engine_or_command_line() -> None:
    heavy = [
        "agents",
        "arcadedb",
        "fastapi",
        "matplotlib",
        "mcp",
        "neo4j",
        "networkx",
        "opentelemetry",
        "rich",
        "typer",
        "uvicorn",
    ]
    answer = run(f"import sys, remembrancer; print([name for name in {heavy} if name in sys.modules])")
    assert (answer.stdout.strip(), answer.stderr) == ("[]", "")


def test_every_public_name_is_there() -> None:
    answer = run(
        "import remembrancer as r\n"
        "assert len(set(r.__all__)) == len(r.__all__)\n"
        "[getattr(r, name) for name in r.__all__]"
    )
    assert (answer.returncode, answer.stderr) == (0, "")


def test_the_floors_hold() -> None:
    answer = run("import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))")
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_data_dictionary_lists_every_query() -> None:
    dictionary = (ROOT / "graph_schema/remembrancer_schema/README.md").read_text("utf-8")

    written = {query.written for query in catalog.queries().values()}
    assert sorted(name for name in written if f"`{name}`" not in dictionary) == []


def test_every_make_command_says_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    assert sorted(re.findall(r"^(\w+):.*## \S", makefile, re.MULTILINE)) == sorted(phony.group(1).split())


def test_the_changelog_knows_this_version() -> None:
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_constraints_are_exact_versions_and_nothing_else() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\w.!+]+", pin)] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pinned = {pin.split("==")[0].lower().replace("_", "-") for pin in pins}
    assert {re.split(r"[^\w-]", item)[0].lower() for item in project["dependencies"]} <= pinned


def test_the_pins_of_frameworks_are_exact_versions() -> None:
    for path in (ROOT / "tests/hosts/frameworks").glob("*.txt"):
        pins = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
        assert [pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\w.!+]+", pin)] == []


def test_no_file_speaks_of_one_machine() -> None:
    found = [
        f"{shown(path)}: {match.group()}"
        for path in tracked()
        if path.suffix not in NOT_READ
        for match in OF_ONE_MACHINE.finditer(path.read_text("utf-8", errors="replace"))
    ]
    assert found == []


MODULES = 20
LARGE_FOLDERS = {
    "model": "a flat list of like things: one module for each concept",
    "cli/commands": "a flat list of like things: one module for each command",
    "policies": "a flat list of like things: one module for each policy",
    "ports": "a flat list of like things: one module for each port",
}
# The rules of names and prose.
ING_ALLOWED = {"testing", "parsing", "planning", "tracing"}
SAME_CLASS_NAME = {
    "Run": "a policy's decision to run an occurrence, and the run of it in the engine",
    "Batch": "the executor's and the committer's group of writes",
    "TaskCreation": "the operation, and the report about it",
    "Telemetry": "the port, and the report made through it",
    "_Held": "what is held: two private classes",
}
QUESTION = re.compile(r"(?:What|Which|Who|Where|When|How|Whether)\b")
BANNED = re.compile(r"\b(?:nobody|whoever|anew|of ours|the door|any more|puts? off|putting off|told)\b", re.IGNORECASE)
# A user of Debian, in the reader of system crontabs.
NAMES_OF_USERS = {"nobody"}


def test_module_names_are_no_gerunds() -> None:
    gerunds = {path.stem for path in SOURCES if path.stem.rsplit("_", 1)[-1].endswith("ing")}
    assert gerunds - ING_ALLOWED == set()


def test_no_class_name_is_used_twice() -> None:
    places: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(shown(path))
    twice = {name: where for name, where in places.items() if len(where) > 1}
    assert {name: where for name, where in twice.items() if name not in SAME_CLASS_NAME} == {}
    assert SAME_CLASS_NAME.keys() - twice.keys() == set(), "an exception that is not needed"


def test_module_docstrings_name_what_they_hold() -> None:
    assert [shown(path) for path in SOURCES if QUESTION.match(ast.get_docstring(tree(path)) or "")] == []


def test_names_of_tests_are_short() -> None:
    long = {
        f"{path.parent.name}/{path.stem}: {node.name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and len(node.name) > TEST_NAME_LETTERS
    }
    assert long == set()


def docstrings(path: Path) -> list[str]:
    """Every docstring of a file, those of attributes included."""
    return [
        node.value.value
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]


def test_docstrings_begin_with_no_question() -> None:
    asking = {
        f"{shown(path)}: {text.splitlines()[0]}"
        for path in SOURCES
        for text in docstrings(path)
        if QUESTION.match(text)
    }
    assert asking == set()


def test_texts_have_no_banned_words() -> None:
    unplain = {
        shown(path)
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and BANNED.search(node.value)
        if node.value not in NAMES_OF_USERS
    }
    assert unplain == set()


def test_packages_list_their_modules() -> None:
    missing = {
        f"{shown(path.parent)}: {inner.stem}"
        for path in SOURCES
        if path.name == "__init__.py" and path.parent.name not in {"remembrancer", "remembrancer_schema"}
        for inner in path.parent.iterdir()
        if (inner.suffix == ".py" and inner.name != "__init__.py") or (inner / "__init__.py").exists()
        if f"`{inner.stem}`" not in (ast.get_docstring(tree(path)) or "")
    }
    assert missing == set()


def test_folders_stay_small() -> None:
    large = {
        shown(folder): count
        for folder in {path.parent for path in SOURCES}
        if (count := sum(1 for each in folder.iterdir() if each.suffix == ".py" and each.name != "__init__.py"))
        > MODULES
    }
    assert {name: count for name, count in large.items() if name not in LARGE_FOLDERS} == {}
    assert LARGE_FOLDERS.keys() <= large.keys(), "an exception that is not needed"
