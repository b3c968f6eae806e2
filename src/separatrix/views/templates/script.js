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
