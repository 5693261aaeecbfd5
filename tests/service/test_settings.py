"""Settings: one definition, which Python, the environment, `serve` and the reference page share."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

import remembrancer
from reference_pages.settings import settings
from remembrancer import InvalidInput, SchedulerOptions, TaskSchedulerService
from remembrancer.cli.serve_options import SERVE_OPTIONS
from remembrancer.settings import OTHER_VARIABLES, PREFIX, SETTINGS, Setting

EACH = pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)


def other(setting: Setting) -> float:
    """A value in the bounds of *setting* that is not its default."""
    return setting.bounds.low if setting.default != setting.bounds.low else setting.bounds.high


def test_settings_are_the_fields_of_the_options() -> None:
    assert list(SETTINGS) == [each.name for each in fields(SchedulerOptions)]


@EACH
def test_every_setting_is_read_from_the_environment(setting: Setting) -> None:
    options = SchedulerOptions.from_environment(
        {setting.variable: f"{other(setting):.9f}" if not setting.whole else f"{other(setting)}"}
    )

    assert options == replace(SchedulerOptions(), **{setting.name: other(setting)})


@EACH
def test_every_setting_is_an_option_of_serve(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(setting.variable, str(setting.bounds.high if setting.name != "query_bytes" else 1000))
    asked = SERVE_OPTIONS(**{setting.name: str(setting.bounds.low)})

    assert getattr(asked.numbers(), setting.name) == setting.bounds.low


@EACH
def test_every_setting_is_in_the_reference(setting: Setting) -> None:
    (row,) = [each for each in settings().splitlines() if f"`{setting.name}`" in each]

    assert all(part in row for part in (setting.variable, setting.option, setting.bounds.help, setting.shown_default))


@EACH
@pytest.mark.parametrize("wrong", ["above", "below", "text", "truth"])
def test_a_setting_refuses_what_is_out_of_its_bounds(setting: Setting, wrong: str) -> None:
    values: dict[str, object] = {"above": setting.bounds.high + 1, "below": setting.bounds.low - 1, "text": "5"}
    with pytest.raises(InvalidInput) as refused:
        replace(SchedulerOptions(), **{setting.name: values.get(wrong, True)})

    assert refused.value.field == setting.name
    assert replace(SchedulerOptions(), **{setting.name: refused.value.example}) is not None


@pytest.mark.parametrize(
    ("name", "text", "number"),
    [
        ("lease_seconds", "1.5m", 90.0),
        ("lease_seconds", "500ms", 0.5),
        ("execution_retention_days", "90d", 90.0),
        ("execution_retention_days", "36h", 1.5),
        ("event_retention_seconds", " 2w ", 1_209_600.0),
        ("claim_batch_size", "12", 12),
    ],
)
def test_a_time_may_be_written_with_a_unit(name: str, text: str, number: float) -> None:
    assert SETTINGS[name].read(text, name) == number


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "12 d", "1e400", "nan", "٣"])
def test_a_count_takes_nothing_but_digits(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        SETTINGS["claim_batch_size"].read(text, "--claim-batch-size")

    assert refused.value.field == "--claim-batch-size"


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(InvalidInput, match="REMEMBRANCER_QUERY_ROWS"):
        SchedulerOptions.from_environment({"REMEMBRANCER_QUERY_ROWS": "many"})


def test_an_empty_variable_leaves_the_default() -> None:
    assert SchedulerOptions.from_environment({"REMEMBRANCER_QUERY_ROWS": ""}) == SchedulerOptions()


def test_the_check_interval_is_the_argument_or_the_option() -> None:
    options = SchedulerOptions(check_interval_seconds=7)

    assert TaskSchedulerService(options=options)._process.options.check_interval_seconds == 7
    assert TaskSchedulerService(check_interval_seconds=5, options=options)._process.options.check_interval_seconds == 5
    assert TaskSchedulerService()._process.options.check_interval_seconds == 60


@pytest.mark.parametrize("text", ["5d", "9" * 400, "9" * 5000, "0.000"])
@pytest.mark.parametrize("name", ["lease_seconds", "claim_batch_size"])
def test_a_refused_variable_is_quoted_as_it_was_written(name: str, text: str) -> None:
    variable = SETTINGS[name].variable
    with pytest.raises(InvalidInput) as refused:
        SchedulerOptions.from_environment({variable: text})

    assert (refused.value.field, refused.value.value) == (variable, text)
    assert refused.value.example is not None


def test_a_mistyped_variable_is_named_once_with_the_known_one(caplog: pytest.LogCaptureFixture) -> None:
    mistyped = {"REMEMBRANCER_LEASE_SECNDS": "5", "REMEMBRANCER_NEO4J_PASWORD": "x", "REMEMBRANCER_PORT": "8080"}
    known = {"REMEMBRANCER_GRAPH": "x", **{each.variable: "" for each in SETTINGS.values()}}
    for _ in range(2):
        assert SchedulerOptions.from_environment({**known, **mistyped}) == SchedulerOptions()

    assert [each.getMessage() for each in caplog.records] == [
        "The variable REMEMBRANCER_LEASE_SECNDS is ignored: REMEMBRANCER_LEASE_SECONDS is meant",
        "The variable REMEMBRANCER_NEO4J_PASWORD is ignored: REMEMBRANCER_NEO4J_PASSWORD is meant",
    ]


def test_every_variable_that_the_package_reads_is_known() -> None:
    package = Path(remembrancer.__file__).parent
    text = "".join(path.read_text("utf-8") for path in package.rglob("*.py"))
    read = set(re.findall(r"""["'](REMEMBRANCER_[A-Z0-9_]+)["']""", text)) - {PREFIX}

    assert read == set(OTHER_VARIABLES)
