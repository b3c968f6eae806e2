"""Numbers as a reader wants them: a sensible number of digits, units, no false certainty at the ends of a scale."""

from __future__ import annotations

import math

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
MINUS = "\N{MINUS SIGN}"
NONE = "–"


def number(x: float | None, digits: int = 3) -> str:
    """``x`` to ``digits`` significant digits; a power of ten outside 0.001 to 99,999; a dash for NaN and None.

    >>> number(0.01234567), number(2.3e-8), number(-1234.5), number(float("nan"))
    ('0.0123', '2.30 × 10⁻⁸', '−1,230', '–')
    """
    if x is None or math.isnan(x):
        return NONE
    if math.isinf(x):
        return "∞" if x > 0 else f"{MINUS}∞"
    if x == 0:
        return "0"
    mantissa, _, exponent = f"{x:.{digits - 1}e}".partition("e")
    power = int(exponent)
    if -3 <= power < 5:
        rounded = float(f"{mantissa}e{power}")
        return f"{rounded:,.{max(0, digits - 1 - power)}f}".replace("-", MINUS)
    return f"{mantissa.replace('-', MINUS)} × 10{str(power).translate(SUPERSCRIPTS)}"


def count(n: float) -> str:
    """A whole number with its thousands set apart.

    >>> count(10000)
    '10,000'
    """
    return f"{int(n):,}"


def plural(n: float, noun: str, nouns: str = "") -> str:
    """A count with its noun.

    >>> plural(1, "sink"), plural(12, "sink"), plural(2, "class", "classes")
    ('1 sink', '12 sinks', '2 classes')
    """
    return f"{count(n)} {noun if int(n) == 1 else nouns or noun + 's'}"


def percent(share: float, digits: int = 1) -> str:
    """A share in per cent that never rounds something to nothing, or not quite all to all.

    >>> percent(0.1234), percent(0.99999), percent(0.00001), percent(1.0), percent(0.0)
    ('12.3 %', '> 99.9 %', '< 0.1 %', '100 %', '0 %')
    """
    if math.isnan(share):
        return NONE
    if share in (0.0, 1.0):
        return f"{share:.0%}".replace("%", " %")
    least = 10.0**-digits
    if 100 * share < least / 2:
        return f"< {least:.{digits}f} %"
    if 100 * (1 - share) < least / 2:
        return f"> {100 - least:.{digits}f} %"
    return f"{100 * share:.{digits}f} %"


def percent_range(low: float, high: float, digits: int = 1) -> str:
    """An interval of shares.

    >>> percent_range(0.1174, 0.1301)
    '11.7 to 13.0 %'
    """
    return f"{100 * low:.{digits}f} to {100 * high:.{digits}f} %"


def probability(p: float) -> str:
    """A probability; near 1 its distance from 1 is what can be read.

    >>> probability(0.25), probability(1 - 2.1e-9), probability(1.0)
    ('0.250', '1 − 2.1 × 10⁻⁹', '1 to rounding')
    """
    if p == 1.0:
        return "1 to rounding"
    if p > 0.999:
        return f"1 {MINUS} {number(1.0 - p, 2)}"
    return number(p)


def seconds(t: float) -> str:
    """A time with its unit.

    >>> seconds(0.0123), seconds(9.4), seconds(125.0)
    ('0.01 s', '9.4 s', '2 min 5 s')
    """
    if t >= 60:
        minutes, rest = divmod(round(t), 60)
        return f"{minutes} min {rest} s"
    return f"{t:.2f} s" if t < 1 else f"{t:.1f} s"


def megabytes(n_bytes: int) -> str:
    """A file's size.

    >>> megabytes(2_300_000), megabytes(41_000)
    ('2.3 MB', '41 kB')
    """
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e6 else f"{max(1, round(n_bytes / 1e3))} kB"


def tick(x: float) -> str:
    """The text at a tick of an axis.

    >>> tick(-2.0), tick(0.5)
    ('−2', '0.5')
    """
    return f"{x:g}".replace("-", MINUS)
