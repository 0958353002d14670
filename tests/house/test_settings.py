"""Settings: every default stands in config.yaml, and what is wrong is named with its line."""

from dataclasses import asdict, fields

import pytest
import yaml

from errors import BadConfig
from imaging.stages import STAGES
from settings import _built_in, default_file, load, parse_changes, with_stages


@pytest.fixture(scope="module")
def shipped():
    return yaml.safe_load(default_file().read_text(encoding="utf-8"))


def test_config_yaml_names_every_setting_with_its_default(shipped):
    built_in = _built_in()
    sections = {"general": built_in.general, "limits": built_in.limits, "archive": built_in.archive,
                "ministry": built_in.ministry, "watch": built_in.watch, "scan": built_in.scan,
                "sampling": built_in.sampling, "signature": built_in.signature, "page": built_in.page,
                "phone": built_in.phone, "batch": built_in.batch, **built_in.stages}
    for name, params in sections.items():
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(params).items()}
        assert shipped[name] == plain, name
    assert shipped.keys() == {*sections, "kinds", "places", "books"}


def test_every_setting_has_a_comment():
    lines = default_file().read_text(encoding="utf-8").splitlines()
    keys = [(number, line) for number, line in enumerate(lines) if line.startswith("  ") and ":" in line.split("#")[0]]
    assert len(keys) > 20
    bare = [line for number, line in keys if "#" not in line and not lines[number - 1].strip().startswith("#")]
    assert bare == []


def test_stages_stand_in_the_order_of_their_work(shipped):
    names = [stage.name for stage in STAGES]
    assert [key for key in shipped if key in names] == names


def _written(tmp_path, text):
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_own_file_is_laid_over_the_defaults(tmp_path):
    settings = load(_written(tmp_path, "general:\n  language: en\n  jobs: 3\n"))
    assert (settings.general.language, settings.general.jobs) == ("en", 3)
    assert settings.general.seconds == load().general.seconds


def test_settings_of_a_book_override_the_rest(tmp_path):
    text = "books:\n  KH.1994.14800.03:\n    layout: spread\n    paper: A3\n    deskew:\n      degrees: 0.5\n"
    settings = load(_written(tmp_path, text))
    hints = settings.book("KH.1994.14800.03").hints
    assert (hints.layout, hints.paper) == ("spread", "A3")
    assert settings.for_book("KH.1994.14800.03").stages["deskew"].degrees == 0.5
    assert settings.for_book("KH.1994.14800.04").stages["deskew"] == settings.stages["deskew"]


@pytest.mark.parametrize(("text", "code", "line", "nearest"), [
    ("general:\n  langage: vi\n", "config_unknown_key", 2, "general.language"),
    ("genral:\n  language: vi\n", "config_unknown_key", 1, "general"),
    ("books:\n  KH.1994.14800.03:\n    layuot: spread\n", "config_unknown_key", 3, "layout"),
    ("general:\n  jobs: many\n", "config_wrong_kind", 2, None),
    ("general:\n  - jobs\n", "config_wrong_kind", 1, None),
    ("general:\n  jobs: 1\n  jobs: 2\n", "config_twice", 3, None),
    ("general: [\n", "config_syntax", 2, None),
])
def test_what_is_wrong_is_named_with_its_line(tmp_path, text, code, line, nearest):
    with pytest.raises(BadConfig) as caught:
        load(_written(tmp_path, text))
    assert (caught.value.code, caught.value.facts["line"]) == (code, line)
    if nearest:
        assert caught.value.facts["nearest"] == nearest


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(BadConfig) as caught:
        load(tmp_path / "nowhere.yaml")
    assert caught.value.code == "config_missing"


def test_an_empty_file_changes_nothing(tmp_path):
    assert load(_written(tmp_path, "# nothing yet\n")) == load()


def test_changes_on_the_command_line_are_checked_like_a_file():
    changed = with_stages(load().stages, parse_changes(["deskew.degrees=0.4"]))
    assert changed["deskew"].degrees == 0.4
    for wrong, code in [("deskew", "setting_form"), ("deskw.degrees=1", "setting_unknown"),
                        ("deskew.degreees=1", "config_unknown_key"), ("deskew.degrees=[]", "config_wrong_kind")]:
        with pytest.raises(BadConfig) as caught:
            parse_changes([wrong])
        assert caught.value.code == code


def test_settings_are_frozen():
    settings = load()
    for section in (settings, settings.general, *settings.stages.values()):
        with pytest.raises(AttributeError):
            setattr(section, fields(section)[0].name, None)
