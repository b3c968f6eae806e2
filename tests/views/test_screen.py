"""The first screen in plain text."""

import dataclasses

from separatrix import Analysis, Certainty
from separatrix.certainty import Statement
from tests.views.conftest import HOSTILE


def test_a_screen_is_80_columns_wide_and_leads_with_the_findings(images: Analysis, plane: Analysis) -> None:
    for analysis in (images, plane):
        lines = str(analysis).splitlines()
        assert max(map(len, lines)) <= 80
        assert len(lines) <= 26
        assert any(line.startswith("[proved]") for line in lines)
        assert any(line.startswith("log-density") for line in lines)


def test_many_long_findings_are_cut_and_counted(images: Analysis) -> None:
    many = tuple(Statement(f"finding {i} " + "word " * 60, Certainty.VERIFIED) for i in range(9))
    text = str(dataclasses.replace(images, findings=many))
    assert len(text.splitlines()) <= 26
    assert "more findings in the report" in text


def test_control_characters_never_reach_the_terminal(images: Analysis) -> None:
    network = dataclasses.replace(images.network, name=HOSTILE, accuracy_on=HOSTILE, architecture=HOSTILE)
    text = str(dataclasses.replace(images, network=network, findings=(Statement(HOSTILE, Certainty.UNKNOWN),)))
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_an_analysis_without_anything_prints(images: Analysis) -> None:
    assert images.network.name in str(Analysis(network=images.network, is_finished=False))
