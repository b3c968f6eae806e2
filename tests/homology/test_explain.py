"""Explanations: every printed equation is evaluated, the groups are those of the record, three renderings agree."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.complexes.cubical_complex import CubicalComplex
from separatrix.complexes.simplicial_complex import SimplicialComplex
from separatrix.data import complexes as known
from separatrix.errors import InputError, KindError
from separatrix.homology.chain_complex import ChainComplex
from separatrix.homology.explain import explain, explanation
from separatrix.homology.pair_reduction import taken_in_pairs

RP2 = ChainComplex([[[-1, 1], [1, -1]], [[2], [2]]])
MOORE = ChainComplex([[[0]], ([0], [0], [10**70], (1, 1))])


def as_text(explained: str) -> str:
    """LaTeX and Markdown formulas in the words of the text."""
    plain = re.sub(r"\\partial_\{(\d+)\}", r"d\1", explained)
    plain = re.sub(r"\\mathbb\{([ZQ])\}", r"\1", plain).replace(r"\langle ", "<").replace(r"\rangle", ">")
    plain = re.sub(r"_\{(\d+)\}", r"\1", plain).replace(r"\oplus", "+")
    return re.sub(r"\$|\\\(|\\\)", "", plain)


def chain(text: str, index: dict[str, int], n: int) -> np.ndarray:
    """The vector of a printed chain: ``a - 2 b`` or ``3 (a + b)``."""
    factor = 1
    multiple = re.fullmatch(r"(\d+) \(([^()]*)\)", text)
    if multiple:
        factor, text = int(multiple[1]), multiple[2]
    vector = np.zeros(n, dtype=object)
    if text != "0":
        for sign, size, name in re.findall(r"(^-|[+-] |^)(?:(\d+) )?([^ ]+)", text):
            vector[index[name]] += factor * (-1 if "-" in sign else 1) * int(size or 1)
    return vector


def check_equations(explained: str, complex_: ChainComplex, names: list[list[str]], modulus: int = 0) -> int:
    """Evaluate every printed d_k(chain) = chain with the matrices of the complex; how many there were."""
    text = re.sub(r"\n    +(?=\S)", " ", as_text(explained))
    found = re.findall(r"\bd(\d)\(([^=]*?)\) = (.*?)(?=, d\d|\n|$)", text)
    for degree, left, right in found:
        k = int(degree)
        below, above = ({name: i for i, name in enumerate(names[j])} for j in (k - 1, k))
        value = complex_.boundary_matrix(k) @ chain(left, above, len(above))
        difference = value - chain(right, below, len(below))
        assert not any(int(v) % modulus if modulus else v for v in difference), (degree, left, right)
    return len(found)


def letters(counts: tuple[int, ...]) -> list[list[str]]:
    return [[f"{'vefc'[k]}{i}" for i in range(n)] for k, n in enumerate(counts)]


def scrambled(orders: list[list[int]], counts: list[int], seed: int) -> ChainComplex:
    """A complex with d_k = diag(orders) on separate cells, in random bases."""
    rng = np.random.default_rng(seed)
    bases = [[np.eye(n, dtype=object), np.eye(n, dtype=object)] for n in counts]  # U and its inverse
    for pair in bases:
        for _ in range(2 * len(pair[0]) if len(pair[0]) > 1 else 0):
            i, j = rng.choice(len(pair[0]), 2, replace=False)
            c = int(rng.integers(-2, 3))
            pair[0][i] += c * pair[0][j]
            pair[1][:, j] -= c * pair[1][:, i]
    used, matrices = 0, []
    for k in range(1, len(counts)):
        plain = np.zeros((counts[k - 1], counts[k]), dtype=object)
        for i, order in enumerate(orders[k - 1]):
            plain[used + i, i] = order  # rows after those that are not cycles
        used = len(orders[k - 1])
        matrices.append(bases[k - 1][0] @ plain @ bases[k][1])
    return ChainComplex(matrices)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["Z", "Q", "Z/2", "Z/3", "Z/5"]))
def test_every_printed_equation_holds(seed: int, coefficients: str) -> None:
    rng = np.random.default_rng(seed)
    first = [int(v) for v in rng.choice([1, 1, 2, 3, 4, 6], rng.integers(0, 3))]
    second = [int(v) for v in rng.choice([1, 2, 3, 5, 6], rng.integers(0, 3))]
    counts = [len(first) + 1, len(first) + len(second) + int(rng.integers(0, 2)), len(second) + int(rng.integers(0, 2))]
    complex_ = scrambled([first, second], counts, seed)
    modulus = int(coefficients[2:]) if "/" in coefficients else 0
    made = explanation(complex_, coefficients)  # compares its groups with the record's
    n_equations = sum(len(step.images) + len(step.kernel) for step in made.steps[:-1])
    for form in ("text", "markdown", "latex"):
        told = explain(complex_, form, coefficients)
        torsion = sum(len(step.torsion) for step in made.steps) if coefficients == "Z" else 0
        assert check_equations(told, complex_, letters(complex_.counts), modulus) == n_equations + torsion
        words = as_text(told)
        for k in range(complex_.dim + 1):
            group = complex_.homology(coefficients).group(k)
            line = next(line for line in words.replace("\n    ", " ").splitlines() if re.search(rf"\bH_?{k} =", line))
            assert re.sub(r"[()^{}]", "", group) in re.sub(r"[()^{}]", "", line)


def test_the_projective_plane_of_two_cells_word_for_word() -> None:
    assert (
        explain(RP2)
        == """\
Homology over Z
  The complex has 2, 2, 1 cells in the degrees 0 to 2.

Chain groups and boundary operators
  C_2 = Z<f0> --d2--> C_1 = Z<e0, e1> --d1--> C_0 = Z<v0, v1>
  d1 =     e0  e1
       v0  -1   1
       v1   1  -1
  d2 =     f0
       e0   2
       e1   2
  d1 d2 = 0: yes

Smith form of d1
  Steps: column e1 + e0 for e1, row v1 + v0 for v1, sign of row v0.
  Factors: 1. In the new bases:
  d1(e0) = v1 - v0
  d1(e0 + e1) = 0
  Image B_0 = Z<v1 - v0>, kernel Z_1 = Z<e0 + e1>.

Smith form of d2
  The cycles Z_1 have the basis z1 = e0 + e1.
  d2 =     f0
       z1   2
  Factors: 2. In the new bases:
  d2(f0) = 2 (e0 + e1)
  Image B_1 = Z<2 (e0 + e1)>, kernel Z_2 = 0.

Homology
  H_0 = Z_0 / B_0 = Z<v1, v1 - v0> / Z<v1 - v0> = Z: generator v1
  H_1 = Z_1 / B_1 = Z<e0 + e1> / Z<2 (e0 + e1)> = Z/2: generator e0 + e1, since d2(f0) = 2 (e0 + e1)
  H_2 = Z_2 / B_2 = 0
  Euler characteristic: 2 - 2 + 1 = 1 = 1 - 0 + 0.
"""
    )


@pytest.mark.parametrize("space", [known.torus(), known.klein_bottle(), known.lens_space(3), known.projective_plane()])
def test_a_larger_complex_is_reduced_and_its_generators_are_cycles(space: known.KnownComplex) -> None:
    made = explanation(space)
    assert made.is_reduced and made.steps
    told = explain(space.homology())
    assert "pairs were left out" in told and "Generators in the cells of the whole complex" in told
    for one in made.lifted:
        if one.n_cells == len(one.terms):
            numbers = {space.cell_name(one.degree, i): i for i in range(space.counts[one.degree])}
            cycle = np.zeros(space.counts[one.degree], dtype=np.int64)
            for coefficient, name in one.terms:
                cycle[numbers[name]] = coefficient
            assert one.degree == 0 or not (space.boundary_operator(one.degree) @ cycle).any()
    orders = sorted(one.order for one in made.lifted)
    assert orders == sorted([0] * sum(space.known_betti) + [t for row in space.known_torsion for t in row])


@pytest.mark.parametrize("modulus", [0, 2, 3])
def test_what_is_left_is_a_subcomplex_of_the_whole(modulus: int) -> None:
    for space in (known.lens_space(3), known.klein_bottle(), known.random_two_complex(16, 90)):
        whole = space.chain_complex
        small = taken_in_pairs(whole, modulus)
        assert sum((-1) ** k * n for k, n in enumerate(small.counts)) == space.euler_characteristic
        for k in range(1, whole.dim + 1):
            for j in range(small.counts[k]):
                lifted = np.zeros(whole.counts[k], dtype=object)
                for cell, value in small.lifted(k, [int(i == j) for i in range(small.counts[k])]):
                    lifted[cell] = value
                below = np.zeros(whole.counts[k - 1], dtype=object)
                for cell, value in small.lifted(k - 1, small.matrix(k)[:, j].tolist()):
                    below[cell] = value
                difference = whole.boundary(k, lifted) - below
                assert not (difference % modulus if modulus else difference).any()


def test_simplices_cubes_pairs_and_names_of_the_users_own() -> None:
    triangle = SimplicialComplex([("a", "b"), ("b", "c"), ("a", "c")])
    assert "d1([a,b]) = [b] - [a]" in triangle.homology().explain() and "[a,b] - [a,c] + [b,c]" in triangle.explain()
    assert "[0,0]" in CubicalComplex((1,), periodic=True).explain()
    disc = SimplicialComplex([(0, 1, 2)])
    pair = disc.explain(relative_to=disc.subcomplex([(0, 1), (1, 2), (0, 2)]))
    assert "of a pair" in pair and "H_2 = Z_2 / B_2 = Z<[0,1,2]> = Z" in pair
    named = explain(RP2, names=[["v", "w"], ["a", "b"], ["f"]])
    assert "d2(f) = 2 (a + b)" in named and "Z<v, w>" in named
    assert r"\partial_{1}(e_{0})" in explain(RP2, "latex") and r"$\partial_{1}(e_{0})" in explain(RP2, "markdown")


def test_large_orders_are_shortened_and_the_empty_complex_is_told() -> None:
    assert "(71 digits)" in explain(MOORE)
    assert "nothing to compute" in explain(ChainComplex([]))
    points = SimplicialComplex([(i,) for i in range(40)])
    told = explain(points)
    assert "too much to write out" in told and "H_0 = Z^40" in told


def test_what_cannot_be_explained_is_refused() -> None:
    with pytest.raises(InputError, match="format"):
        explain(RP2, "html")
    with pytest.raises(KindError):
        explain("RP^2")
    with pytest.raises(InputError, match="names"):
        explain(RP2, names=[["v"], ["a", "b"], ["f"]])
    with pytest.raises(InputError, match="over Z"):
        explain(RP2.homology(), coefficients="Z/2")
