// The light table: thumbnails of all pages, of which only those in sight are loaded; moved through, chosen and dragged.

import { book, heirOf, onChange, order, thumbOf, warnings } from "./review-book.js";

const { say } = sohoa;
const at = (id) => document.getElementById(id);
const tiles = at("tiles"), model = at("tile").content.firstElementChild;
const kept = `sohoa-review-${sohoa.book}`;
const NEAR = "400px 0px"; // so far out of sight thumbnails are loaded

export const table = { focus: "", chosen: new Set(), sort: "worst", only: false, shown: [] };
const made = new Map(); // page → its tile and what it shows
let ranks = new Map(), from = "", opened = () => {}, rested = () => {}, visible = () => true, rest = 0;
const REST_MS = 250; // so long in focus, a page is likely to be opened

const sight = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    const image = entry.target.querySelector("img");
    if (image.dataset.source && image.getAttribute("src") !== image.dataset.source) image.src = image.dataset.source;
    sight.unobserve(entry.target);
  }
}, { root: tiles, rootMargin: NEAR });

// Calls `open` with the page that is to be opened, and `ready` with one that probably will be.
export function start(open, ready, inSight) {
  opened = open;
  rested = ready;
  visible = inSight;
  try {
    Object.assign(table, JSON.parse(localStorage.getItem(kept) || "{}"));
  } catch (error) { /* nothing kept */ }
  at("sort").value = table.sort;
  at("only").checked = table.only;
  at("sort").addEventListener("change", () => resort(at("sort").value, table.only));
  at("only").addEventListener("change", () => resort(table.sort, at("only").checked));
  tiles.addEventListener("click", clicked);
  tiles.addEventListener("focusin", (event) => { if (event.target.dataset.page) focusOn(event.target.dataset.page, false); });
  dragged();
  onChange(show);
}

export function keep(open) {
  localStorage.setItem(kept, JSON.stringify({ focus: table.focus, sort: table.sort, only: table.only, open }));
}

export function resort(sort, only) {
  Object.assign(table, { sort, only });
  at("sort").value = sort;
  at("only").checked = only;
  ranks = new Map();
  keep(false);
  show();
  focusOn(table.focus, true);
}

// --- what is shown, in which order ---------------------------------------------------------------------------------------

const worse = (page, other) => other.waits - page.waits || other.doubt - page.doubt || page.number - other.number;

// Pages keep their place while a person works, however their doubts change; sorting anew is an order of its own.
function inOrder() {
  const fresh = book.pages.filter((page) => !ranks.has(page.id)).sort(worse);
  for (const page of fresh) if (page.waits || !table.only) ranks.set(page.id, ranks.size);
  const pages = book.pages.filter((page) => ranks.has(page.id));
  return table.sort === "book" ? pages : pages.sort((page, other) => ranks.get(page.id) - ranks.get(other.id));
}

export function show() {
  const place = Math.max(0, table.shown.findIndex((page) => page.id === table.focus)), held = tiles.contains(document.activeElement);
  table.shown = inOrder();
  for (const id of table.chosen) if (!book.byId.has(id)) table.chosen.delete(id);
  const shown = new Set(table.shown.map((page) => page.id));
  for (const [id, tile] of made) if (!shown.has(id)) { tile.node.remove(); made.delete(id); }
  let next = tiles.firstElementChild;
  for (const page of table.shown) {
    const { node } = tileOf(page);
    if (node === next) next = next.nextElementSibling;
    else tiles.insertBefore(node, next);
  }
  if (table.shown.length && !made.has(table.focus)) table.focus = instead(place).id;
  if (held && !tiles.contains(document.activeElement)) focusOn(table.focus, true);
  for (const [id, tile] of made) tile.node.tabIndex = id === table.focus ? 0 : -1;
  at("nothing").hidden = table.shown.length > 0;
  at("nothing").textContent = book.pages.length ? say("review_none_waits") : say("review_none_yet");
  showCounts();
  showFoot();
}

// The page that is in focus in place of one that is no more: what became of it, or that which stands where it stood.
export function instead(place, id = table.focus) {
  const heir = id && heirOf(id);
  return heir && made.has(heir.id) && heir.role !== "spare" ? heir : table.shown[Math.min(place, table.shown.length - 1)];
}

// The tile of a page, made or changed only where it shows something else.
function tileOf(page) {
  const known = made.get(page.id), chosen = table.chosen.has(page.id);
  const codes = page.findings.map((finding) => finding.code);
  const looks = JSON.stringify([page.number, page.picture, page.waits, page.accepted, page.role, page.making, codes, chosen]);
  if (known && known.looks === looks) return known;
  const node = known ? known.node : model.cloneNode(true);
  node.dataset.page = page.id;
  const image = node.querySelector("img"), source = thumbOf(page);
  if (image.dataset.source !== source) {
    image.dataset.source = source;
    sight.unobserve(node);
    sight.observe(node);
  }
  const [worst] = warnings(page);
  node.classList.toggle("making", Boolean(page.making) || page.role === "spare");
  node.setAttribute("aria-selected", chosen);
  node.querySelector("b").textContent = page.number;
  const chip = node.querySelector(".chip"), [kind, words] = standing(page);
  chip.className = `chip ${kind}`;
  chip.textContent = words;
  node.querySelector(".reason").textContent = page.trouble || (worst && (page.waits || page.making) ? worst.text : "");
  node.setAttribute("aria-label", `${say("review_page", { number: page.number })}: ${words}. ${worst && page.waits ? worst.text : ""}`);
  made.set(page.id, { node, looks });
  return made.get(page.id);
}

export function standing(page) {
  if (page.making === "failed") return ["bad", say("review_failed")];
  if (page.making) return ["", say(page.picture ? "review_made_anew" : "review_being_made")];
  if (page.role) return ["", say("review_role_" + page.role)];
  if (page.waits) return ["warn", say("review_waits_one")];
  return page.accepted ? ["good", say("review_accepted")] : ["good", say("review_good")];
}

function showCounts() {
  const pages = book.counts.pages || 0, stated = book.stated.pages;
  at("counts").textContent = stated ? say("review_counts_stated", { pages, stated }) : say("review_counts", { pages });
  at("waits").textContent = book.waits ? say("review_waits", { number: book.waits }) : say("review_waits_none");
  if (book.waits) at("waits").removeAttribute("href");
  else at("waits").href = `/books/${sohoa.book}/cases`;
  at("waits").className = `chip ${book.waits ? "warn" : "good"}`;
  at("behind").textContent = book.waiting ? say("review_developing", { number: book.waiting }) : "";
  at("waits").hidden = !book.pages.length;
  at("accept-all").disabled = !book.waits;
}

function showFoot() {
  const page = book.byId.get(table.focus), many = table.chosen.size;
  at("foot").hidden = !page;
  at("choose-none").hidden = !many;
  at("supersede").hidden = new Set(meant().map((one) => one.capture)).size !== 2;
  if (!page) return;
  at("foot-which").textContent = many ? say("review_chosen", { number: many }) : say("review_page", { number: page.number });
  at("foot-name").textContent = many ? "" : page.name.split("/").pop();
  at("foot-name").title = many ? "" : page.name;
  at("foot-reasons").replaceChildren(...(many ? [] : warnings(page)).map((finding) => sohoa.element("li", {}, finding.text)));
  showRemedies(at("foot-remedies"), many ? null : page);
}

// The two likely remedies of what a page is doubted for most, as buttons with their keys.
export function showRemedies(place, page) {
  place.replaceChildren(...remediesOf(page).map((name, index) => {
    const key = sohoa.element("kbd", {}, String(index + 1));
    return sohoa.element("button", { type: "button", class: "small remedy", "data-does": `remedy${index + 1}` }, say("review_remedy_" + name) + " ", key);
  }));
}
export const remediesOf = (page) => (page && page.waits && (warnings(page).find((finding) => finding.remedies.length) || {}).remedies) || [];

// --- moving and choosing ------------------------------------------------------------------------------------------------

export function focusOn(id, move) {
  if (!made.has(id)) return;
  const before = made.get(table.focus);
  if (before) before.node.tabIndex = -1;
  table.focus = id;
  const { node } = made.get(id);
  node.tabIndex = 0;
  clearTimeout(rest);
  if (visible()) rest = setTimeout(() => visible() && rested(book.byId.get(id)), REST_MS);
  if (move && visible()) {
    node.focus({ preventScroll: true });
    node.scrollIntoView({ block: "nearest" });
  }
  showFoot();
}

const columns = () => getComputedStyle(tiles).gridTemplateColumns.split(" ").length;
const rows = () => Math.max(1, Math.floor(tiles.clientHeight / 212));
const STEPS = { ArrowLeft: () => -1, ArrowRight: () => 1, ArrowUp: () => -columns(), ArrowDown: () => columns(),
  PageUp: () => -columns() * rows(), PageDown: () => columns() * rows(), Home: () => -Infinity, End: () => Infinity };

export function go(key, choosing) {
  const place = table.shown.findIndex((page) => page.id === table.focus);
  const to = Math.max(0, Math.min(table.shown.length - 1, place + STEPS[key]()));
  if (!table.shown.length) return;
  if (choosing) choose(from || table.focus, table.shown[to].id);
  else from = "";
  focusOn(table.shown[to].id, true);
}

function choose(first, last) {
  from = first;
  const [start, end] = [first, last].map((id) => table.shown.findIndex((page) => page.id === id)).sort((a, b) => a - b);
  table.chosen = new Set(table.shown.slice(Math.max(0, start), end + 1).map((page) => page.id));
  show();
}

export function toggle(id) {
  if (!table.chosen.delete(id)) table.chosen.add(id);
  from = id;
  show();
}

export function chooseNone() {
  if (!table.chosen.size) return;
  table.chosen.clear();
  from = "";
  show();
}

export const beside = (id, step) => table.shown[table.shown.findIndex((page) => page.id === id) + step];

// The next page that waits to be looked at, from one on and then from the beginning; none of those that are `done`.
export function nextDoubtful(id, done = []) {
  const place = table.shown.findIndex((page) => page.id === id);
  const others = [...table.shown.slice(place + 1), ...table.shown.slice(0, Math.max(0, place))];
  return others.find((page) => page.waits && !page.making && !done.includes(page));
}

// The pages that an order is about: those chosen, or the one in focus.
export function meant() {
  const pages = table.chosen.size ? [...table.chosen].map((id) => book.byId.get(id)) : [book.byId.get(table.focus)];
  return pages.filter(Boolean).sort((page, other) => page.number - other.number);
}

function clicked(event) {
  const tile = event.target.closest(".tile");
  if (!tile) return;
  if (event.ctrlKey || event.metaKey) toggle(tile.dataset.page);
  else if (event.shiftKey) choose(table.focus, tile.dataset.page);
  else opened(tile.dataset.page);
}

// --- dragging into another place -----------------------------------------------------------------------------------------

function dragged() {
  let carried = "";
  const over = (event) => event.target.closest && event.target.closest(".tile");
  tiles.addEventListener("dragstart", (event) => {
    carried = over(event) ? over(event).dataset.page : "";
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", carried);
  });
  tiles.addEventListener("dragover", (event) => {
    const tile = over(event);
    if (!carried || !tile) return;
    event.preventDefault();
    if (!tile.classList.contains("over")) { unmark(); tile.classList.add("over"); }
  });
  tiles.addEventListener("drop", (event) => {
    event.preventDefault();
    const tile = over(event), page = book.byId.get(carried);
    unmark();
    if (!tile || !page || tile.dataset.page === carried) return;
    if (table.sort !== "book") sohoa.tell(say("review_move_in_book"), "warn");
    else order("move", { page: page.id, before: tile.dataset.page });
  });
  tiles.addEventListener("dragend", () => { carried = ""; unmark(); });
  const unmark = () => tiles.querySelectorAll(".over").forEach((tile) => tile.classList.remove("over"));
}
