// The book as this screen knows it: its pages, what waits, what was said last. Whatever is said goes to the station at once,
// and its answer is the table as it is then.

const base = `/books/${sohoa.book}`;

export const book = { pages: [], byId: new Map(), counts: {}, stated: {}, undo: null, redo: null, waits: 0, waiting: 0, known: false };
const listeners = [];
const acceptedWhenMade = new Map(); // page → codes that the person saw when they accepted what is being made anew
const ownWork = new Set(); // captures that are being made anew as this person said
const shares = new Map(); // code of a finding → pages that have it
let asked = 0, loading = false, again = false, saying = Promise.resolve();

export const onChange = (heard) => listeners.push(heard);
// What asks a person to look, first what few other pages of the book have: what most share tells of the scanner.
export const warnings = (page) => page.findings.filter((finding) => finding.severity === "warning")
  .sort((one, other) => (shares.get(one.code) || 0) - (shares.get(other.code) || 0));
export const url = (rest) => `${base}/${rest}`;
export const thumbOf = (page) => (page.picture ? `/pictures/thumb/${page.picture}` : `${base}/pictures/original/${page.capture}?w=240`);
export const pictureOf = (page, width) => (page.picture ? `/pictures/page/${page.picture}?w=${width}` : originalOf(page, width));
export const originalOf = (page, width) => `${base}/pictures/original/${page.capture}?w=${width}`;

const NO_PAGE = { side: "whole", doubt: 0, waits: false, accepted: false, role: "", picture: "", width: 0, height: 0, retaken: [],
  findings: [], making: "", trouble: "", seen: "" };

// The pages in order, with a page to come for each capture that has none yet; last what was taken out of the book.
function merged(table) {
  const failed = new Map(table.waiting.filter((one) => one.state === "failed").map((one) => [one.capture, one.text]));
  const shown = new Set(table.pages.map((page) => page.capture)), pages = [];
  let at = 0;
  for (const waiting of table.waiting.filter((one) => !shown.has(one.capture))) {
    const { capture, name } = waiting;
    pages.push(...table.pages.slice(at, waiting.before), { ...NO_PAGE, id: capture, capture, name, making: "waiting" });
    at = waiting.before;
  }
  pages.push(...table.pages.slice(at));
  const making = (page) => (failed.has(page.capture) ? "failed" : page.developing ? "waiting" : page.making || "");
  return [...pages.map((page, index) => ({ ...page, number: index + 1, making: making(page), trouble: failed.get(page.capture) || "" })),
    ...table.spare.map((one) => ({ ...NO_PAGE, id: one.capture, capture: one.capture, name: one.name, number: "–", role: "spare" }))];
}

function take(table) {
  book.pages = merged(table);
  shares.clear();
  for (const page of book.pages) for (const { code } of page.findings) shares.set(code, (shares.get(code) || 0) + 1);
  book.byId = new Map(book.pages.map((page) => [page.id, page]));
  book.waits = book.pages.filter((page) => page.waits).length;
  book.waiting = new Set(book.pages.filter((page) => page.making === "waiting").map((page) => page.capture)).size;
  Object.assign(book, { counts: table.counts, stated: table.stated, undo: table.undo, redo: table.redo, known: true });
  listeners.forEach((heard) => heard());
  acceptWhatIsMade();
  const making = new Set(book.pages.filter((page) => page.making).map((page) => page.capture));
  for (const capture of ownWork) if (!making.has(capture)) ownWork.delete(capture);
}

// A page that was corrected and accepted is accepted once it is made, unless it is then doubted for something new.
function acceptWhatIsMade() {
  const made = new Map();
  for (const [id, seen] of acceptedWhenMade) {
    const page = book.byId.get(id);
    if (page && page.making) continue;
    acceptedWhenMade.delete(id);
    if (page && page.waits && warnings(page).every((finding) => seen.has(finding.code))) made.set(id, page.seen);
  }
  if (made.size) order("accept", { pages: Object.fromEntries(made) });
}

// Asks for the table, once more where something happened meanwhile. Answers to older questions are not taken.
export async function refresh() {
  if (loading) { again = true; return; }
  loading = true;
  const number = ++asked;
  try {
    const table = await sohoa.get(url("review.json"));
    if (number === asked) take(table);
  } catch (error) {
    if (!book.known) sohoa.tell(error.message, "bad");
  }
  loading = false;
  if (again) { again = false; refresh(); }
}

let timer = 0;
export function soon(wait) {
  timer = timer || setTimeout(() => { timer = 0; refresh(); }, wait);
}

// Says something, after all that was said before; true when it is in the book's log. What came of it is told in words.
export function order(name, facts) {
  saying = saying.then(() => send(name, facts));
  return saying;
}
async function send(name, facts) {
  asked++;
  const answer = await sohoa.order(url(name), facts);
  if (!answer) { soon(0); return false; }
  asked++;
  answer.develop.forEach((capture) => ownWork.add(capture));
  told(answer.said);
  take(answer);
  return true;
}

export function told(words) {
  document.getElementById("told").textContent = words;
}

// Pages are good as they are seen now, after all that was said before: the station takes none that is another by then. What
// this person corrected, and is being made, is accepted once it is there; what somebody else did is to be seen first.
export function accept(pages) {
  const waits = pages.filter((page) => page.waits), asSeen = new Map(waits.map((page) => [page.id, page.seen]));
  saying = saying.then(() => {
    for (const page of waits.map(({ id }) => book.byId.get(id)).filter((one) => one && one.making && ownWork.has(one.capture))) {
      acceptedWhenMade.set(page.id, new Set(warnings(page).map((finding) => finding.code)));
      asSeen.delete(page.id);
    }
    return asSeen.size ? send("accept", { pages: Object.fromEntries(asSeen) }) : true;
  });
  return saying;
}

// All that wait, as they are seen now, but those that look like another page: each of them stands in the count of pages.
export function acceptAll() {
  const waits = book.pages.filter((page) => page.waits && !page.findings.some((finding) => finding.code === "double_page"));
  if (waits.length) order("accept", { pages: Object.fromEntries(waits.map((page) => [page.id, page.seen])) });
}

// One capture before another, by steps of captures in the book's order.
export function moveBy(page, step) {
  const captures = [...new Set(book.pages.filter((one) => one.role !== "spare").map((one) => one.capture))];
  const at = captures.indexOf(page.capture), to = at + step;
  if (to < 0 || to >= captures.length) return;
  order("move", { page: page.id, before: captures[step < 0 ? to : to + 1] || null });
}

// Where a page went that was split, or whose sides became one.
export function heirOf(id) {
  const capture = id.split("-")[0];
  return book.byId.get(id) || book.pages.find((page) => page.capture === capture);
}
