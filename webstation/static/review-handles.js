// Handles that are dragged, or moved by arrow keys: while they move only the overlay is drawn; what they come to is told when
// they are let go.

import { along, clamp, pointed, toFractions, toPixels, written } from "./review-geometry.js";

const SVG = "http://www.w3.org/2000/svg";
const STILL_MS = 450; // after the last arrow key a handle counts as let go
const LEVEL_AT = 0.86; // of the level line: there it is held
const EDGES = ["left", "top", "right", "bottom"];

function drawn(place, names) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  const shapes = {};
  for (const [name, kind] of names) {
    shapes[name] = document.createElementNS(SVG, kind);
    shapes[name].setAttribute("class", `drawn-${name}`);
    svg.append(shapes[name]);
  }
  place.append(svg);
  return { svg, shapes };
}

function set(shape, attributes) {
  for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
}

function setLine(shape, line) {
  shape.style.display = line ? "" : "none";
  if (line) set(shape, { x1: line[0][0], y1: line[0][1], x2: line[1][0], y2: line[1][1] });
}

// One overlay: its handles are `specs` of { name, kind, label, at, put, result, there } over the pixels in `now`.
class Overlay {
  constructor(place, shapes, released) {
    this.place = place;
    Object.assign(this, drawn(place, shapes));
    this.released = released;
    this.now = null;
    this.held = null;
    this.buttons = [];
    this.frame = 0;
  }

  add(spec) {
    const label = sohoa.say("review_handle_" + spec.name);
    const button = sohoa.element("button", { type: "button", class: `handle ${spec.kind}`, "data-handle": spec.name, title: label,
      "aria-label": `${label}. ${sohoa.say("review_handle_hint")}` });
    this.buttons.push({ button, spec });
    this.place.append(button);
    button.addEventListener("pointerdown", (event) => this.take(event, button, spec));
    button.addEventListener("keydown", (event) => this.key(event, spec));
    button.addEventListener("blur", () => this.letGoOfKeys());
  }

  // Draws at the next frame, however often it is asked.
  draw() {
    this.frame = this.frame || requestAnimationFrame(() => { this.frame = 0; this.drawNow(); });
  }

  drawNow() {
    this.svg.style.display = this.now ? "" : "none";
    if (this.now) {
      set(this.svg, { width: this.now.size[0], height: this.now.size[1] });
      this.drawShapes();
    }
    for (const { button, spec } of this.buttons) {
      const there = Boolean(this.now) && spec.there(this.now);
      button.hidden = !there;
      if (!there) continue;
      const [x, y] = spec.at(this.now);
      button.style.left = `${clamp(x, -10, this.now.size[0] + 10)}px`;
      button.style.top = `${clamp(y, -10, this.now.size[1] + 10)}px`;
    }
  }

  take(event, button, spec) {
    if (event.button !== 0) return;
    event.preventDefault();
    button.focus();
    const start = [event.clientX, event.clientY], [x, y] = spec.at(this.now);
    let moved = false;
    this.held = spec;
    button.classList.add("held");
    button.setPointerCapture(event.pointerId);
    const move = (at) => {
      moved = true;
      spec.put(this.now, [x + at.clientX - start[0], y + at.clientY - start[1]]);
      this.draw();
    };
    const end = () => {
      button.removeEventListener("pointermove", move);
      button.removeEventListener("pointerup", end);
      button.removeEventListener("pointercancel", end);
      button.classList.remove("held");
      this.held = null;
      if (moved) this.released(spec.result(this.now));
    };
    button.addEventListener("pointermove", move);
    button.addEventListener("pointerup", end);
    button.addEventListener("pointercancel", end);
  }

  key(event, spec) {
    if (event.key === "Enter") this.enter(event);
    const step = event.shiftKey ? 10 : 1;
    const way = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (!way || event.altKey || event.ctrlKey) return;
    event.preventDefault();
    event.stopPropagation();
    const [x, y] = spec.at(this.now);
    spec.put(this.now, [x + way[0], y + way[1]]);
    this.held = spec;
    this.draw();
    clearTimeout(this.still);
    this.still = setTimeout(() => this.letGoOfKeys(), STILL_MS);
  }

  // Enter means the page, not its handle.
  enter(event) {
    event.preventDefault();
    this.letGoOfKeys();
    this.place.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  }

  letGoOfKeys() {
    clearTimeout(this.still);
    if (!this.still || !this.held) return;
    const spec = this.held;
    this.still = this.held = null;
    this.released(spec.result(this.now));
  }
}

// What was decided, on the original: the sheet's corners, the gutter's ends, the line that is to be level.
export class OriginalOverlay extends Overlay {
  constructor(place, released) {
    super(place, [["page", "polygon"], ["sheet", "polygon"], ["crop", "polygon"], ["gutter", "line"], ["level", "line"]], released);
    for (const number of [0, 1, 2, 3]) {
      this.add({ name: `corner_${number}`, kind: "corner", there: () => true, at: (now) => now.sheet[number],
        put: (now, point) => { now.sheet[number] = point; }, result: (now) => ({ sheet: this.fractions(now.sheet) }) });
    }
    for (const number of [0, 1]) {
      this.add({ name: `gutter_${number}`, kind: "gutter", there: (now) => Boolean(now.gutter), at: (now) => now.gutter[number],
        put: (now, point) => { now.gutter[number] = point; }, result: (now) => ({ gutter: this.fractions(now.gutter) }) });
    }
    this.add({ name: "level", kind: "level", there: () => true, at: (now) => along(now.level, LEVEL_AT),
      put: (now, point) => { now.level = pointed(now.level, point); }, result: (now) => ({ level: this.fractions(now.level) }) });
  }

  fractions(points) {
    return toFractions(points, this.now.turn, this.now.size);
  }

  // `facts` of the page, or null while they are not known; the image is shown in this size.
  show(facts, size) {
    if (this.held) return;
    const pixels = (points) => points && toPixels(points, facts.turn, size);
    this.now = facts && { turn: facts.turn, size, sheet: pixels(facts.sheet), gutter: pixels(facts.gutter), page: pixels(facts.page),
      crop: pixels(facts.crop), level: pixels(facts.level) };
    this.drawNow();
  }

  drawShapes() {
    const { now, shapes } = this;
    for (const name of ["page", "sheet", "crop"]) set(shapes[name], { points: written(now[name]) });
    setLine(shapes.gutter, now.gutter);
    setLine(shapes.level, now.level);
  }
}

// The crop, on the page as it is before it is cropped.
export class CropOverlay extends Overlay {
  constructor(place, released) {
    super(place, [["off", "path"], ["box", "polygon"]], released);
    EDGES.forEach((name, number) => this.add({
      name: `crop_${name}`, kind: "crop", there: () => true,
      at: ({ box: [left, top, right, bottom] }) =>
        [[left, (top + bottom) / 2], [(left + right) / 2, top], [right, (top + bottom) / 2], [(left + right) / 2, bottom]][number],
      put: (now, point) => { now.box[number] = clamp(point[number % 2], 0, now.size[number % 2]); },
      result: ({ box, size }) => ({ box: box.map((value, at) => value / size[at % 2]) }),
    }));
  }

  show(box, size) {
    if (this.held) return;
    this.now = box && { size, box: box.map((value, at) => value * size[at % 2]) };
    this.drawNow();
  }

  drawShapes() {
    const { now: { size: [width, height], box: [left, top, right, bottom] }, shapes } = this;
    set(shapes.off, { d: `M0 0H${width}V${height}H0ZM${left} ${top}V${bottom}H${right}V${top}Z` });
    set(shapes.box, { points: written([[left, top], [right, top], [right, bottom], [left, bottom]]) });
  }
}
