// Pages of one case in a frame: moved and enlarged to the row, as the person last looked at such a page; the next ones loaded beforehand.
"use strict";

const pageView = (frame, strip, missing) => {
  const UNIT = 1000, GAP = 14, FAR = 4000; // the width of each page, between two, and beyond them, before they are enlarged
  const SMALL = 1600, LARGE = 3600; // px of the long side, as asked for
  const KEPT = 12; // pictures
  const STEP = 1.25, LEAST = 0.25, MOST = 6;
  const pictures = new Map();
  const looks = {}; // by kind of page: { factor, across, down } against the row
  let shown = [], row = null, scale = 1, left = 0, top = 0;

  const address = (page, side) => `/pictures/page/${page.picture}?w=${side}`;

  function picture(url) {
    let image = pictures.get(url);
    if (!image) {
      image = new Image();
      image.src = url;
      image.alt = "";
      image.draggable = false;
      image.addEventListener("error", () => { pictures.delete(url); missing.hidden = false; missing.textContent = sohoa.say("cases_no_image"); });
    }
    pictures.delete(url);
    pictures.set(url, image); // the last one asked for stays longest
    for (const old of [...pictures.keys()].slice(0, Math.max(0, pictures.size - KEPT))) if (!pictures.get(old).isConnected) pictures.delete(old);
    return image;
  }

  // `found`: the pages of the case, each with its picture, size and region.
  function show(found) {
    missing.hidden = true;
    shown = found;
    const first = found[0];
    const start = first.region[1] * heightOf(first);
    strip.replaceChildren();
    found.forEach((page, at) => {
      page.left = at * (UNIT + GAP);
      page.top = at ? start - page.region[1] * heightOf(page) : 0; // rows go on at the same height
      strip.append(placed(picture(address(page, SMALL)), page, [0, 0, 1, 1]));
    });
    const rows = found.filter((page) => !whole(page));
    if (rows.length) shade(start, Math.max(...rows.map((page) => (page.region[3] - page.region[1]) * heightOf(page))));
    for (const page of rows) strip.append(placed(sohoa.element("div", { class: "row-of-page" }), page, page.region));
    row = { left: first.region[0] * UNIT, top: start, width: (first.region[2] - first.region[0]) * UNIT, height: (first.region[3] - first.region[1]) * heightOf(first) };
    look();
  }

  // What stands above and below the row of all pages.
  function shade(from, height) {
    for (const start of [from - FAR, from + height]) {
      const dim = sohoa.element("div", { class: "shade" });
      Object.assign(dim.style, { left: `${-FAR}px`, top: `${start}px`, width: `${3 * FAR}px`, height: `${FAR}px` });
      strip.append(dim);
    }
  }

  const whole = (page) => page.region.join() === "0,0,1,1";
  const heightOf = (page) => (UNIT * page.height) / page.width;

  function placed(item, page, region) {
    const [l, t, r, b] = region;
    item.style.left = `${page.left + l * UNIT}px`;
    item.style.top = `${page.top + t * heightOf(page)}px`;
    item.style.width = `${(r - l) * UNIT}px`;
    item.style.height = `${(b - t) * heightOf(page)}px`;
    return item;
  }

  const kind = () => shown.map((page) => page.id.split("-")[1] || "").join("+") + (whole(shown[0]) ? "" : "row");
  const usual = () => frame.clientWidth / (row.width * 1.02);

  function look() {
    const held = looks[kind()];
    scale = usual() * (held ? held.factor : 1);
    const across = held ? held.across : row.width / 2;
    const room = frame.clientHeight / scale;
    const down = held ? held.down : row.height < room ? row.height / 2 : room / 2;
    left = frame.clientWidth / 2 - (row.left + across) * scale;
    top = frame.clientHeight / 2 - (row.top + down) * scale;
    place();
  }

  function place() {
    strip.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
    for (const page of shown) sharper(page);
  }

  // A picture that is drawn larger than it is gives way to a larger one, when that is there.
  function sharper(page) {
    const portion = page.width / Math.max(page.width, page.height);
    if (scale * UNIT * (window.devicePixelRatio || 1) < 1.2 * SMALL * portion) return;
    const small = pictures.get(address(page, SMALL)), large = picture(address(page, LARGE));
    const swap = () => { if (small && small.parentNode === strip && shown.includes(page)) strip.replaceChild(placed(large, page, [0, 0, 1, 1]), small); };
    if (large.complete) swap();
    else large.addEventListener("load", swap, { once: true });
  }

  function remember() {
    looks[kind()] = { factor: scale / usual(), across: (frame.clientWidth / 2 - left) / scale - row.left, down: (frame.clientHeight / 2 - top) / scale - row.top };
  }

  // By keys, without a place to be kept, a row keeps its beginning in sight: number and date stand there.
  function zoom(larger, spot) {
    if (!row) return;
    const [x, y] = spot || [whole(shown[0]) ? frame.clientWidth / 2 : 0, frame.clientHeight / 2];
    const next = Math.min(usual() * MOST, Math.max(usual() * LEAST, scale * (larger ? STEP : 1 / STEP)));
    left = x - ((x - left) / scale) * next;
    top = y - ((y - top) / scale) * next;
    scale = next;
    place();
    remember();
  }

  function pan(across, down) {
    if (!row) return;
    left -= across * frame.clientWidth;
    top -= down * frame.clientHeight;
    place();
    remember();
  }

  function fit() {
    if (!row) return;
    delete looks[kind()];
    look();
  }

  frame.addEventListener("pointerdown", (event) => {
    if (!row) return;
    const from = { x: event.clientX - left, y: event.clientY - top };
    const move = (moved) => { left = moved.clientX - from.x; top = moved.clientY - from.y; place(); };
    frame.setPointerCapture(event.pointerId);
    frame.classList.add("held");
    frame.addEventListener("pointermove", move);
    frame.addEventListener("pointerup", () => { frame.removeEventListener("pointermove", move); frame.classList.remove("held"); remember(); }, { once: true });
    event.preventDefault(); // the fields keep the focus
  });
  frame.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = frame.getBoundingClientRect();
    if (event.ctrlKey) zoom(event.deltaY < 0, [event.clientX - box.left, event.clientY - box.top]);
    else pan(0, Math.sign(event.deltaY) * 0.15);
  }, { passive: false });
  window.addEventListener("resize", () => { if (row) look(); });

  const preload = (found) => found.forEach((page) => picture(address(page, SMALL)));
  const clear = () => { strip.replaceChildren(); shown = []; row = null; };
  return { show, zoom, pan, fit, preload, clear };
};
