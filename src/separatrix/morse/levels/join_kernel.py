"""The elder rule, compiled."""

from __future__ import annotations

from separatrix.morse.levels.joins import join
from separatrix.numerics.compilation import compiled

join_many = compiled(join)
