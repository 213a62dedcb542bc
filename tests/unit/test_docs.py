"""The documents say what the code does: every name is there, every example is true, the house is as described."""

from __future__ import annotations

import argparse
import ast
import configparser
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from einvoiced import cli, client, config, errors
from einvoiced.actions.box import Box
from einvoiced.hardware.clock.virtual import VirtualClock
from einvoiced.hardware.lamps import PATTERNS
from einvoiced.journal import entries
from einvoiced.rpc import methods, registry, server
from hw_tests import command
from hw_tests.pictures import words
from tools import error_table, platform_codes, protocol_examples
from tools.virtualbox import VirtualBox

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "daemon" / "einvoiced"


def read(name: str) -> str:
    """A document's text."""
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, title: str, level: str = "##") -> str:
    """What stands under a heading, up to the next of its level or above."""
    found = re.search(
        rf"^{level} {re.escape(title)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert found, f"there is no heading {level} {title}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The rows of the tables in a text, without heads' lines of dashes."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def first_cells(text: str) -> set[str]:
    """The names in backticks that begin the rows of a text's tables."""
    return {found[1] for row in rows(text) if (found := re.fullmatch(r"`([^`]+)`", row[0]))}


# -- the protocol manual -----------------------------------------------------------------------------------------------


def all_methods() -> dict[str, registry.Method]:
    """The methods of a box that does not run."""
    nothing: Any = None
    return methods.Methods(Box(VirtualClock(), ROOT), nothing, nothing, nothing).registry.all


METHODS = all_methods()
PROTOCOL = read("docs/protocol.md")
DOCUMENTS = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))


def paths(kind: Any, prefix: str = "") -> Iterator[str]:
    """The dotted names of all fields of a parameters' struct, `lines[].unit` for those inside arrays."""
    if isinstance(kind, msgspec.inspect.UnionType):
        for each in kind.types:
            yield from paths(each, prefix)
    elif isinstance(kind, msgspec.inspect.ListType):
        yield from paths(kind.item_type, f"{prefix}[]")
    elif isinstance(kind, msgspec.inspect.StructType):
        for field in kind.fields:
            path = f"{prefix}.{field.encode_name}" if prefix else field.encode_name
            yield path
            yield from paths(field.type, path)


def is_required(method: registry.Method, name: str) -> bool:
    """Whether a parameter of the method must be sent."""
    (kind,) = msgspec.inspect.multi_type_info([method.params])
    assert isinstance(kind, msgspec.inspect.StructType)
    return next(field.required for field in kind.fields if field.name == name)


@pytest.mark.parametrize("name", METHODS)
def test_every_parameter_stands_in_the_manual(name: str) -> None:
    """A method's section lists exactly its parameters, nested ones too, and says which must be sent."""
    text = section(PROTOCOL, name)
    head, _, table = text.partition("| parameter |")
    listed = {row[0].strip("`"): row[1] for row in rows("| parameter |" + table.partition("\n\n")[0])[1:]}
    assert set(listed) == set(paths(msgspec.inspect.type_info(METHODS[name].params)))
    for parameter, always in listed.items():
        if "." not in parameter and always in ("yes", "no"):
            assert (always == "yes") == is_required(METHODS[name], parameter), parameter
    assert listed or "No parameters" in head


def test_the_manual_has_no_method_that_the_box_has_not() -> None:
    """Each heading under Methods is a method."""
    _, _, after = PROTOCOL.partition("\n# Methods\n")
    assert sorted(re.findall(r"^## (.+)$", after, re.MULTILINE)) == sorted(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_the_manual_says_which_socket_has_the_method(name: str) -> None:
    """A method that tills may call says both sockets and stands in the table of sockets."""
    sockets = METHODS[name].sockets
    (till,) = (row for row in rows(section(PROTOCOL, "Sockets")) if row[0] == "till")
    assert (f"`{name}`" in till[4]) == (registry.TILL in sockets)
    said = section(PROTOCOL, name).partition("|")[0]
    assert ("Both sockets" if registry.TILL in sockets else "Admin socket") in said


def test_the_manuals_limits_are_the_servers() -> None:
    """Line length, connections, requests under way and unread bytes, of both sockets."""
    table = [[cell.replace(",", "") for cell in row] for row in rows(section(PROTOCOL, "Framing and limits"))[:5]]
    till, admin = server.Limits(), server.ADMIN_LIMITS
    wanted = [[str(getattr(limits, name)) for limits in (till, admin)] for name in till.__struct_fields__]
    assert [row[1:3] for row in table[1:]] == wanted


def test_the_manual_names_its_protocol_version() -> None:
    """So that a till's programmer knows which box it describes."""
    assert f"protocol **{methods.PROTOCOL}**" in PROTOCOL


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Any, Any]]]:
    """The manual's conversation, held again with a new box."""
    from tests.boxes import fresh_folder

    folder = fresh_folder("manual")
    with VirtualBox(folder) as box:
        box.start()
        yield protocol_examples.capture(box)
    shutil.rmtree(folder, ignore_errors=True)


def examples() -> dict[str, tuple[Any, Any]]:
    """The manual's examples: name → (request, answer)."""
    found = re.findall(r"<!-- example (\S+) -->\n```json\n(.*?)\n```\n<!-- end -->", PROTOCOL, re.DOTALL)
    decoder = json.JSONDecoder()
    said = {}
    for name, text in found:
        request, end = decoder.raw_decode(text)
        said[name] = (request, decoder.decode(text[end:].strip()))
    return said


def shape(value: Any) -> Any:
    """Names and kinds without the values."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    return type(value).__name__


def test_every_method_has_an_example() -> None:
    """A request and what the box answered."""
    assert set(METHODS) <= set(examples())


@pytest.mark.parametrize("name", examples())
def test_an_example_is_what_a_box_answers(name: str, conversation: dict[str, tuple[Any, Any]]) -> None:
    """The same conversation with a new box has the same fields of the same kinds; refusals are the same ones."""
    (asked, answered), (asks, answers) = examples()[name], conversation[name]
    assert shape(asked) == shape(asks)
    assert shape(answered) == shape(protocol_examples.shortened(name, answers))
    assert answered.get("error", {}).get("code") == answers.get("error", {}).get("code")


def result_paths(value: Any, prefix: str = "") -> Iterator[str]:
    """The dotted names of the leaves of a result."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from result_paths(each, f"{prefix}.{name}" if prefix else name)
    elif isinstance(value, list) and value:
        for each in value:
            yield from result_paths(each, f"{prefix}[]")
    elif prefix:
        yield prefix


@pytest.mark.parametrize("name", METHODS)
def test_every_field_of_a_result_stands_in_the_manual(name: str, conversation: dict[str, tuple[Any, Any]]) -> None:
    """What the box answered is listed: the leaf itself, or the object that it belongs to."""
    known = first_cells(section(PROTOCOL, name))
    answer = protocol_examples.shortened(name, conversation[name][1]).get("result")
    missing = [path for path in result_paths(answer) if not any(_covers(listed, path) for listed in known)]
    assert not missing


def _covers(listed: str, path: str) -> bool:
    """Whether a row describes a path: itself, or an object whose fields are described elsewhere."""
    elsewhere = ("methods", "errors", "labels", "result", "uploads[].content", "uploads[]")
    return path == listed or (listed in elsewhere and path.startswith(listed))


# -- errors, lamps, journal --------------------------------------------------------------------------------------------


def test_the_page_of_errors_is_what_its_tool_prints() -> None:
    """docs/errors.md is made, not written: run `python -m tools.error_table > docs/errors.md`."""
    assert read("docs/errors.md") == error_table.table()


def test_the_page_of_platform_codes_is_what_its_tool_prints() -> None:
    """docs/platform-codes.md is made, not written."""
    assert read("docs/platform-codes.md") == platform_codes.table()


def test_every_error_is_on_the_page_of_errors() -> None:
    """Codes and names, those of classes that live beside their code too."""
    error_table.import_all()
    page = {(row[0], row[1].strip("`")) for row in rows(read("docs/errors.md"))}
    assert {(str(error.code), error.name) for error in errors.every()} <= page


def test_every_retry_class_is_explained() -> None:
    """In the page of errors and in the manual."""
    for retry in get_args(errors.Retry):
        assert f"| `{retry}` |" in read("docs/errors.md")
        assert f"`{retry}`" in section(PROTOCOL, "Errors")


def test_the_table_of_lamps_is_the_codes() -> None:
    """Each state with each lamp's rhythm, in the code's order, with a meaning in both languages."""
    table = rows(read("docs/lamps.md"))[1:]
    wanted = [[state.value, *(words(light) for _, light in pattern.lights())] for state, pattern in PATTERNS.items()]
    assert [row[:4] for row in table] == wanted
    assert all(row[4] and row[5] for row in table)


@pytest.mark.parametrize("name", entries.TYPES)
def test_every_type_of_entry_is_described(name: str) -> None:
    """With exactly its fields."""
    listed = first_cells(section(read("docs/journal.md"), name, "###"))
    assert listed == set(entries.TYPES[name].__struct_fields__)


def test_the_envelope_is_described() -> None:
    """All fields, in their order."""
    table = rows(section(read("docs/journal.md"), "Envelope"))[1:]
    assert [row[0].strip("`") for row in table] == list(entries.Envelope.__struct_fields__)


# -- configuration -----------------------------------------------------------------------------------------------------


def options() -> dict[str, Any]:
    """Every option with its default; msgspec.NODEFAULT where it must be given."""
    found = {}
    for part in msgspec.structs.fields(config.Config):
        for field in msgspec.structs.fields(part.type):
            default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
            found[f"{part.name}.{field.name}"] = default
    return found


def test_every_option_is_described_with_its_default() -> None:
    """docs/configuration.md lists exactly the options there are, and their defaults as TOML writes them."""
    listed = {row[0].strip("`"): row[2].strip("`") for row in rows(read("docs/configuration.md")) if "." in row[0]}
    wanted = {name: _toml(value) for name, value in options().items()}
    assert listed == wanted


def _toml(value: Any) -> str:
    if value is msgspec.NODEFAULT:
        return "none, needed"
    return "none" if value is None else json.dumps(value)


def test_the_example_file_is_good_and_complete() -> None:
    """It parses, every option stands in it (some behind a #), and what is set beyond the needed is the default."""
    text = read("config/einvoiced.toml")
    config.load(ROOT / "config" / "einvoiced.toml")
    everything = tomllib.loads(re.sub(r"^#([a-z_]+ = )", r"\1", text, flags=re.MULTILINE))
    assert {f"{part}.{name}" for part, section in everything.items() for name in section} == set(options())
    for name, default in options().items():
        part, _, option = name.partition(".")
        value = tomllib.loads(text)[part].get(option, default)
        assert value == default or default is msgspec.NODEFAULT or part == "seller" or name == "qr.key_file"


# -- commands ----------------------------------------------------------------------------------------------------------


def verbs(parser: argparse.ArgumentParser, prefix: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The full names of a parser's verbs."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield prefix, parser
    for group in groups:
        for name, below in group.choices.items():
            yield from verbs(below, f"{prefix} {name}")


VERBS = dict(verbs(cli._parser(), "einvoicectl"))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_einvoicectl_is_described(verb: str) -> None:
    """In its table, and its options in the page."""
    page = read("docs/einvoicectl.md")
    assert re.search(rf"^\| `{verb}[` ]", page, re.MULTILINE)
    for action in VERBS[verb]._actions:
        for option in action.option_strings:
            assert option in ("-h", "--help") or f"`{option}" in page, option


def test_what_people_are_told_to_type_exists() -> None:
    """Every `einvoicectl …` in a sentence, a page, a unit or the configuration is a verb of it."""
    groups = {verb.split()[1] for verb in VERBS if verb.count(" ") > 1}
    places = [
        *(ROOT / "daemon" / "einvoiced").rglob("*.py"),
        *(path for room in ("docs", "systemd", "config", ".") for path in (ROOT / room).glob("*.*")),
    ]
    told = [
        (path.name, " ".join(words[: 2 if words[0] in groups else 1]))
        for path in places
        if path.is_file()
        for words in map(str.split, re.findall(r"einvoicectl ([a-z]+(?: [a-z]+)?)", path.read_text(encoding="utf-8")))
    ]
    assert len(told) > 100
    assert [each for each in told if f"einvoicectl {each[1]}" not in VERBS] == []


def test_every_hardware_test_and_option_is_described() -> None:
    """docs/hw-tests.md lists the tests in their order, and the options."""
    page = read("docs/hw-tests.md")
    assert [name for name in first_cells_in_order(page) if name in command.TESTS] == list(command.TESTS)
    for option in command.parser()._option_string_actions.keys() - {"-h", "--help"}:
        assert f"| `{option}" in page


def first_cells_in_order(text: str) -> list[str]:
    """The first cells of a text's tables, without backticks."""
    return [row[0].strip("`") for row in rows(text)]


MAKEFILE = read("Makefile")


def make_verbs() -> list[str]:
    """The verbs that `make` prints."""
    return re.findall(r'@echo "make ([a-z-]+)', MAKEFILE)


@pytest.mark.parametrize("verb", make_verbs())
def test_every_make_verb_is_described_and_there(verb: str) -> None:
    """In CONTRIBUTING.md, and as a target."""
    assert f"`make {verb}`" in read("CONTRIBUTING.md")
    assert re.search(rf"^{verb}:", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("name", ["README.md", "README.zh-TW.md", "CONTRIBUTING.md"])
def test_the_commands_of_the_readmes_exist(name: str) -> None:
    """Every `make …` is a target, every link and every path in backticks leads to something."""
    text = read(name)
    for verb in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE):
        assert re.search(rf"^{verb}:", MAKEFILE, re.MULTILINE), verb
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (ROOT / target).exists(), target
    for path in re.findall(r"`((?:docs|config|systemd|hw_tests|tests|tools|daemon)/[\w./-]*)`", text):
        assert (ROOT / path).exists(), path


def test_links_between_the_documents_lead_somewhere() -> None:
    """Files of docs/ that point at each other."""
    for page in (ROOT / "docs").glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_readmes_python_example_works(make_box: Callable[..., VirtualBox], tmp_path: Path) -> None:
    """Both Python examples of both languages issue an invoice when pointed at a running box's socket."""
    box = make_box()
    box.start()
    box.take_tracks(("NQ", 42_519_550, 42_522_049))
    for name in ("README.md", "README.zh-TW.md"):
        for code in re.findall(r"```python\n(.*?)```", read(name), re.DOTALL):
            exec(code.replace(client.DEFAULT_SOCKET, box.socket("till")), {})
    assert box.status()["counts"]["last_number"] == "NQ42519553"


@pytest.mark.skipif(shutil.which("socat") is None, reason="socat is not installed")
def test_the_readmes_shell_example_works(make_box: Callable[..., VirtualBox]) -> None:
    """The request that is piped through socat gets its invoice."""
    box = make_box()
    box.start()
    box.take_tracks(("NQ", 42_519_550, 42_522_049))
    (code,) = re.findall(r"```sh\n(echo .*?)```", read("README.md"), re.DOTALL)
    code = code.replace(client.DEFAULT_SOCKET, box.socket("till"))
    done = subprocess.run(["sh", "-c", code], capture_output=True, check=True, timeout=30)
    assert json.loads(done.stdout)["result"]["invoice"]["invoice_number"] == "NQ42519550"


# -- the house ---------------------------------------------------------------------------------------------------------


def setup() -> configparser.ConfigParser:
    """setup.cfg."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg")
    return parser


def test_setup_cfg_lists_the_packages_there_are() -> None:
    """A new room that is not listed would be missing in the wheel."""
    found = {".".join(path.parent.relative_to(ROOT / "daemon").parts) for path in PACKAGE.rglob("__init__.py")}
    assert set(setup()["options"]["packages"].split()) == found | {"hw_tests"}


def test_every_dependency_has_its_reason() -> None:
    """Each package of setup.cfg has a row in CONTRIBUTING.md, and no other has."""
    parser = setup()
    texts = [parser["options"]["install_requires"], *parser["options.extras_require"].values()]
    wanted = {re.split(r"[ <>=;]", line)[0] for text in texts for line in text.splitlines() if line.strip()}
    assert first_cells(section(read("CONTRIBUTING.md"), "Dependencies")) == wanted


OPEN_TO_ALL = {"errors", ""}
"""einvoiced.errors, and the package itself for its version."""


def rules_of_the_house() -> dict[str, set[str]]:
    """Who may import whom, as CONTRIBUTING.md has it."""
    table = rows(section(read("CONTRIBUTING.md"), "The house"))[1:]
    names = re.compile(r"`(\w+)`")
    return {room: set(names.findall(row[1])) for row in table for room in names.findall(row[0])}


def imports(path: Path) -> Iterator[str]:
    """The rooms of einvoiced that a module imports, inside functions too; "" for the package itself."""
    package = ("einvoiced", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            inside = PACKAGE.joinpath(*module.split(".")[1:])
            modules = [
                f"{module}.{a.name}" if module == "einvoiced" and _is_module(inside / a.name) else module
                for a in node.names
            ]
        else:
            continue
        yield from ([*m.split("."), ""][1] for m in modules if m.split(".")[0] == "einvoiced")


def _is_module(path: Path) -> bool:
    return path.is_dir() or path.with_suffix(".py").exists()


def rooms() -> dict[str, list[Path]]:
    """Rooms (folders) and modules at the top, with their files."""
    found: dict[str, list[Path]] = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).parts
        found.setdefault(parts[0] if len(parts) > 1 else path.stem, []).append(path)
    return found


@pytest.mark.parametrize("room", [name for name, files in rooms().items() if len(files) > 1])
def test_every_room_has_its_rule(room: str) -> None:
    """A new folder must say whom it knows."""
    assert room in rules_of_the_house()


@pytest.mark.parametrize("room", rules_of_the_house())
def test_imports_point_one_way(room: str) -> None:
    """No module of a room imports anything beyond what the table allows it."""
    allowed = rules_of_the_house()[room] | OPEN_TO_ALL | {room}
    broken = {f"{path.name} imports {name}" for path in rooms()[room] for name in imports(path) if name not in allowed}
    assert not broken


def test_the_table_of_imports_has_no_circle() -> None:
    """Following the table from any room never comes back to it."""
    table = rules_of_the_house()

    def below(room: str, seen: frozenset[str]) -> None:
        assert room not in seen, f"{room} comes back to itself"
        for other in table.get(room, ()):
            below(other, seen | {room})

    for room in table:
        below(room, frozenset())


HEAVY = {"escpos", "PIL", "gpiozero", "lgpio", "pyudev", "serial", "segno", "cryptography", "lxml", "sqlite_utils"}


def test_heavy_libraries_are_not_imported_at_the_top() -> None:
    """The daemon would start slower: they are imported where they are used, or for types only."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            found |= {f"{path.relative_to(PACKAGE)}: {name}" for name in names if name.split(".")[0] in HEAVY}
    assert not found


def test_parts_follow_each_other_in_the_changelog() -> None:
    """Versions are headings, newest first, and the program's own is there."""
    import einvoiced

    versions = re.findall(r"^## (\d+)\.(\d+)\.(\d+)", read("CHANGELOG.md"), re.MULTILINE)
    numbers = [tuple(map(int, version)) for version in versions]
    assert all(newer > older for newer, older in pairwise(numbers))
    assert einvoiced.__version__ in {".".join(version) for version in versions}
