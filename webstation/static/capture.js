// Capture: what the scanner does, the last image, how many are safe. The counter shows what the station's log holds, and nothing else.
"use strict";
(() => {
  const { say, element } = sohoa;
  const base = `/books/${sohoa.book}`;
  const at = (id) => document.getElementById(id);
  const RESTING_MINUTES = 5; // a photo of which nothing came for so long may never be whole
  let standing = null, chosen = null, devices = [], none = say("scanner_none"), links = [];

  // --- what is shown ---------------------------------------------------------------------------------------------------

  async function refresh() {
    const before = standing;
    standing = await sohoa.get(`${base}/capture.json`);
    at("safe-count").textContent = sohoa.written(standing.safe);
    at("safe-of").textContent = standing.stated ? say("of_pages", { number: standing.stated }) : "";
    at("behind").textContent = standing.waiting ? say("being_developed", { number: standing.waiting }) : "";
    const newest = standing.last[0];
    if (newest && (!before || !before.last[0] || before.last[0].id !== newest.id)) chosen = newest.id;
    if (before && standing.safe > before.safe) flash();
    if (before && standing.set_aside.length > before.set_aside.length) sohoa.beep(false);
    if (before && newest && bad(newest) && !bad(before.last.find((item) => item.id === newest.id) || { pages: [] })) sohoa.beep(false);
    showPast();
    showChosen();
    showRetaking();
    showAside();
    showScanner(standing.scanner);
  }
  const soon = sohoa.anew(refresh);

  const findings = (item) => [].concat(...item.pages.map((page) => page.findings));
  const bad = (item) => findings(item).some((finding) => finding.severity === "warning");

  function flash() {
    at("safe").classList.remove("new");
    void at("safe").offsetWidth;
    at("safe").classList.add("new");
  }

  function picture(item, side) {
    return `${base}/pictures/original/${item.id}?w=${side}`;
  }

  function showPast() {
    const place = at("past");
    const old = {};
    for (const button of place.children) old[button.dataset.id] = button;
    place.replaceChildren(...standing.last.map((item) => {
      const button = old[item.id] || element("button", { type: "button", "data-id": item.id },
        element("img", { src: picture(item, 240), alt: "" }), element("span", { class: "label" }), element("span", { class: "chip" }));
      button.onclick = () => { chosen = item.id; showPast(); showChosen(); };
      button.setAttribute("aria-pressed", item.id === chosen);
      button.querySelector(".label").textContent = say("image_number", { number: item.number });
      const chip = button.querySelector(".chip");
      const warning = findings(item).find((finding) => finding.severity === "warning");
      chip.className = "chip " + (warning ? "warn" : item.developed ? "good" : "");
      chip.textContent = warning ? warning.text : say(item.developed ? "check_good" : "being_looked_at_short");
      return button;
    }));
  }

  function showChosen() {
    const item = standing.last.find((one) => one.id === chosen) || standing.last[0];
    at("retake").hidden = at("says").hidden = !item;
    if (!item) return;
    const shown = at("last").querySelector("img");
    if (!shown || shown.dataset.id !== item.id) {
      at("last").replaceChildren(element("img", { src: picture(item, 1200), alt: say("image_number", { number: item.number }), "data-id": item.id }));
    }
    at("which").textContent = `${say("image_number", { number: item.number })} · ${item.name.split("/").pop()}`;
    const told = findings(item).filter((finding, index, all) => all.findIndex((other) => other.text === finding.text) === index);
    const warnings = told.filter((finding) => finding.severity === "warning");
    const lines = [...warnings, ...told.filter((finding) => finding.severity !== "warning")].slice(0, 4)
      .map((finding) => element("li", { class: finding.severity === "warning" ? "warn-words" : "" }, finding.text));
    at("findings").replaceChildren(...(!item.developed ? [element("p", { class: "no-gap" }, say("being_looked_at"))]
      : warnings.length ? [element("ul", {}, ...lines)] : [element("p", { class: "good-words" }, say("looks_good")), element("ul", {}, ...lines)]));
  }

  function showRetaking() {
    at("retaking").hidden = !standing.retaking;
    if (!standing.retaking) return;
    const item = standing.last.find((one) => one.id === standing.retaking);
    at("retaking-says").textContent = say("retake_waits", { number: item ? item.number : standing.retaking });
  }

  function showAside() {
    at("aside").replaceChildren(...(standing.set_aside.length ? [element("h2", {}, say("set_aside_title")),
      ...standing.set_aside.map((item) => element("p", { class: "hint warn-words" }, `${item.name.split("/").pop()}: ${item.reason}`))] : []));
  }

  // --- the scanner -----------------------------------------------------------------------------------------------------

  function showScanner(scanner) {
    const ours = scanner.book === sohoa.book;
    const working = scanner.state !== "idle";
    const asking = ours && scanner.state === "asking";
    let words = devices.length || working ? say("scanner_" + scanner.state) : none;
    if (working && scanner.book && !ours) words = say("scanner_other_book", { book: scanner.book });
    if (scanner.silent_s >= 5 && !asking) words = say("silent_for", { number: scanner.silent_s });
    at("scanner-says").textContent = words;
    at("scanner-says").classList.toggle("asks", asking);
    at("scanner-trouble").textContent = !working && (ours || !scanner.book) ? scanner.trouble : "";
    at("scan").disabled = !(asking || (!working && devices.length));
    at("scan").firstChild.textContent = (asking ? say("scan_next") : say("scan_start")) + " ";
    at("done").hidden = !(ours && working && scanner.state !== "listing");
    at("look-again").hidden = working;
    for (const field of at("scanner").querySelectorAll("select, input")) field.disabled = working || !devices.length;
  }

  // Only TWAIN's drivers bring a window of their own.
  const offerWindow = () => { at("window-choice").hidden = !at("device").value.startsWith("twain"); };

  async function findDevices(again) {
    at("scanner-says").textContent = say("scanner_looking");
    const found = await sohoa.get("/devices.json" + (again ? "?again" : "")).catch(() => ({ devices: [], trouble: "", none: "" }));
    devices = found.devices;
    none = found.none || say("scanner_none");
    const last = localStorage.getItem("sohoa-device");
    at("device").replaceChildren(...devices.map((device) =>
      element("option", { value: device.name, selected: device.name === last }, `${device.vendor} ${device.model}`.trim() || device.name)));
    offerWindow();
    if (standing) showScanner(standing.scanner);
    at("scanner-trouble").textContent = found.trouble;
  }

  async function scan() {
    if (!standing || at("scan").disabled) return;
    at("scan").disabled = true;
    if (standing.scanner.state === "asking") {
      await sohoa.order(`${base}/scan/next`, { more: true });
    } else {
      const asked = sohoa.facts(at("scanner"));
      localStorage.setItem("sohoa-device", asked.device);
      localStorage.setItem("sohoa-preset", JSON.stringify(asked));
      if (!(await sohoa.order(`${base}/scan`, { ...asked, dpi: Number(asked.dpi), window: !at("window-choice").hidden && at("window").checked }))) at("scan").disabled = false;
    }
  }

  const done = () => sohoa.order(`${base}/scan/next`, { more: false });

  async function retake() {
    const item = standing && (standing.last.find((one) => one.id === chosen) || standing.last[0]);
    if (item && (await sohoa.order(`${base}/retake`, { capture: item.id }))) soon(0);
  }

  // --- phones ----------------------------------------------------------------------------------------------------------

  async function phone() {
    const invitation = await sohoa.order(`${base}/phone`, {});
    if (!invitation) return;
    links = [invitation, ...invitation.others];
    at("phone-other").hidden = links.length < 2;
    showInvitation(invitation.lines);
    showPhones();
    sohoa.show(at("phone-door"));
  }

  function showInvitation(lines) {
    const { code, address } = links[0];
    at("phone-invitation").replaceChildren(
      ...(code ? [element("img", { class: "qr", src: drawn(code), alt: say("phone_code") })] : []),
      ...lines.map((line) => element("p", {}, line)),
      element("p", { class: "path" }, address));
  }

  // The code of the next address of this computer, for a phone that does not find it by this one.
  function otherCode() {
    links.push(links.shift());
    document.querySelector("#phone-invitation .qr").src = drawn(links[0].code);
    document.querySelector("#phone-invitation .path").textContent = links[0].address;
  }

  const drawn = (svg) => URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));

  async function stopPhones() {
    if (await sohoa.order(`${base}/phone/close`, {})) sohoa.hide(at("phone-door"));
  }

  async function showPhones() {
    const phones = await sohoa.get(`${base}/phones.json`).catch(() => null);
    at("phones-say").textContent = phones ? phones.words : "";
    const resting = phones ? phones.unfinished.filter((photo) => photo.minutes >= RESTING_MINUTES) : [];
    at("phone-unfinished").replaceChildren(...resting.map((photo) => {
      const facts = { mb: photo.bytes / 1e6, minutes: photo.minutes };
      const button = element("button", { type: "button", class: "small" }, say("phone_discard"));
      button.addEventListener("click", () => discard(photo.sha256, say("phone_discard_sure", facts)));
      return element("p", { class: "spread-apart" }, element("span", {}, say("phone_unfinished_one", facts)), button);
    }));
  }

  async function discard(sha256, question) {
    if (!window.confirm(question)) return;
    await sohoa.order(`${base}/phone/discard`, { sha256 });
    await showPhones();
    at("phone-door").querySelector("[data-closes]").focus();
  }

  // --- keys and news ---------------------------------------------------------------------------------------------------

  at("scanner").addEventListener("submit", (event) => { event.preventDefault(); scan(); });
  at("done").addEventListener("click", done);
  at("look-again").addEventListener("click", () => findDevices(true));
  at("retake").addEventListener("click", retake);
  at("no-retake").addEventListener("click", async () => { if (await sohoa.order(`${base}/retake`, { capture: null })) soon(0); });
  at("phone").addEventListener("click", phone);
  at("phone-other").addEventListener("click", otherCode);
  at("phone-stop").addEventListener("click", stopPhones);
  at("print").addEventListener("click", () => window.print());
  sohoa.keys({ " ": scan, r: retake, x: done, p: phone }, [" "]);
  at("device").addEventListener("change", offerWindow);

  // The space key scans, whatever the mouse was at last: what it has clicked does not keep the keys.
  document.querySelector(".bench").addEventListener("click", (event) => { if (event.detail && event.target.closest("button, .tick")) document.activeElement.blur(); });

  const ours = (facts) => facts.book === sohoa.book || (facts.books || []).includes(sohoa.book);
  sohoa.on("received", (facts) => { if (ours(facts)) { sohoa.beep(true); soon(0); } });
  for (const event of ["developed", "failed", "set_aside", "changed"]) sohoa.on(event, (facts) => { if (ours(facts)) soon(60); });
  sohoa.on("scanner", () => soon(30));
  sohoa.on("phone", (facts) => { if (ours(facts)) showPhones(); });
  sohoa.onceAgain(() => soon(0));

  try {
    const last = JSON.parse(localStorage.getItem("sohoa-preset") || "{}");
    for (const name of ["source", "mode", "dpi"]) if (last[name]) at("scanner").elements[name].value = last[name];
  } catch (error) { /* nothing kept */ }
  soon(0);
  findDevices(false);
  showPhones();
})();
