// Pictures and facts of pages, loaded before they are asked for and kept for a while.

import { originalOf, pictureOf, url } from "./review-book.js";

export const WIDE = 1200, LARGE = 2600; // px of pictures: fitted into the window, and zoomed
const KEPT = 16; // pictures that are kept decoded
const KNOWN = 200; // pages of which the facts are kept
const FLICK_MS = 90; // a picture that goes by faster is not loaded
const pictures = new Map(), facts = new Map();

export const keyOf = (page) => `${page.id} ${page.picture} ${page.making || ""}`;
export const knownFacts = (page) => facts.get(keyOf(page)) || null;

// What there is to draw on the original of a page, and what was decided.
export async function getFacts(page) {
  const found = await sohoa.get(url(`pages/${page.id}.json`));
  if (!page.making) keep(facts, keyOf(page), found, KNOWN);
  return found;
}

// The station takes the capture into its hand, so that a handle that is dragged waits for nothing.
export const warm = (page) => sohoa.get(url(`pages/${page.id}.json?warm`)).catch(() => {});

// All that is shown of a page, before it is opened.
export function getReady(page) {
  if (!page) return;
  if (page.picture) load(pictureOf(page, WIDE));
  load(originalOf(page, WIDE));
  if (!page.making && !knownFacts(page)) getFacts(page).catch(() => {});
}

export function load(source) {
  const image = pictures.get(source) || new Image();
  if (!image.src) image.src = source;
  keep(pictures, source, image, KEPT);
  return image;
}

export const forget = (source) => pictures.delete(source);

function keep(kept, key, value, most) {
  kept.delete(key);
  kept.set(key, value);
  if (kept.size > most) kept.delete(kept.keys().next().value);
}

// A picture in an element, at once if it was loaded before; until then another one that is there.
export function show(element, source, meanwhile) {
  if (element.dataset.source === source) return;
  element.dataset.source = source;
  const known = pictures.get(source), wanted = () => element.dataset.source === source;
  const take = () => { if (wanted()) element.src = source; };
  if (known && known.complete && known.naturalWidth) { take(); return; }
  if (meanwhile) element.src = meanwhile;
  else element.removeAttribute("src");
  setTimeout(() => { if (wanted()) load(source).decode().then(take, () => {}); }, known ? 0 : FLICK_MS);
}
