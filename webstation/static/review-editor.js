// One page: its original with what was decided drawn on it, the page as it is made beside it, and the tools to correct it.
// What is let go is said at once; the page is then shown as it will be, until it is made.

import { book, onChange, order, originalOf, pictureOf, thumbOf, told, url, warnings } from "./review-book.js";
import { lay, mark } from "./review-drawing.js";
import { fitted } from "./review-geometry.js";
import { CropOverlay, OriginalOverlay } from "./review-handles.js";
import { WIDE, LARGE, forget, getFacts, getReady, keyOf, knownFacts, load, show, warm } from "./review-pictures.js";
import { beside, focusOn, instead, nextDoubtful, showRemedies, standing, table } from "./review-table.js";

const { say } = sohoa;
const at = (id) => document.getElementById(id);
const MARGIN = 16; // px around an original, so that handles at its edges can be held
const ANGLE_MS = 350; // after the last key an angle counts as set
const REST_MS = 180; // where a person rests, the pages beside are loaded

export const editor = { id: "", place: 0, crop: false, compare: false, zoom: false };
let facts = null, byHand = {}, preview = null, pending = null, angleTimer = 0;
const firsts = new Map(); // page → the picture that it had when it was first corrected here
const original = new OriginalOverlay(at("original"), (handles) => correct({ handles }));
const crop = new CropOverlay(at("result"), (handles) => correct({ handles }));

export const current = () => book.byId.get(editor.id);
export const neighbour = (step) => beside(editor.id, step);
export const isOpen = () => !at("editor").hidden;

export function start() {
  for (const [key, stage] of [["layout", "split"], ["strength", "tone"], ["mode", "tone"]]) {
    at(key).addEventListener("change", () => { correct({ changes: { [stage]: { [key]: at(key).value } } }); home(); });
  }
  at("role").addEventListener("change", () => { order("mark", { pages: [editor.id], role: at("role").value }); home(); });
  at("reach").addEventListener("change", home);
  new ResizeObserver(() => isOpen() && place()).observe(at("editor"));
  for (const name of ["original-image", "result-image"]) at(name).addEventListener("load", () => place());
  onChange(changed);
}

const home = () => at("editor").focus({ preventScroll: true });

// --- opening and going on -----------------------------------------------------------------------------------------------

export function open(id) {
  const page = book.byId.get(id);
  if (!page) return;
  letGo();
  Object.assign(editor, { id, place: table.shown.indexOf(page), crop: false, compare: false });
  if (pending) pending.abort();
  forgetPreview();
  facts = knownFacts(page);
  byHand = facts ? facts.by_hand : {};
  at("light").hidden = true;
  at("editor").hidden = false;
  at("reach").value = "page";
  showTools(page);
  showPictures();
  home();
  focusOn(id, false);
  loadFacts();
  setTimeout(() => { if (editor.id === id) [neighbour(1), nextDoubtful(editor.id), neighbour(-1)].forEach(getReady); }, REST_MS);
  setTimeout(() => { if (editor.id === id && !preview) warm(page); }, 2 * REST_MS);
  if (page.making) showPreview();
}

export function close() {
  letGo();
  at("editor").hidden = true;
  at("light").hidden = false;
  if (pending) pending.abort();
  focusOn(editor.id, true);
}

async function loadFacts(anew) {
  const page = current(), { id } = editor;
  if (!page || (!anew && knownFacts(page))) return;
  try {
    const found = await getFacts(page);
    if (editor.id !== id) return;
    facts = found;
    byHand = found.by_hand;
    showTools(current() || page);
    place();
  } catch (error) { /* told by whoever asked for a change */ }
}

// --- pictures -----------------------------------------------------------------------------------------------------------

function showPictures() {
  const page = current();
  if (!page) return;
  show(at("original-image"), originalOf(page, WIDE), null);
  const other = editor.compare && comparison(page);
  at("result-says").textContent = other ? other.words : editor.crop ? say("review_crop") : say("review_result");
  if (other) show(at("result-image"), other.source, null);
  else if (preview) show(at("result-image"), preview.source, null);
  else if (page.picture) show(at("result-image"), pictureOf(page, editor.zoom ? LARGE : WIDE), thumbOf(page));
  else show(at("result-image"), originalOf(page, WIDE), null);
  place();
}

// What a page is compared with: the page that looks like it, what it was before it was corrected, or its original.
function comparison(page) {
  const twin = page.findings.map((finding) => finding.other && book.byId.get(finding.other)).find(Boolean);
  if (twin && twin.picture) return { source: pictureOf(twin, WIDE), words: say("review_page", { number: twin.number }) };
  const first = firsts.get(page.id);
  if (first && (first !== page.picture || preview)) return { source: `/pictures/page/${first}?w=${WIDE}`, words: say("review_before") };
  return { source: originalOf(page, WIDE), words: say("review_original") };
}

// Sizes and places of both pictures, and all that is drawn on them.
function place() {
  const page = current();
  if (!page || !isOpen()) return;
  const turn = facts ? facts.turn : 0, image = at("original-image");
  const size = facts ? facts.original : [image.naturalWidth || 4, image.naturalHeight || 3];
  const shown = turn % 180 ? [size[1], size[0]] : size;
  const room = at("pane-original").querySelector(".room");
  if (room.clientWidth > 2 * MARGIN) {
    const fit = fitted(shown, [room.clientWidth - 2 * MARGIN, room.clientHeight - 2 * MARGIN]);
    lay(at("original"), image, fit, turn, room);
    original.show(facts, fit);
  }
  placeResult(page);
}

function placeResult(page) {
  const image = at("result-image"), room = at("result-room");
  const size = image.naturalWidth ? [image.naturalWidth, image.naturalHeight] : [page.width || 3, page.height || 4];
  const edge = editor.crop ? MARGIN : 4;
  const [width, height] = fitted(size, [room.clientWidth - 2 * edge, room.clientHeight - 2 * edge]);
  const scale = editor.zoom ? Math.max(1.5, (room.clientWidth - 20) / width) : 1;
  room.classList.toggle("zoomed", editor.zoom);
  lay(at("result"), image, [width * scale, height * scale], 0, room);
  crop.show(editor.crop && preview && facts ? facts.box : null, [width * scale, height * scale]);
  mark(at("result"), preview || editor.compare || page.making ? [] : placesOf(page), [width * scale, height * scale]);
}

// Where on the page it is doubted; what is said of the whole page is marked nowhere.
const placesOf = (page) => [].concat(...warnings(page).map((finding) => finding.where))
  .filter(([left, top, right, bottom]) => right - left < 0.98 || bottom - top < 0.98);

// --- tools ----------------------------------------------------------------------------------------------------------------

function showTools(page) {
  const [kind, words] = standing(page);
  at("which").textContent = say("review_page_of", { number: page.number, pages: book.pages.length });
  const reasons = warnings(page).map((finding) => sohoa.element("p", { class: page.waits ? "warn-words" : "" }, finding.text));
  const chip = sohoa.element("span", { class: `chip ${kind}` }, words);
  const name = sohoa.element("span", { class: "hint", title: page.name }, page.name.split("/").pop());
  const trouble = page.trouble ? sohoa.element("p", { class: "bad-words" }, page.trouble) : "";
  at("reasons").replaceChildren(sohoa.element("p", {}, chip, " ", name), trouble, ...reasons);
  showRemedies(at("remedies"), page);
  at("role").value = page.role;
  at("retaken").hidden = !page.retaken.length;
  at("crop").setAttribute("aria-pressed", editor.crop);
  for (const [name, on] of [["compare", editor.compare], ["zoom", editor.zoom]]) {
    at("pane-result").querySelector(`[data-does=${name}]`).setAttribute("aria-pressed", on);
  }
  const stages = Object.keys(byHand).map((stage) => say("review_stage_" + stage));
  at("by-hand").textContent = stages.length ? say("review_by_hand", { stages: stages.join(", ") }) : "";
  at("automatic").hidden = !stages.length;
  if (!facts) return;
  at("layout").value = facts.layout;
  at("strength").value = facts.strength;
  at("mode").value = facts.mode;
}

export function switchOn(name) {
  editor[name] = !editor[name];
  showTools(current());
  showPictures();
}

export function hold(on) {
  if (editor.compare === on) return;
  editor.compare = on;
  showPictures();
}

export function toggleOriginal() {
  const alone = at("editor").classList.toggle("alone");
  at("pane-result").querySelector("[data-does=beside]").setAttribute("aria-pressed", !alone);
  place();
}

export function toggleCrop() {
  editor.crop = !editor.crop;
  editor.compare = editor.zoom = false;
  showTools(current());
  if (editor.crop || current().making) showPreview();
  else { forgetPreview(); showPictures(); }
}

// --- corrections ----------------------------------------------------------------------------------------------------------

export async function correct(said) {
  const page = current();
  if (!page) return;
  if (page.picture && !page.making && !firsts.has(page.id)) firsts.set(page.id, page.picture);
  const done = await order("correct", { page: page.id, reach: at("reach").value, ...said });
  if (!isOpen()) return;
  if (done) settled();
  else place();
}

export async function turn(degrees) {
  const page = current();
  if (facts) facts = { ...facts, turn: (facts.turn + degrees) % 360 };
  place();
  if (page && (await order("turn", { page: page.id, degrees, reach: at("reach").value }))) settled();
}

// After something was said: what is drawn and what the page looks like, as it is by now.
export function settled() {
  if (!isOpen() || !current()) return;
  loadFacts(true);
  if (current().making || editor.crop) showPreview();
}

export function automatic() {
  const changes = {};
  for (const [stage, keys] of Object.entries(byHand)) changes[stage] = keys.reduce((all, key) => ({ ...all, [key]: null }), {});
  if (Object.keys(changes).length) correct({ changes });
}

// Angles are set by keys in steps of 0.1°; said when the keys rest.
export function angle(step) {
  if (!facts) return;
  facts = { ...facts, degrees: Math.round((facts.degrees + step) * 100) / 100 };
  told(`${say("review_angle")}: ${sohoa.written(facts.degrees)}°`);
  clearTimeout(angleTimer);
  angleTimer = setTimeout(flushAngle, ANGLE_MS);
}

// What keys have moved is said of the page that is left.
function letGo() {
  flushAngle();
  original.letGoOfKeys();
  crop.letGoOfKeys();
}

function flushAngle() {
  if (!angleTimer) return;
  clearTimeout(angleTimer);
  angleTimer = 0;
  correct({ changes: { deskew: { degrees: facts.degrees } } });
}

async function showPreview() {
  if (pending) pending.abort();
  const asked = pending = new AbortController(), { id } = editor;
  const width = Math.min(2000, Math.round(at("result-room").clientWidth * (window.devicePixelRatio || 1)));
  try {
    const answer = await sohoa.post(url("preview"), { page: id, width, uncropped: editor.crop }, { raw: true, signal: asked.signal });
    const source = URL.createObjectURL(await answer.blob());
    if (pending !== asked || editor.id !== id) { URL.revokeObjectURL(source); return; }
    await load(source).decode();
    if (pending !== asked || editor.id !== id) return;
    forgetPreview();
    preview = { source, picture: (current() || {}).picture };
    pending = null;
    showPictures();
  } catch (error) {
    if (error.name !== "AbortError") sohoa.tell(error.message, "bad");
  }
}

function forgetPreview() {
  if (preview) { forget(preview.source); URL.revokeObjectURL(preview.source); }
  preview = null;
}

// --- what happens meanwhile -----------------------------------------------------------------------------------------------

let looked = "";
function changed() {
  if (!isOpen()) return;
  if (!current()) {
    const page = instead(editor.place, editor.id);
    if (page) open(page.id);
    else close();
    return;
  }
  const page = current(), looks = `${keyOf(page)} ${page.waits} ${page.role} ${page.number} ${book.pages.length}`;
  if (looks === looked) return;
  looked = looks;
  if (document.activeElement && document.activeElement.tagName !== "SELECT") showTools(page);
  if (!page.making && preview && !editor.crop) made(page);
  else if (!page.making && !preview) { facts = knownFacts(page) || facts; loadFacts(); showPictures(); }
}

// The page is made: its picture takes the place of the preview once it is loaded.
async function made(page) {
  await load(pictureOf(page, WIDE)).decode().catch(() => {});
  if (editor.id !== page.id || !current() || current().picture !== page.picture || current().making || editor.crop) return;
  forgetPreview();
  showPictures();
  loadFacts();
}
