"""The first screen in plain text: findings with their certainty in words, then one line a chapter."""

from __future__ import annotations

import textwrap
from collections import Counter

from separatrix.certainty import Statement
from separatrix.errors import printable
from separatrix.study.analysis import Analysis
from separatrix.study.portrait import Portrait
from separatrix.views.notation import domain_text
from separatrix.views.tables import count, percent, plural, seconds

WIDTH = 80
MOST_LINES = 24
BADGE = 12


def screen(analysis: Analysis) -> str:
    """One screen of at most 80 columns and about 24 lines."""
    head, foot = _head(analysis), _chapters(analysis)
    room = max(6, MOST_LINES - len(head) - len(foot) - 2)
    body, shown = [], 0
    for finding in analysis.findings:
        lines = _finding(finding)
        if body and len(body) + len(lines) > room - (shown + 1 < len(analysis.findings)):
            break
        body, shown = body + lines, shown + 1
    if shown < len(analysis.findings):
        body.append(" " * BADGE + f"… and {plural(len(analysis.findings) - shown, 'more finding')} in the report")
    return "\n".join([*head, "", *body, "", *foot] if body else [*head, "", *foot])


def _finding(finding: Statement) -> list[str]:
    badge = f"[{finding.certainty}]".ljust(BADGE)
    return _wrapped(printable(finding.text, 1000), badge)


def _wrapped(text: str, first: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=" " * BADGE) or [first]


def _head(analysis: Analysis) -> list[str]:
    net = analysis.network
    text = f"{printable(net.name, 60)}: {printable(net.architecture, 60)}"
    if net.activations:
        text += f", {', '.join(dict.fromkeys(net.activations))}"
    if net.accuracy is not None:
        text += f", accuracy {percent(net.accuracy, 2)}" + (
            f" on {printable(net.accuracy_on, 60)}" if net.accuracy_on else ""
        )
    lines = textwrap.wrap(text, WIDTH)
    lines += (
        textwrap.wrap(f"studied on {printable(domain_text(analysis.domain))}", WIDTH)
        if analysis.domain is not None
        else []
    )
    return lines if analysis.is_finished else [*lines, "interrupted: this is what was finished"]


def _chapters(analysis: Analysis) -> list[str]:
    lines = [
        line
        for line in (
            _line(name, text)
            for name, text in (
                *((portrait.potential, _portrait(portrait)) for portrait in analysis.flow if not _is_odds(portrait)),
                ("log-odds", _log_odds([portrait for portrait in analysis.flow if _is_odds(portrait)])),
                ("theorems", _theorems(analysis)),
                ("checks", _checks(analysis)),
                (
                    "time",
                    seconds(analysis.provenance.seconds) if analysis.provenance and analysis.provenance.seconds else "",
                ),
            )
        )
        if line
    ]
    return [row for line in lines for row in line]


def _line(name: str, text: str) -> list[str]:
    if not text:
        return []
    name = printable(name, 40)
    return _wrapped(text, name.ljust(BADGE) if len(name) < BADGE else f"{name}: ")


def _is_odds(portrait: Portrait) -> bool:
    return portrait.potential.startswith("log-odds of class")


def _portrait(portrait: Portrait) -> str:
    sinks, basins = portrait.sinks, portrait.basins
    text = f"{plural(len(sinks), 'sink')}, {count(sinks.n_proved)} proved"
    if basins is not None:
        text += f"; {plural(basins.label.size, 'sample')}, {count(basins.n_unresolved)} unresolved"
    if portrait.changed is not None:
        text += f", {count(len(portrait.changed))} change sides"
    return text


def _log_odds(portraits: list[Portrait]) -> str:
    if not portraits:
        return ""
    total, proved = sum(len(p.sinks) for p in portraits), sum(p.sinks.n_proved for p in portraits)
    return f"{plural(len(portraits), 'potential')}, {plural(total, 'sink')}, {count(proved)} proved"


def _theorems(analysis: Analysis) -> str:
    named = [(theorem.number, theorem.applies) for theorem in analysis.theorems]
    parts = [
        (", ".join(number for number, applies in named if applies is verdict), words)
        for verdict, words in ((True, "hold"), (False, "do not apply"), (None, "not decided"))
    ]
    return "; ".join(f"{numbers} {words}" for numbers, words in parts if numbers)


def _checks(analysis: Analysis) -> str:
    verdicts = Counter(check.holds for check in analysis.consistency)
    words = ((True, "hold"), (False, "FAIL"), (None, "not decided"))
    return ", ".join(f"{verdicts[verdict]} {word}" for verdict, word in words if verdicts[verdict])
