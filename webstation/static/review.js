// Review: keys and buttons of the light table and of one page, and what happens at the station meanwhile.

import { accept, acceptAll, book, moveBy, onChange, order, refresh, soon, url } from "./review-book.js";
import * as one from "./review-editor.js";
import { getReady } from "./review-pictures.js";
import * as light from "./review-table.js";

const { say } = sohoa;
const { table } = light;
const at = (id) => document.getElementById(id);
const inPage = () => one.isOpen();
const pages = () => (inPage() ? [one.current()].filter(Boolean) : light.meant());
const next = (select) => { select.selectedIndex = (select.selectedIndex + 1) % select.options.length; select.dispatchEvent(new Event("change")); };
const rememberPlace = () => light.keep(inPage());

function open(id) {
  light.chooseNone();
  one.open(id);
  rememberPlace();
}

function back() {
  one.close();
  rememberPlace();
}

function to(page) {
  if (page) open(page.id);
}

async function said(name, facts) {
  if ((await order(name, facts)) && inPage()) one.settled();
}

const mark = (role) => said("mark", { pages: pages().map((page) => page.id), role });
const withFirst = (does) => { const [page] = pages(); if (page) does(page); };

function acceptThese() {
  const these = pages(), following = light.nextDoubtful(table.focus, these);
  accept(these);
  if (inPage()) return;
  light.chooseNone();
  if (following) light.focusOn(following.id, true);
}

function acceptNext() {
  const page = one.current(), following = light.nextDoubtful(page.id);
  accept([page]);
  if (following) to(following);
  else back();
}

async function retake() {
  const [page] = pages();
  if (page && (await sohoa.order(url("retake"), { capture: page.capture }))) location.assign(url("capture"));
}

function supersede() {
  const two = [...new Set(light.meant().map((page) => page.capture))];
  if (two.length !== 2) sohoa.tell(say("review_supersede_two"), "warn");
  else said("supersede", { old: two[0], new: two[1] });
}

// What a remedy does: said at once where it needs no hand, or else the handle that is to be dragged is in the hand.
const REMEDIES = {
  accept: () => (inPage() ? acceptNext() : acceptThese()),
  retake, spare: () => mark("spare"),
  turn90: () => turn(90), turn180: () => turn(180), turn270: () => turn(270),
  single: () => layout("single"), spread: () => layout("spread"),
  corners: () => handle("corner_0"), gutter: () => handle("gutter_0"), degrees: () => handle("level"),
  crop: () => inHand((page) => { if (!one.editor.crop) one.toggleCrop(); }),
  tone: () => inHand(() => at("strength").focus()),
  whole: () => change({ crop: { mode: "none" } }),
};

function remedy(number) {
  const [page] = pages(), name = light.remediesOf(page)[number - 1];
  if (name) REMEDIES[name]();
}

const turn = (degrees) => withFirst((page) => (inPage() ? one.turn(degrees) : order("turn", { page: page.id, degrees, reach: "page" })));
const change = (changes) => withFirst((page) => (inPage() ? one.correct({ changes }) : order("correct", { page: page.id, changes, reach: "page" })));
const layout = (value) => change({ split: { layout: value } });

function inHand(does) {
  withFirst((page) => {
    if (!inPage()) open(page.id);
    does(page);
  });
}

function handle(name) {
  inHand(() => requestAnimationFrame(() => {
    const button = document.querySelector(`[data-handle=${name}]`);
    if (button && !button.hidden) button.focus();
  }));
}

const toggleLayout = () => (inPage() ? next(at("layout")) : withFirst((page) => layout(page.side === "whole" ? "spread" : "single")));
const inPageOnly = (does) => () => (inPage() ? does() : false);
const onTableOnly = (does) => () => (inPage() ? false : does());

const DEEDS = {
  undo: () => said("undo", {}), redo: () => said("redo", {}),
  acceptAll,
  open: () => to(book.byId.get(table.focus)), back, print: () => window.print(),
  accept: acceptThese, acceptNext, retake, supersede,
  blank: () => mark("blank"), slip: () => mark("slip"), spare: () => mark("spare"), ordinary: () => mark(""),
  swap: () => withFirst((page) => said("swap", { page: page.id })),
  chooseNone: light.chooseNone,
  previous: () => to(one.neighbour(-1)), next: () => to(one.neighbour(1)),
  turnLeft: () => turn(270), turnRight: () => turn(90),
  angleMore: () => one.angle(0.1), angleLess: () => one.angle(-0.1),
  crop: () => one.toggleCrop(), automatic: () => one.automatic(),
  compare: () => one.switchOn("compare"), zoom: () => one.switchOn("zoom"), beside: () => one.toggleOriginal(),
  retaken: () => withFirst((page) => said("supersede", { old: page.capture, new: page.retaken[0] })),
  remedy1: () => remedy(1), remedy2: () => remedy(2),
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-does]");
  if (!button) return;
  DEEDS[button.dataset.does]();
  if (event.detail > 0) (inPage() ? at("editor") : document.querySelector(".tile[tabindex='0']") || at("tiles")).focus({ preventScroll: true });
});

function arrow(event) {
  if (inPage()) {
    if (event.key.startsWith("Page") || event.key === "Home" || event.key === "End") return false;
    return DEEDS[event.key === "ArrowLeft" || event.key === "ArrowUp" ? "previous" : "next"]();
  }
  return light.go(event.key, event.shiftKey);
}

function move(step) {
  if (!inPage() && table.sort !== "book") sohoa.tell(say("review_move_in_book"), "warn");
  else withFirst((page) => moveBy(page, step));
}

const arrows = {};
for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"]) {
  arrows[key] = arrows[`shift+${key}`] = arrow;
}

sohoa.keys({
  ...arrows,
  " ": () => (inPage() ? DEEDS.next() : (light.toggle(table.focus), light.go("ArrowRight", false))),
  Enter: () => (inPage() ? acceptNext() : DEEDS.open()),
  Escape: () => (inPage() ? (one.editor.crop ? one.toggleCrop() : back()) : light.chooseNone()),
  a: acceptThese, r: retake, n: onTableOnly(supersede), x: DEEDS.swap,
  1: DEEDS.remedy1, 2: DEEDS.remedy2,
  u: DEEDS.undo, y: DEEDS.redo, "ctrl+z": DEEDS.undo, "ctrl+y": DEEDS.redo,
  b: DEEDS.blank, p: DEEDS.slip, d: DEEDS.spare, o: DEEDS.ordinary,
  "[": DEEDS.turnLeft, "]": DEEDS.turnRight, l: toggleLayout,
  "-": inPageOnly(DEEDS.angleMore), "=": inPageOnly(DEEDS.angleLess), "+": inPageOnly(DEEDS.angleLess),
  k: inPageOnly(DEEDS.crop), m: inPageOnly(DEEDS.automatic), w: inPageOnly(DEEDS.beside), z: inPageOnly(DEEDS.zoom),
  v: inPageOnly(() => one.hold(true)),
  t: inPageOnly(() => next(at("strength"))), c: inPageOnly(() => next(at("mode"))), g: inPageOnly(() => next(at("reach"))),
  "alt+ArrowLeft": () => move(-1), "alt+ArrowRight": () => move(1),
  s: onTableOnly(() => light.resort(table.sort === "worst" ? "book" : "worst", table.only)),
  f: onTableOnly(() => light.resort(table.sort, !table.only)),
  q: onTableOnly(DEEDS.acceptAll),
});
document.addEventListener("keyup", (event) => { if (event.key.toLowerCase() === "v" && inPage()) one.hold(false); });

function showUndo() {
  for (const [name, what] of [["undo", book.undo], ["redo", book.redo]]) {
    for (const button of document.querySelectorAll(`[data-does=${name}]`)) {
      button.disabled = !what;
      button.title = what ? say(`review_${name}_what`, { what }) : "";
    }
  }
}

const ours = (facts) => facts.book === sohoa.book || (facts.books || []).includes(sohoa.book);
for (const event of ["received", "developed", "failed", "changed"]) sohoa.on(event, (facts) => { if (ours(facts)) soon(120); });
sohoa.onceAgain(() => soon(0));
window.addEventListener("pagehide", rememberPlace);

light.start(open, getReady, () => !inPage());
one.start();
onChange(showUndo);
const left = table.open && table.focus;
refresh().then(() => {
  if (left && book.byId.has(left)) open(left);
  else light.focusOn(table.focus, true);
});
