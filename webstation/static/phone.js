// The page on a phone: photos are taken, kept, sent one after another in their order, and told of until they are safe.
"use strict";

(function () {
  const WORDS = JSON.parse(document.body.dataset.words), LANGUAGE = document.body.dataset.language;
  const KEY = location.hash.slice(1);
  const ASK_MS = 1500, SELDOM_MS = 10000, LOOKED_AT_WITHIN_MS = 180000, DAY_MS = 86400000, ASKED_AT_ONCE = 40;
  const GONE_WELL = ["safe", "looked_at", "sheet"];
  const at = (id) => document.getElementById(id);
  const sender = new window.SohoaSender(KEY, LANGUAGE), signs = window.sohoaSigns;
  let store = null, book = "", session = null, mostBytes = Infinity, photos = [], sending = false, asking = false;

  function say(code, facts) {
    return (WORDS[code] || code).replace(/\{(\w+)\}/g, (whole, name) => (facts && name in facts ? facts[name] : whole));
  }

  function news(text, bad) {
    at("news").textContent = text;
    at("news").className = bad ? "bad" : "";
  }

  const isSafe = (photo) => GONE_WELL.includes(photo.state);
  const isUnsafe = (photo) => ["preparing", "queued", "waiting"].includes(photo.state);

  const list = new window.SohoaList(at("photos"), say, isSafe, (input, photo) => chosen(input, photo.id), (photo) => {
    if (photo.state === "refused" || confirm(say("sure"))) giveUp(photo);
  });
  const show = (photo) => list.show(photo);

  // --- begin ---------------------------------------------------------------------------------------------------------

  async function begin() {
    at("other").hash = location.hash;
    addEventListener("hashchange", () => location.reload());
    addEventListener("beforeunload", (event) => {
      if (!photos.some(isUnsafe)) return;
      event.preventDefault();
      event.returnValue = say("leave");
    });
    document.addEventListener("visibilitychange", () => { // a page that is not seen may not keep the phone awake
      if (document.hidden) signs.rest();
      else if (photos.some(isUnsafe)) signs.awake();
    });
    if (!KEY) return news(say("no_key"), true);
    store = await window.SohoaStore.open();
    if (!(await hello())) return;
    const known = (await store.photos()).filter(isRecent);
    photos = known.filter((photo) => photo.book === book).sort((one, other) => one.number - other.number);
    session = await store.session(book);
    tellOfOthers(known);
    photos.forEach(show);
    at("take").addEventListener("change", (event) => chosen(event.target));
    at("choose").addEventListener("change", (event) => chosen(event.target));
    at("book").textContent = say("book", { book });
    ["deeds", "hint", "count"].forEach((id) => { at(id).hidden = false; });
    news(store.lasting ? "" : say("not_kept"), !store.lasting);
    count();
    work();
    ask();
  }

  // What came to its end a day ago is not shown any more.
  function isRecent(photo) {
    const recent = isUnsafe(photo) || Date.now() - photo.at < DAY_MS;
    if (!recent) store.forget(photo);
    return recent;
  }

  async function hello() {
    for (let failed = 0; ; failed++) {
      try {
        const told = await sender.ask("/state", { photos: [] });
        book = told.book;
        mostBytes = told.most_mb * 1e6;
        return true;
      } catch (error) {
        if (error.status === 403) {
          news(say("key"), true);
          return false;
        }
        news(error.words || say("connecting"), Boolean(error.words));
        await sender.pause(error.seconds || Math.min(15, 1 + failed));
      }
    }
  }

  function tellOfOthers(known) {
    const others = known.filter((photo) => photo.book !== book && isUnsafe(photo));
    const books = Array.from(new Set(others.map((photo) => photo.book)));
    at("others").hidden = !others.length;
    at("others").textContent = books.map((other) => say("other_book", {
      book: other, number: others.filter((photo) => photo.book === other).length })).join(" ");
  }

  // --- photos come from the camera -------------------------------------------------------------------------------------

  async function chosen(input, retakes) {
    const files = inOrder(Array.from(input.files));
    input.value = "";
    signs.awake();
    for (const file of files) await take(file, retakes || null);
  }

  // Cameras number their photos; where the names say nothing, the order is the one they were chosen in.
  function inOrder(files) {
    const names = new Set(files.map((file) => file.name));
    if (names.size < files.length) return files;
    const compare = new Intl.Collator(undefined, { numeric: true }).compare;
    return files.sort((one, other) => compare(one.name, other.name));
  }

  async function take(file, retakes) {
    const number = ++session.last;
    store.count(book, session);
    const photo = { id: Date.now() + "-" + number, book, session: session.id, number, name: file.name, length: file.size,
      sha256: "", state: "preparing", findings: [], retakes, replaced: false, at: Date.now(), thumb: null };
    photos.push(photo);
    show(photo);
    count();
    try {
      if (file.size > mostBytes) throw new Error("too_large");
      const bytes = await read(file);
      photo.sha256 = await window.sohoaDigest(bytes);
      photo.thumb = await signs.thumbnail(file);
      photo.state = "queued";
      if (!(await store.add(photo, bytes))) news(say("not_kept"), true);
    } catch (error) {
      photo.state = "refused";
      photo.findings = [error.message === "too_large" ? say("too_large", { most: Math.round(mostBytes / 1e6) }) : say("unreadable")];
      signs.complain();
    }
    show(photo);
    count();
    work();
  }

  function read(file) {
    return new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.onerror = () => reject(reader.error);
      reader.readAsArrayBuffer(file);
    });
  }

  // --- and go to the station -------------------------------------------------------------------------------------------

  const nextToSend = () => photos.find((photo) => photo.state === "queued" && !photo.givenUp);

  async function work() {
    if (sending) return;
    sending = true;
    try {
      for (let photo = nextToSend(); photo; photo = nextToSend()) await send(photo);
    } catch (error) {
      news(error.status === 403 ? say("key") : say("unreadable"), true);
    } finally {
      sending = false;
      if (!photos.some(isUnsafe)) signs.rest();
    }
  }

  async function send(photo) {
    try {
      const bytes = await store.bytes(photo.id);
      if (!bytes) throw new Error("unreadable");
      await sender.send(photo, bytes, (part, words, seconds) => progress(photo, part, words, seconds),
        (sha256) => photos.some((one) => one.sha256 === sha256 && one.state === "queued"));
      if (photo.givenUp) return;
      photo.state = "waiting";
      news("");
    } catch (error) {
      if (error.status === 403) throw error;
      photo.state = "refused";
      photo.findings = [error.words || say("unreadable")];
      signs.complain();
    }
    await store.note(photo, false);
    show(photo);
    count();
    ask();
  }

  function progress(photo, part, words, seconds) {
    if (seconds) news(navigator.onLine === false ? say("offline") : words || say("retry", { seconds }), true);
    if (part === null) return;
    news("");
    photo.part = part;
    show(photo);
  }

  async function giveUp(photo) {
    photo.givenUp = true;
    photos = photos.filter((one) => one !== photo);
    list.remove(photo);
    sender.cut();
    sender.wake();
    await store.forget(photo);
    if (photo.sha256) await sender.giveUp(photo);
    count();
    work();
  }

  // --- what became of them ---------------------------------------------------------------------------------------------

  // Those of which there is more to hear: first the ones that are not known to be safe.
  function open() {
    const ofState = (state) => photos.filter((photo) => photo.state === state);
    return ofState("waiting").concat(ofState("safe"));
  }

  async function ask() {
    if (asking) return;
    asking = true;
    while (open().length || unplaced().length) {
      const early = open().filter((photo) => Date.now() - photo.at < LOOKED_AT_WITHIN_MS);
      try {
        const retakes = {};
        unplaced().slice(0, 20).forEach((photo) => { retakes[photo.sha256] = retaken(photo).sha256; });
        const asked = open().slice(0, ASKED_AT_ONCE).map((photo) => photo.sha256);
        hear(await sender.ask("/state", { photos: asked, session: session.id, retakes }));
      } catch (error) {
        if (error.status === 403) break;
      }
      await new Promise((resolve) => setTimeout(resolve, early.length ? ASK_MS : SELDOM_MS));
    }
    asking = false;
  }

  const retaken = (photo) => photos.find((old) => old.id === photo.retakes);

  // Retakes that are safe while the photo they are for still stands in their place.
  function unplaced() {
    return photos.filter((photo) => photo.retakes && !photo.placed && isSafe(photo) && retaken(photo) && isSafe(retaken(photo)));
  }

  function hear(told) {
    photos.filter((photo) => photo.sha256 in told.photos).forEach((photo) => become(photo, told.photos[photo.sha256]));
    photos.filter((photo) => told.replaced.includes(photo.sha256)).forEach(replace);
    count();
  }

  function replace(photo) {
    const old = retaken(photo);
    photo.placed = true;
    note(photo);
    if (!old) return;
    old.replaced = true;
    note(old);
  }

  function become(photo, fate) {
    const before = photo.state;
    photo.state = fate.state === "absent" ? "queued" : fate.state;
    photo.findings = fate.findings;
    if (photo.state === before) return;
    photo.at = Date.now();
    if (photo.state === "queued") work();
    if (isSafe(photo) && before === "waiting") signs.rejoice();
    if (isSafe(photo) && retaken(photo) && !isSafe(retaken(photo))) replace(photo); // that one is in no book
    if (photo.findings.length) signs.complain();
    note(photo);
  }

  function note(photo) {
    store.note(photo, isSafe(photo) || photo.state === "set_aside");
    show(photo);
  }

  function count() {
    const counted = photos.filter((photo) => photo.state !== "refused" && (isSafe(photo) || !photo.replaced));
    const safe = counted.filter(isSafe).length;
    at("count").textContent = say("safe_count", { safe, all: counted.length }).replace(" / ", "\u00a0/\u00a0");
    at("count").className = safe === counted.length && safe > 0 ? "all" : "";
  }

  begin();
})();
