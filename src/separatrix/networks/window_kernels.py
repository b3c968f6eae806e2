"""Windows of images gathered into columns and added back, and rows of sparse matrices, compiled (§1)."""

from __future__ import annotations

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place


@compiled_part_in_place
def within(start, step, size, count):
    """The range of q in [0, count) for which start + step q lies in [0, size)."""
    first = 0 if start >= 0 else (-start + step - 1) // step
    last = count if start + step * (count - 1) < size else (size - start + step - 1) // step
    return first, last if last > first else first


@compiled_in_place
def gather(images, geometry, columns):
    """``columns`` (n, channels, window, positions) from ``images`` (n, channels, height, width), zeros in the padding.

    ``geometry``: height and width of the window, strides, pads before, dilations, height and width of the output.
    """
    high, wide, step, pace, above, left, gap, space, rows, width = geometry
    for n in range(images.shape[0]):
        for c in range(images.shape[1]):
            for k in range(high * wide):
                i, start = (k // wide) * gap - above, (k % wide) * space - left
                first, last = within(start, pace, images.shape[3], width)
                for r in range(rows):
                    row, to = i + r * step, r * width
                    if row < 0 or row >= images.shape[2]:
                        for q in range(width):
                            columns[n, c, k, to + q] = 0.0
                        continue
                    for q in range(first):
                        columns[n, c, k, to + q] = 0.0
                    if pace == 1:
                        for q in range(first, last):
                            columns[n, c, k, to + q] = images[n, c, row, start + q]
                    else:
                        for q in range(first, last):
                            columns[n, c, k, to + q] = images[n, c, row, start + pace * q]
                    for q in range(last, width):
                        columns[n, c, k, to + q] = 0.0


@compiled_in_place
def add_back(columns, geometry, images):
    """The transpose of :func:`gather`: ``images`` are overwritten."""
    high, wide, step, pace, above, left, gap, space, rows, width = geometry
    for n in range(images.shape[0]):
        for c in range(images.shape[1]):
            images[n, c] = 0.0
            for k in range(high * wide):
                i, start = (k // wide) * gap - above, (k % wide) * space - left
                first, last = within(start, pace, images.shape[3], width)
                for r in range(rows):
                    row, to = i + r * step, r * width
                    if row < 0 or row >= images.shape[2]:
                        continue
                    if pace == 1:
                        for q in range(first, last):
                            images[n, c, row, start + q] += columns[n, c, k, to + q]
                    else:
                        for q in range(first, last):
                            images[n, c, row, start + pace * q] += columns[n, c, k, to + q]


@compiled_in_place
def sparse_rows(starts, places, entries, x, out):
    """W x for rows x (n, in), W in CSR; sums in the order of the row; ``out`` (n, rows of W)."""
    for n in range(x.shape[0]):
        for r in range(out.shape[1]):
            total = 0.0
            for k in range(starts[r], starts[r + 1]):
                total += entries[k] * x[n, places[k]]
            out[n, r] = total


@compiled_part_in_place
def add_scaled(weight, x, first, to, y):
    """``y`` += weight x, ``y`` from ``to`` on and ``x`` from ``first`` on, to the end of the shorter."""
    source, target = x[first:], y[to:]
    for t in range(min(source.size, target.size)):
        target[t] += weight * source[t]


@compiled_part_in_place
def put(x, y):
    """``x`` as the entries of ``y``."""
    for t in range(x.size):
        y[t] = x[t]


@compiled_in_place
def channel_by_channel(images, kernel, geometry, padded, wide, out):
    """``out`` (n, channels, several, *sizes): windows ``kernel`` (channels, several, *window) with stride 1 on each channel.

    ``geometry``: pads before, dilations. Room: ``padded`` (height, width) of an image with its pads, all zeros, and ``wide``
    (rows of the output * width of ``padded`` - what the last row lacks).
    """
    above, left, gap, space = geometry
    flat, height, width, line = padded.reshape(-1), images.shape[2], images.shape[3], padded.shape[1]
    for n in range(images.shape[0]):
        for c in range(images.shape[1]):
            for r in range(height):
                put(images[n, c, r], padded[above + r, left : left + width])
            for m in range(kernel.shape[1]):
                wide[:] = 0.0
                for i in range(kernel.shape[2]):
                    for j in range(kernel.shape[3]):
                        add_scaled(kernel[c, m, i, j], flat, i * gap * line + j * space, 0, wide)
                for r in range(out.shape[3]):
                    put(wide[r * line : r * line + out.shape[4]], out[n, c, m, r])


@compiled_in_place
def add_channel_by_channel(y, kernel, geometry, padded, wide, images):
    """The transpose of :func:`channel_by_channel`: ``images`` are overwritten; ``wide`` all zeros."""
    above, left, gap, space = geometry
    flat, height, width, line = padded.reshape(-1), images.shape[2], images.shape[3], padded.shape[1]
    for n in range(images.shape[0]):
        for c in range(images.shape[1]):
            flat[:] = 0.0
            for m in range(kernel.shape[1]):
                for r in range(y.shape[3]):
                    put(y[n, c, m, r], wide[r * line : r * line + y.shape[4]])
                for i in range(kernel.shape[2]):
                    for j in range(kernel.shape[3]):
                        add_scaled(kernel[c, m, i, j], wide, 0, i * gap * line + j * space, flat)
            for r in range(height):
                put(padded[above + r, left : left + width], images[n, c, r])
