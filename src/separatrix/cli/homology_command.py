"""``separatrix homology FILE``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from separatrix.homology.homology_record import Chain, Homology

SHOWN = 12


@click.command("homology")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--coefficients", default="Z", show_default=True, metavar="RING", help="Z, Q, or Z/p with a prime p.")
@click.option("--relative-to", "subcomplex", type=click.Path(path_type=Path), metavar="FILE",
              help="A subcomplex A, for the groups of the pair: its simplices, or numbers of cells by degree.")  # fmt: skip
@click.option("--generators", is_flag=True, help="Print a cycle for every generator.")
@click.option("--explain", is_flag=True, help="Write the computation out as by hand.")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "latex"]), default="text", show_default=True,
              help="How --explain writes.")  # fmt: skip
@click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Write groups, and with --generators all cycles, as JSON.")  # fmt: skip
def homology_command(
    file: Path,
    coefficients: str,
    subcomplex: Path | None,
    generators: bool,
    explain: bool,
    form: str,
    json_file: Path | None,
) -> None:
    """Print the homology of the complex in FILE: facets (.txt, .csv, .json) or boundary matrices (.npz, .json).

    Facets stand one a line, vertices with spaces or commas between. Boundary matrices are called d1, d2, …; their product
    must be zero.
    """
    from separatrix.cli.results import check_files, write_text
    from separatrix.data.complex_files import load_complex, load_subcomplex

    check_files(json_file, None)
    complex_ = load_complex(file)
    part = None if subcomplex is None else load_subcomplex(subcomplex, complex_)
    found = complex_.homology(coefficients, relative_to=part)
    if json_file is not None:
        write_text(json_file, _as_json(found, generators))
    if explain:
        click.echo(found.explain(form), nl=False)
        return
    click.echo(f"{complex_!r}{'' if part is None else ', relative to a subcomplex'}")
    for line in _lines(found, generators):
        click.echo(line)


def _lines(found: Homology, with_generators: bool) -> Iterator[str]:
    """The groups, one a line, with their generators if these are asked for."""
    for k in range(found.dim + 1):
        yield f"H_{k} = {found.group(k)}"
        if with_generators:
            chains = found.generators(k)
            yield from (f"  {_cycle(found, chain)}" for chain in chains[:SHOWN])
            if len(chains) > SHOWN:
                yield f"  … and {len(chains) - SHOWN:,} more; --json writes all"
    yield f"over {found.coefficients}; Euler characteristic {found.euler_characteristic}; {found.certainty}"


def _cycle(found: Homology, chain: Chain) -> str:
    from separatrix.homology.explain import cell_name
    from separatrix.homology.homology_record import short
    from separatrix.homology.notation import TextNotation

    pairs = zip(chain.cells[:SHOWN].tolist(), chain.coefficients[:SHOWN].tolist(), strict=True)
    text = TextNotation().chain([(value, cell_name(found, chain.degree, cell)) for cell, value in pairs])
    more = f" + … ({len(chain.cells):,} cells)" if len(chain.cells) > SHOWN else ""
    return (f"order {short(chain.order)}: " if chain.order else "") + text + more


def _as_json(found: Homology, with_generators: bool) -> str:
    """The record as JSON; cells of generators as lists of vertices, or numbers where there are none."""
    import json

    told = json.loads(found.to_json())
    told.pop("domain", None)
    told["groups"] = [found.group(k) for k in range(found.dim + 1)]
    if with_generators:
        told["generators"] = [[_chain(found, chain) for chain in found.generators(k)] for k in range(found.dim + 1)]
    return json.dumps(told, allow_nan=False, default=str)


def _chain(found: Homology, chain: Chain) -> dict[str, Any]:
    simplex = getattr(found.domain, "simplex", None)
    cells = chain.cells.tolist()
    named = cells if simplex is None else [list(simplex(chain.degree, cell)) for cell in cells]
    return {
        "order": _number(chain.order),
        "cells": named,
        "coefficients": [_number(v) for v in chain.coefficients.tolist()],
    }


def _number(value: int) -> int | str:
    """Integers whose decimals Python does not write as hexadecimal texts."""
    from separatrix.homology.homology_record import LONGEST_DECIMAL

    return value if abs(value) < LONGEST_DECIMAL else hex(value)
