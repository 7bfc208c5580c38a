"""A mistake in a rule file is told with file, line, rule, reason; the old rules stay in force."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import billtracker
from tests.tracker.classify.small_rules import RULES, small_rules
from tracker.classify import classify, force, rules_hash
from tracker.classify.check import check_rules
from tracker.classify.force import book_in_force, read_book
from tracker.rules.schema import TOPICS_FILE, RulesError
from tracker.settings import get_settings

DETAINERS = "Sheriffs; immigration detainers; honor"
FAULTS = {
    "typo in a key": ("  weight: 0.9", "  wieght: 0.9", "wieght: Extra inputs are not permitted"),
    "weight above 1": ("  weight: 0.9", "  weight: 9", "less than or equal to 1"),
    "unknown topic": ("topic: detainer-holds", "topic: detainers", "no topic 'detainers'"),
    "unknown stance": ("stance: cooperation", "stance: pro", "Input should be 'cooperation'"),
    "unknown list": ("honor* /8", "<honour> /8", "no word list <honour>"),
    "bad phrase": ("honor* /8", "h* /8", "at least two letters before the *"),
    "bad connector": ("honor* /8", "/8", "a connector needs a phrase on both sides"),
    "connector too far": ("honor* /8", "honor* /120", "'/120' joins nothing here"),
    "connector of no kind": ("honor* /8", "honor* /S", "'/S' joins nothing here"),
    "connector in unless": (
        "  find: [",
        "  unless: [a /8 b]\n  find: [",
        "'/8' joins nothing here",
    ),
    "too many words": ("honor* /8", "honor* _60", "from _1 to _30 words"),
    "no anchor": ("immigration detainer*]", "prisoner*]", "no word of 'anchors' is in"),
    "example not found": ("shall honor", "shall see", "does not match what it must"),
    "example misread": ("stance: expands", "stance: limits", "reads expands where it must"),
    "example found": ("An action in unlawful", "Honor an immigration", "matches what it must not"),
    "no counter-example": ("no-match:", "fields: [text] #", "no example of what it must not"),
}


def line_of(content: str, words: str) -> int:
    return content[: content.rindex(words)].count("\n") + 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mistake_is_told_with_its_place(fault: str, tmp_path: Path) -> None:
    before, after, reason = FAULTS[fault]
    content = small_rules()
    start = content.index(RULES)
    assert before in RULES
    content = content[:start] + RULES.replace(before, after)
    path = tmp_path / "topics.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RulesError) as raised:
        check_rules(path)
    place = "- id: detainer" if fault == "no counter-example" else after
    where = f"{path}:{line_of(content, place)}: rule detainer: "
    told = [str(one) for one in raised.value.problems if reason in one.reason]
    assert [one.startswith(where) for one in told] == [True], raised.value.problems


@pytest.mark.parametrize(
    ("added", "reason"),
    [
        (RULES.removeprefix("\nrules:\n"), "this id is taken by the rule in line"),
        ("threshold: 0.5\n", "'threshold' is written twice"),
        ("words: [\n", "no valid YAML"),
    ],
)
def test_doubles_and_broken_yaml_are_told(added: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "topics.yaml"
    path.write_text(small_rules() + added, encoding="utf-8")
    with pytest.raises(RulesError, match=reason):
        check_rules(path)


@pytest.mark.parametrize(
    ("added", "reason"),
    [
        (b"# caf\xe9 latte\n", "no UTF-8 text: "),
        (b"# a bell: \x07\n", "character 0x07: control characters are not allowed"),
        (b"  says: 2024-13-45\n", "'2024-13-45' is no date or number"),
    ],
)
def test_what_is_no_text_is_told_with_its_line(added: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "topics.yaml"
    content = small_rules().encode()
    path.write_bytes(content + added)
    with pytest.raises(RulesError) as raised:
        check_rules(path)
    line = content.count(b"\n") + 1
    assert str(raised.value).startswith(f"{path}:{line}: ")
    assert reason in str(raised.value)


def test_an_anchor_without_letters_is_refused(tmp_path: Path) -> None:
    """It would be in every text and let rules pass that have no anchor."""
    path = tmp_path / "topics.yaml"
    content = small_rules().replace("\nanchors:\n", '\nanchors:\n  - ""\n')
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RulesError) as raised:
        check_rules(path)
    line = line_of(content, '  - ""')
    assert f"{path}:{line}: anchors: an anchor needs letters" in str(raised.value)


def test_an_anchor_in_capitals_finds_any(tmp_path: Path) -> None:
    path = tmp_path / "topics.yaml"
    content = small_rules().replace("\nanchors:\n", "\nanchors:\n  - Nightingale\n")
    content = content.replace("immigration detainer*]", "nightingale]")
    path.write_text(content.replace("immigration detainers", "the NIGHTINGALE"), encoding="utf-8")
    assert check_rules(path).may_say_something("The nightingale protocol")


def test_a_file_saved_as_utf_16_is_read(tmp_path: Path) -> None:
    path = tmp_path / "topics.yaml"
    path.write_text(small_rules(), encoding="utf-16")
    assert [one.rule.id for one in check_rules(path).rules] == ["detainer"]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "topics.yaml"
    content = (
        small_rules()
        .replace("honor* /8", "h* /8")
        .replace("\nadjacent:\n", "\nadjacent:\n  - x*\n")
    )
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RulesError) as raised:
        read_book(path)
    assert len(raised.value.problems) == 2


@pytest.fixture
def operators_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "topics.yaml"
    path.write_text(small_rules(), encoding="utf-8")
    monkeypatch.setenv("BILLTRACKER_TOPICS_FILE", str(path))
    yield path
    book_in_force.cache_clear()


def restart() -> None:
    get_settings.cache_clear()
    book_in_force.cache_clear()


def test_the_last_good_rules_stay_in_force(
    operators_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    restart()
    good = rules_hash()
    assert [one.rule.id for one in book_in_force().rules] == ["detainer"]
    operators_file.write_text(small_rules().replace("shall honor", "shall see"), encoding="utf-8")
    restart()
    assert rules_hash() == good
    assert "does not match what it must" in capsys.readouterr().err
    operators_file.write_text(small_rules().replace("weight", "wieght"), encoding="utf-8")
    restart()
    assert rules_hash() == good
    assert classify(DETAINERS).relevant
    assert not classify("Sheriffs; agreements under section 287(g); require").relevant
    said = capsys.readouterr().err
    assert f"{operators_file}:" in said
    assert "topics-last-good.yaml stay in force" in said


def test_rules_that_never_were_good_leave_those_of_the_program(
    operators_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    operators_file.write_text("rules: []\n", encoding="utf-8")
    restart()
    assert rules_hash() == read_book(TOPICS_FILE).hash
    assert "topics.yaml stay in force" in capsys.readouterr().err


def test_the_programs_own_rules_stay_too_until_newer_good_ones_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = tmp_path / "shipped.yaml"
    monkeypatch.setattr(force, "TOPICS_FILE", shipped)
    shipped.write_text(small_rules(), encoding="utf-8")
    restart()
    good = rules_hash()
    shipped.write_text(small_rules().replace("threshold:", "threshhold:"), encoding="utf-8")
    restart()
    assert rules_hash() == good
    assert "topics-last-good-default.yaml stay in force" in capsys.readouterr().err
    shipped.write_text(small_rules() + "# mended\n", encoding="utf-8")
    restart()
    assert rules_hash() == read_book(shipped).hash != good
    book_in_force.cache_clear()


def test_a_mistake_in_the_first_rules_of_all_is_told_by_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped.yaml"
    monkeypatch.setattr(force, "TOPICS_FILE", shipped)
    shipped.write_text(small_rules().replace("threshold:", "threshhold:"), encoding="utf-8")
    (tmp_path / "bills.jsonl").touch()
    for command in (
        ("classify", "--input", tmp_path / "bills.jsonl", "--output", tmp_path / "out.jsonl"),
        ("rules", "replay", "--dry-run"),
        ("run", "--no-crawl", "--no-send"),
    ):
        restart()
        told = billtracker(*command)
        assert isinstance(told.exception, SystemExit)
        assert told.exit_code == 1
        assert f"{shipped}:" in told.output
        assert "threshhold: Extra inputs are not permitted" in told.output


def test_a_mended_file_comes_into_force(operators_file: Path) -> None:
    operators_file.write_text("rules: [", encoding="utf-8")
    restart()
    operators_file.write_text(small_rules() + "# mended\n", encoding="utf-8")
    restart()
    assert rules_hash() == read_book(operators_file).hash
