"use strict";
// What scripts add: tables that sort and copy, scrubbers on the film strips, tips that stay in the window, the
// chapter at hand marked in the contents. Without scripts everything is still there to read.
const make = (name, props = {}, ...children) => {
  const node = Object.assign(document.createElement(name), props);
  node.append(...children);
  return node;
};

function copyButton(read, what) {
  const label = "Copy " + what;
  const button = make("button", { type: "button", textContent: label });
  const say = (text) => { button.textContent = text; setTimeout(() => { button.textContent = label; }, 1600); };
  button.addEventListener("click", () => {
    const area = make("textarea", { value: read() });
    area.style.cssText = "position:fixed;top:0;opacity:0";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    button.focus();
    say(done ? "Copied" : "Copying is not allowed here");
  });
  button.setAttribute("aria-live", "polite");
  return button;
}

const cellText = (cell) => (cell.dataset.v !== undefined && cell.dataset.v !== "" && !cell.matches("th")
  && !cell.querySelector(".badge") ? cell.dataset.v : (cell.querySelector(".word, .sink-link") || cell).textContent).trim();

function sortable(table) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (!head.textContent.trim() || head.querySelector("svg, .chip")) return;
    const button = make("button", { type: "button" }, ...head.childNodes);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => { const cell = row.cells[column]; return cell.dataset.v ?? cell.textContent.trim(); };
      const order = (a, b) => {
        const [x, y] = [key(a), key(b)], [p, q] = [Number(x), Number(y)];
        if (Number.isNaN(p) || Number.isNaN(q)) return x.localeCompare(y, "en", { numeric: true });
        return p - q;
      };
      const rows = [...body.rows].sort((a, b) => (up ? order(a, b) : order(b, a)));
      body.append(...rows);
    });
  });
}

document.querySelectorAll("table.data").forEach((table) => {
  if (table.tBodies[0].rows.length > 1) sortable(table);
  const read = () => [...table.rows].map((row) => [...row.cells].filter((cell) => !cell.matches(".bar-cell, .axis-head"))
    .map(cellText).join("\t")).join("\n");
  const tools = make("div", { className: table.caption ? "tools" : "tools above" }, copyButton(read, "table"));
  (table.closest(".scroll") || table).before(tools);
});
document.querySelectorAll("pre.command").forEach((block) => {
  block.after(make("div", {}, copyButton(() => block.textContent.trim(), "command")));
});

document.querySelectorAll(".film").forEach((film) => {
  const frames = [...film.querySelectorAll(".frames .px")];
  const middle = Number(film.dataset.middle);
  const large = film.closest(".card").querySelector(".trio figure");
  const range = make("input", { type: "range", min: 0, max: frames.length - 1, step: 1, value: middle });
  range.setAttribute("aria-label", "place along the " + film.dataset.kind + " manifold");
  const output = make("output");
  const picture = large.querySelector(".px"), caption = large.querySelector("figcaption");
  const home = picture.getAttribute("style");
  const show = () => {
    const i = Number(range.value), frame = frames[i];
    const nearest = frames.filter((f) => !f.classList.contains("spare"))
      .reduce((a, b) => (Math.abs(frames.indexOf(b) - i) < Math.abs(frames.indexOf(a) - i) ? b : a));
    frames.forEach((f) => f.classList.toggle("now", f === nearest));
    output.textContent = i === middle ? "at the sink" : "arc length " + frame.dataset.at;
    range.setAttribute("aria-valuetext", output.textContent);
    picture.setAttribute("style", home);
    if (i !== middle) for (const name of ["--x", "--y"]) picture.style.setProperty(name, frame.style.getPropertyValue(name));
    caption.textContent = i === middle ? "sink" : film.dataset.kind + ", " + frame.dataset.at;
  };
  range.addEventListener("input", show);
  range.addEventListener("blur", () => { range.value = middle; show(); });
  film.querySelector(".reel").append(make("div", { className: "scrub" }, range, output));
  output.textContent = "at the sink";
});

// The way between two sinks over their passes: of all strips only those on it, in order, turned where need be.
document.querySelectorAll(".pass-films").forEach((box) => {
  const strips = [...box.querySelectorAll(".edges li")];
  const classes = new Map(box.dataset.sinks.trim().split(" ").map((entry) => entry.split(":")));
  const names = strips.map((li) => li.querySelector(".edge-name")), texts = names.map((node) => node.textContent);
  const beside = new Map([...classes.keys()].map((sink) => [sink, []]));
  strips.forEach((li, i) => {
    beside.get(li.dataset.a).push([li.dataset.b, i, false]);
    beside.get(li.dataset.b).push([li.dataset.a, i, true]);
  });
  const way = (from, to) => {
    const came = new Map([[from, null]]), waiting = [from];
    for (const here of waiting) for (const [there, i, back] of beside.get(here)) {
      if (!came.has(there)) { came.set(there, [here, i, back]); waiting.push(there); }
    }
    const steps = [];
    for (let here = to; came.get(here); here = came.get(here)[0]) steps.unshift([...came.get(here), here]);
    return came.has(to) ? steps : null;
  };
  const choose = (label, chosen) => {
    const node = make("select", {}, make("option", { value: "", textContent: "any sink" }),
      ...[...classes].map(([sink, k]) => make("option", { value: sink, textContent: sink + " (class " + k + ")" })));
    node.value = chosen;
    node.setAttribute("aria-label", label);
    return node;
  };
  const all = [...classes.keys()], other = all.find((sink) => classes.get(sink) !== classes.get(all[0])) || all[1];
  const from = choose("from sink", all[0]), to = choose("to sink", other), said = make("span", {});
  said.setAttribute("aria-live", "polite");
  const show = () => {
    const steps = from.value && to.value && from.value !== to.value ? way(from.value, to.value) : undefined;
    strips.forEach((li, i) => { li.hidden = steps !== undefined; li.style.order = ""; li.classList.remove("back"); names[i].textContent = texts[i]; });
    said.textContent = steps === undefined ? "all strips" : steps === null ? "no way is known" : steps.length + (steps.length === 1 ? " pass" : " passes");
    (steps || []).forEach(([here, i, back, there], place) => {
      const li = strips[i];
      li.hidden = false; li.style.order = place; li.classList.toggle("back", back);
      names[i].textContent = `${here} (${classes.get(here)}) over ${li.dataset.pass} at ${li.dataset.value} to ${there} (${classes.get(there)})`;
    });
  };
  from.addEventListener("change", show);
  to.addEventListener("change", show);
  box.prepend(make("div", { className: "pass-tools" }, "The way from ", from, " to ", to, said));
  box.querySelector("details").open = true;
  show();
});

// What bears one name lights up everywhere in its chapter: in the phase portrait, the Morse graph and the tables.
document.querySelectorAll("[data-node]").forEach((mark) => {
  const name = mark.dataset.node, chapter = mark.closest("[data-chapter]") || mark.closest("section");
  if (!name) return;
  const light = (on) => chapter.querySelectorAll(`[data-node="${name}"]`).forEach((other) => other.classList.toggle("lit", on));
  mark.addEventListener("mouseenter", () => light(true));
  mark.addEventListener("mouseleave", () => light(false));
});

// A slider walks through the levels of a function.
document.querySelectorAll(".levels").forEach((box) => {
  const groups = [...box.querySelectorAll(".level")], mark = box.querySelector(".level-mark"), said = box.querySelector(".level-said");
  const rows = [...box.nextElementSibling.querySelectorAll(".level-row")], n = Number(box.dataset.levels);
  const places = box.dataset.places.split(" ");
  const range = make("input", { type: "range", min: 0, max: n - 1, step: 1, value: n - 1 - Math.floor(n / 2) });
  range.setAttribute("aria-label", "level c");
  const show = () => {
    const i = n - 1 - Number(range.value), cells = rows[i].cells;
    groups.forEach((g, j) => { g.classList.toggle("now", j === i); g.classList.toggle("near", j !== i); });
    rows.forEach((row, j) => row.classList.toggle("now", j === i));
    mark.setAttribute("x1", places[i]); mark.setAttribute("x2", places[i]); mark.setAttribute("visibility", "visible");
    said.textContent = `c = ${cells[0].textContent}: Betti numbers of {f ≥ c} ${cells[1].textContent}; of {f ≤ c} ${cells[2].textContent}; of {f = c} ${cells[3].textContent}`;
    range.setAttribute("aria-valuetext", said.textContent);
  };
  range.addEventListener("input", show);
  said.before(make("div", { className: "walk" }, make("span", { textContent: "c" }), range));
  box.classList.add("walking");
  show();
});

// A surface in space, drawn on a canvas from back to front; pointer and arrow keys turn it.
function turntable(figure) {
  const mesh = JSON.parse(figure.dataset.mesh), svg = figure.querySelector("svg");
  const canvas = make("canvas", { tabIndex: 0 }), pen = canvas.getContext("2d");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", figure.dataset.name + "; arrow keys turn it");
  const n = mesh.points.length / 3, x = new Float64Array(n), y = new Float64Array(n), z = new Float64Array(n);
  const faces = Array.from({ length: mesh.triangles.length / 3 }, (_, t) => t);
  const depth = new Float64Array(faces.length);
  let turn = mesh.turn, tilt = mesh.tilt, held = null;
  const shades = [...Array(12)].map((_, i) => make("i", { className: "shade s" + i }));
  const draw = () => {
    const side = canvas.clientWidth * devicePixelRatio;
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const [c, s, u, v] = [Math.cos(turn), Math.sin(turn), Math.cos(tilt), Math.sin(tilt)];
    const seen = (list, i, px, py, pz) => {
      const [a, b, h] = [list[3 * i], list[3 * i + 1], list[3 * i + 2]];
      px[i] = side * (0.5 + (c * a + s * b) / 3.6);
      py[i] = side * (0.5 - (-s * v * a + c * v * b + u * h) / 3.6);
      pz[i] = s * u * a - c * u * b + v * h;
    };
    for (let i = 0; i < n; i++) seen(mesh.points, i, x, y, z);
    const corner = [[], [], []];
    for (let i = 0; i < 8; i++) seen(mesh.corners, i, ...corner);
    const style = getComputedStyle(figure), line = (name) => style.getPropertyValue(name);
    pen.clearRect(0, 0, side, side);
    const edges = (ends, px, py, colour, width) => {
      pen.beginPath();
      for (let i = 0; i < ends.length; i += 2) { pen.moveTo(px[ends[i]], py[ends[i]]); pen.lineTo(px[ends[i + 1]], py[ends[i + 1]]); }
      pen.strokeStyle = colour; pen.lineWidth = width * devicePixelRatio; pen.stroke();
    };
    edges(mesh.frame, corner[0], corner[1], line("--muted"), 0.7);
    const fill = shades.map((node) => getComputedStyle(node).fill);
    const t = mesh.triangles, ridge = line("--paper");
    faces.forEach((f) => { depth[f] = z[t[3 * f]] + z[t[3 * f + 1]] + z[t[3 * f + 2]]; });
    faces.sort((f, g) => depth[f] - depth[g]);
    pen.lineWidth = 0.4 * devicePixelRatio; pen.strokeStyle = ridge; pen.lineJoin = "round";
    for (const f of faces) {
      const [i, j, k] = [t[3 * f], t[3 * f + 1], t[3 * f + 2]];
      const [ax, ay, az, bx, by, bz] = [x[j] - x[i], y[j] - y[i], z[j] - z[i], x[k] - x[i], y[k] - y[i], z[k] - z[i]];
      const unit = side / 3.6, nz = ax * by - ay * bx, nx = (ay * bz - az * by) * unit, ny = (az * bx - ax * bz) * unit;
      const light = Math.abs(nz) / (Math.hypot(nx, ny, nz) || 1);
      pen.fillStyle = fill[Math.min(11, Math.floor(12 * light))];
      pen.beginPath(); pen.moveTo(x[i], y[i]); pen.lineTo(x[j], y[j]); pen.lineTo(x[k], y[k]); pen.closePath();
      pen.fill(); pen.stroke();
    }
    edges(mesh.cycles, x, y, line("--bad"), 2.5);
  };
  const turned = (right, up) => { turn -= right; tilt = Math.max(-1.5, Math.min(1.5, tilt + up)); draw(); };
  canvas.addEventListener("pointerdown", (event) => { held = event; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) return;
    turned((event.clientX - held.clientX) / 120, (event.clientY - held.clientY) / 120);
    held = event;
  });
  canvas.addEventListener("pointerup", () => { held = null; });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
    if (step) { event.preventDefault(); turned(...step); }
  });
  svg.after(canvas, make("p", { className: "note hint", textContent: "Drag it, or use the arrow keys, to turn it." }));
  svg.after(make("span", { hidden: true }, ...shades));
  figure.classList.add("turning");
  new ResizeObserver(draw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
document.querySelectorAll("figure[data-mesh]").forEach(turntable);

document.querySelectorAll(".badge").forEach((badge) => {
  const place = () => {
    const tip = badge.querySelector(".tip");
    badge.classList.add("placed");
    tip.style.display = "block";
    const box = badge.getBoundingClientRect(), size = tip.getBoundingClientRect();
    tip.style.display = "";
    const left = Math.max(16, Math.min(box.left, innerWidth - size.width - 16));
    const below = box.bottom + 6 + size.height < innerHeight;
    tip.style.setProperty("--left", left + "px");
    tip.style.setProperty("--top", (below ? box.bottom + 6 : box.top - size.height - 6) + "px");
  };
  badge.placeTip = place;
  badge.addEventListener("mouseenter", place);
  badge.addEventListener("focus", place);
  badge.addEventListener("keydown", (event) => { if (event.key === "Escape") badge.blur(); });
});

addEventListener("scroll", () => { document.querySelectorAll(".badge:focus, .badge:hover").forEach((b) => b.placeTip()); }, { passive: true });

const entries = new Map([...document.querySelectorAll(".side a")].map((a) => [a.hash.slice(1), a]));
const watcher = new IntersectionObserver((seen) => seen.forEach((entry) => {
  if (!entry.isIntersecting) return;
  entries.forEach((a) => a.removeAttribute("aria-current"));
  entries.get(entry.target.id)?.setAttribute("aria-current", "true");
}), { rootMargin: "0px 0px -70% 0px" });
document.querySelectorAll("main > section").forEach((section) => watcher.observe(section));

const reveal = () => {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let node = target && target.parentElement; node; node = node.parentElement) if (node.matches("details")) node.open = true;
  if (target) target.scrollIntoView();
};
addEventListener("hashchange", reveal);
reveal();
