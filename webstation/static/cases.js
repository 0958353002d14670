// Typing number and date of each case: the next one is on the screen at once, saving goes on behind, and what is not saved yet is kept in the browser.
"use strict";
(() => {
  const { say, element } = sohoa;
  const at = (id) => document.getElementById(id);
  const base = `/books/${sohoa.book}/cases`;
  const tab = Math.random().toString(36).slice(2);
  const numberField = at("number"), dateField = at("date");
  const view = pageView(at("look"), at("strip"), at("no-image"));
  const RELOAD_MS = 700;
  const saves = saveQueue(`sohoa-cases ${sohoa.book} ${at("typing").dataset.person}`, send, { saved, refused, changed: paint });

  let mode = "type", list = [], pages = {}, told = { problems: {}, notes: [], start: { number: "", year: 0 }, step: 1 };
  let here = "", touched = false, last = ""; // ids of the case shown, and of the one taken last

  // --- what is known ---------------------------------------------------------------------------------------------------

  const index = () => list.findIndex((row) => row.id === here);
  const current = () => list[index()];
  const typed = (row) => Boolean(row.number && row.date);
  const open = (row) => !row.slip && !typed(row);
  const queued = (id) => saves.of(id, mode);
  const isRefused = (id) => Boolean(queued(id)) && queued(id).state === "refused";
  const addresses = { type: `${base}.json`, check: `${base}/check.json`, differ: `${base}/differences.json` };

  async function load(chosen) {
    const data = await sohoa.get(addresses[mode]);
    know(data, chosen || here);
    return data;
  }

  function know(data, chosen) {
    const before = index(), was = current() || {};
    list = data.cases;
    pages = data.pages;
    told = { ...told, ...data };
    if (mode === "check") list.forEach((row) => Object.assign(row, checkedNow[row.id]));
    saves.waiting().filter((item) => item.mode === mode).forEach(lay);
    const stays = list.some((row) => row.id === chosen);
    const next = stays ? chosen : list.length ? (mode === "type" && before < 0 && data.first) || list[Math.max(0, Math.min(before, list.length - 1))].id : "";
    if (next !== here || before < 0) return show(next);
    const row = current();
    if (!touched && row.version !== was.version) fill(row);
    view.show(pagesOf(row));
    paint(); // where the person is stays as it is
  }
  const checkable = () => Math.max(told.to_check || 0, list.length); // those typed again, too, that are listed no more
  const checkedNow = {}; // what this person has typed again, as long as the screen is open

  function lay(item) {
    const row = list.find((one) => one.id === item.id);
    if (!row) return;
    item.was = item.was || { number: row.number, date: row.date, slip: row.slip };
    Object.assign(row, { number: item.number, date: item.date, slip: /cc/i.test(item.number) });
  }

  // The case before this one that is typed, and how many stand between.
  function before(row) {
    const earlier = list.slice(0, list.indexOf(row)).filter((one) => !one.slip);
    const lastTyped = earlier.filter(typed).pop();
    return { last: lastTyped, gap: lastTyped ? earlier.length - earlier.indexOf(lastTyped) : 0 };
  }

  // What it likely has, by the rule that the station sees in the cases so far.
  function likely(row) {
    if (mode !== "type" || row.slip) return { number: "", date: "" };
    const { last: one, gap } = before(row);
    if (!one) return { number: told.start.number, date: "" };
    const number = parseInt(one.number, 10) + told.step * gap;
    return { number: number > 0 ? String(number) : "", date: dates.shown(one.date) };
  }

  function meant(text, row) {
    const { last: one } = before(row);
    return dates.complete(text, row.date || (one && !anew(row) ? one.date : ""), yearOf(row));
  }

  // Numbers that begin at 1 again are of the next year.
  const anew = (row) => { const { last: one } = before(row); return Boolean(one) && !typed(row) && numberField.value.trim() === "1" && parseInt(one.number, 10) > 2; };
  const yearOf = (row) => { const { last: one } = before(row); return one ? Number(one.date.slice(0, 4)) + (anew(row) ? 1 : 0) : told.start.year; };

  // --- what is shown ---------------------------------------------------------------------------------------------------

  function show(id) {
    here = id;
    touched = false;
    const row = current();
    at("one").hidden = !row;
    at("none").hidden = Boolean(row);
    if (!row) {
      at("none").textContent = say({ type: "cases_none", check: "cases_none_check", differ: "cases_none_differ" }[mode]);
      view.clear();
      paint();
      return;
    }
    fill(row);
    view.show(pagesOf(row));
    list.slice(index() + 1, index() + 3).forEach((next) => view.preload(pagesOf(next)));
    paint();
    focus(mode === "differ" ? at("first-right") : numberField);
  }

  const pagesOf = (row) => row.pages.filter((id) => pages[id]).map((id) => ({ ...pages[id], id, region: row.regions[id] || [0, 0, 1, 1] }));

  function fill(row) {
    const held = isRefused(row.id) ? { number: queued(row.id).number, date: dates.shown(queued(row.id).date) } : null;
    const saved = row.number || row.date || row.slip || mode === "differ";
    const values = held || (saved ? { number: row.number, date: dates.shown(row.date) } : likely(row));
    numberField.value = values.number;
    dateField.value = values.date;
    for (const field of [numberField, dateField]) {
      field.classList.toggle("likely", !held && !saved && field.value !== "");
      wrong(field, false);
    }
    dateField.placeholder = say("cases_date_of_year", { year: String(yearOf(row)) });
    if (held) wrong(queued(row.id).field === "date" ? dateField : numberField, true);
    touched = false;
  }

  function focus(field) {
    field.focus();
    if (field.select) field.select();
  }

  function wrong(field, is) {
    field.classList.toggle("wrong", is);
    field.setAttribute("aria-invalid", String(is));
  }

  function paint() {
    const row = current(), waits = saves.standing();
    const again = checkable() - list.filter(open).length;
    at("progress").max = (mode === "check" ? checkable() : told.wanted) || 1;
    at("progress").value = mode === "check" ? again : told.typed || 0;
    at("progress-words").textContent = mode === "check" ? say("cases_progress_check", { typed: again, wanted: checkable() })
      : mode === "differ" ? say("cases_progress_differ", { number: list.length, checked: told.checked || 0 })
      : say(told.an_hour ? "cases_progress_pace" : "cases_progress", { typed: told.typed || 0, wanted: told.wanted || 0, today: told.today || 0, pace: told.an_hour || 0 });
    at("differ-count").textContent = told.differ ? `(${told.differ})` : "";
    at("tools").hidden = mode !== "type";
    at("waits").hidden = !waits;
    at("waits").textContent = waits;
    const gone = mode === "check" ? checkable() - list.length : 0;
    if (row) at("which").textContent = say("cases_which", { number: index() + 1 + gone, of: list.length + gone, pages: row.pages.map((id) => (pages[id] || {}).number).join(", ") });
    paintChoices(row);
    at("said").replaceChildren(...(row ? saidOf(row) : []));
    at("around").replaceChildren(...(row ? around() : []));
  }

  function paintChoices(row) {
    at("choices").hidden = mode !== "differ" || !row;
    if (at("choices").hidden) return;
    const choice = (key, who, values) => [element("kbd", {}, key), ` ${who || "–"}:`, element("strong", {}, say("cases_values", { number: values.number || "–", date: dates.shown(values.date) || "–" }))];
    at("first-right").replaceChildren(...choice("1", row.first, row));
    at("second-right").replaceChildren(...choice("2", row.second, row.again));
  }

  function saidOf(row) {
    const lines = isRefused(row.id) ? [element("p", { class: "bad" }, queued(row.id).message)] : [];
    const tell = (problem, name) => lines.push(element("p", { class: problem.severity === "error" ? "bad" : "" }, name ? `${say("cases_number")} ${name}: ${problem.text}` : problem.text));
    (told.problems[row.id] || []).forEach((problem) => tell(problem));
    const taken = list.find((one) => one.id === last);
    if (taken && taken !== row) (told.problems[last] || []).slice(0, 2).forEach((problem) => tell(problem, taken.number));
    return lines.slice(0, 3);
  }

  function around() {
    const from = Math.max(0, Math.min(index() - 1, list.length - 7));
    return list.slice(from, from + 7).map((row) => {
      const item = queued(row.id), problems = told.problems[row.id] || [];
      const bad = isRefused(row.id) || problems.some((problem) => problem.severity === "error");
      const mark = item ? say(item.state === "refused" ? "cases_refused" : "cases_saving") : problems.length ? problems[0].text : row.slip ? say("cases_slip_short") : typed(row) ? "✓" : "";
      const line = element("li", { "aria-current": row.id === here ? "true" : false },
        element("span", {}, say("cases_page_short", { pages: row.pages.map((id) => (pages[id] || {}).number).join(",") })), element("span", {}, row.number || "–"), element("span", {}, dates.shown(row.date) || "–"),
        element("span", { class: `mark ${bad ? "bad-words" : problems.length ? "warn-words" : "good-words"}`, title: mark }, mark));
      line.addEventListener("click", () => show(row.id));
      return line;
    });
  }

  // --- what is typed ---------------------------------------------------------------------------------------------------

  function enter() {
    const row = current();
    if (!row) return;
    if (document.activeElement === numberField && numberIsGood()) {
      newYear(row);
      focus(dateField);
    } else if (document.activeElement === dateField || document.activeElement === at("take")) take(row);
    else focus(numberField);
  }

  const NUMBER = /^(cc)?\s*0*[1-9]?\d{0,4}\s*(cc)?$/i;
  function numberIsGood() {
    const good = NUMBER.test(numberField.value.trim()) && !/^0+$/.test(numberField.value.trim());
    wrong(numberField, !good);
    if (!good) refuse(say("cases_bad_number"));
    return good;
  }

  // In another year the day is not that of the case before.
  function newYear(row) {
    if (!anew(row)) return;
    if (dateField.classList.contains("likely")) dateField.value = "";
    dateField.classList.remove("likely");
    dateField.placeholder = say("cases_date_of_year", { year: String(yearOf(row)) });
  }

  function refuse(text) {
    at("said").replaceChildren(element("p", { class: "bad" }, text));
    sohoa.beep(false);
  }

  function take(row) {
    if (!numberIsGood()) return focus(numberField);
    const number = numberField.value.trim(), text = dateField.value.trim(), slip = /cc/i.test(number);
    const date = text ? meant(text, row) : "";
    wrong(dateField, Boolean(text && !date));
    if (text && !date) { refuse(say("cases_bad_date", { text })); return focus(dateField); }
    if (!number && !date && !row.number && !row.date) return go(1);
    if (!slip && number && !date) { wrong(dateField, true); refuse(say("cases_date_missing")); return focus(dateField); }
    if (!slip && !number && date) { wrong(numberField, true); refuse(say("cases_number_missing")); return focus(numberField); }
    if (mode === "differ") return decide(number, date);
    if (mode === "type" && !queued(row.id) && number === row.number && date === row.date) return go(1);
    put(row, number, date);
    last = row.id;
    if (index() + 1 < list.length) go(1);
    else atEnd(row);
  }

  function atEnd(row) {
    sohoa.tell(say(list.some(open) ? "cases_end_open" : mode === "check" ? "cases_end_check" : "cases_end"));
    show((list.find(open) || row).id);
  }

  function go(by) {
    const row = list[index() + by];
    if (row) show(row.id);
  }

  function goOpen() {
    const bad = list.find((row) => isRefused(row.id));
    const next = list.slice(index() + 1).find(open) || list.find(open);
    if (bad && bad.id !== here) show(bad.id);
    else if (next) show(next.id);
    else sohoa.tell(say("cases_end"));
  }

  function back() {
    const row = current();
    if (!row) return;
    if (isRefused(row.id)) saves.drop(queued(row.id));
    fill(row);
    paint();
    focus(numberField);
  }

  function day(by) {
    const row = current(), { last: one } = before(row);
    const date = meant(dateField.value, row) || (one && one.date);
    if (!date) return;
    dateField.value = dates.shown(dates.moved(date, by));
    dateField.classList.remove("likely");
    touched = true;
  }

  // --- saving, one after another, behind the typing --------------------------------------------------------------------

  function put(row, number, date) {
    const item = { id: row.id, mode, number, date, seen: row.version, was: { number: row.number, date: row.date, slip: row.slip } };
    lay(item);
    if (mode === "check") checkedNow[row.id] = { number, date };
    saves.put(item);
  }

  function send(item) {
    const order = { case: item.id, number: item.number, date: item.date, seen: item.seen, window: tab };
    return sohoa.post(`${base}/${item.mode === "check" ? "check" : "save"}`, order);
  }

  function saved(done, item) {
    if (!done.case) return;
    const step = told.step;
    told = { ...told, ...done };
    const place = list.findIndex((row) => row.id === item.id);
    if (item.mode === mode && place >= 0 && !queued(item.id)) list[place] = done.case;
    const row = current();
    if (row && mode === "type" && step !== told.step && !touched && !row.number && document.activeElement === numberField) { fill(row); numberField.select(); }
  }

  // Never lost: what was typed comes back in red, at once where nothing else is being typed.
  async function refused(item, error) {
    const row = list.find((one) => one.id === item.id);
    if (row && item.was) Object.assign(row, item.was);
    delete checkedNow[item.id];
    sohoa.beep(false);
    if (error.code === "case_changed" || error.code === "case_gone") await load().catch(() => null);
    if (!list.some((one) => one.id === item.id)) {
      saves.drop(item);
      sohoa.tell(error.message, "bad");
    } else if (item.mode === mode && (!touched || here === item.id)) {
      show(item.id);
      focus(item.field === "date" ? dateField : numberField);
    } else {
      sohoa.tell(say("cases_come_back", { number: item.number || "–", message: error.message }), "bad");
    }
  }

  // --- pages and rows, decisions ---------------------------------------------------------------------------------------

  async function change(what, facts) {
    try {
      await saves.settled();
      const row = current(), before = index();
      if (!row && what !== "undo") return;
      const data = await sohoa.post(`${base}/${what}`, { ...facts, case: row && row.id, seen: row && row.version, window: tab });
      touched = false;
      if (what === "undo") know(data, data.cases.some((one) => one.id === data.about[0]) ? data.about[0] : here);
      else know(data, data.cases.some((one) => one.id === row.id) ? row.id : (data.cases[Math.min(before, data.cases.length - 1)] || {}).id);
      focus(numberField);
      if (facts.shape === "remove" && current() && before >= list.length) atEnd(current());
    } catch (error) {
      sohoa.tell(error.message, "bad");
      sohoa.beep(false);
      if (error.code === "case_changed" || error.code === "case_gone") load().catch(() => null);
    }
  }
  const shape = (name) => change("shape", { shape: name });
  const split = (parts) => change("split", { parts });
  const undo = () => (touched ? back() : change("undo", {}));

  async function decide(number, date) {
    const row = current();
    try {
      touched = false;
      know(await sohoa.post(`${base}/decide`, { case: row.id, number, date, seen: row.version, window: tab }), "");
    } catch (error) {
      refuse(error.message);
      if (error.code === "case_changed") load().catch(() => null);
    }
  }

  async function enterMode(next) {
    mode = next;
    document.querySelectorAll("[data-mode]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.mode === mode)));
    list = [];
    here = last = "";
    touched = false;
    at("one").hidden = true; // nothing of the other mode is seen, or typed over
    try {
      await load();
    } catch (error) {
      know({ cases: [], pages: {}, problems: {}, notes: [] }, "");
      at("none").textContent = error.message;
    }
  }

  // --- keys and buttons ------------------------------------------------------------------------------------------------

  const does = {
    rows: () => split(0), join: () => shape("join"), slip: () => shape("slip"), remove: () => shape("remove"), undo, goto: goOpen,
    smaller: () => view.zoom(false), larger: () => view.zoom(true), fit: () => view.fit(),
  };
  const inType = (deed) => () => (mode === "type" ? deed() : false);
  const inDate = (deed) => () => (document.activeElement === dateField ? deed() : false);
  const table = {
    Enter: enter, ArrowUp: () => go(-1), ArrowDown: () => go(1), Escape: back, "ctrl+Enter": goOpen, "ctrl+z": inType(undo),
    F2: inType(does.slip), F3: inType(does.rows), F4: inType(does.join), "shift+F4": inType(() => shape("part")), "ctrl+Delete": inType(does.remove),
    F7: does.smaller, F8: does.larger, F9: does.fit, "+": inDate(() => day(1)), "-": inDate(() => (/^\d\d\.\d\d\.\d{4}$/.test(dateField.value) ? day(-1) : false)),
    "ctrl+ArrowUp": () => view.pan(0, -0.2), "ctrl+ArrowDown": () => view.pan(0, 0.2), "ctrl+ArrowLeft": () => view.pan(-0.2, 0), "ctrl+ArrowRight": () => view.pan(0.2, 0),
    PageUp: () => view.pan(0, -0.8), PageDown: () => view.pan(0, 0.8), "?": () => sohoa.show(at("card")),
  };
  for (let parts = 1; parts <= 9; parts += 1) table[`alt+${parts}`] = inType(() => split(parts));
  sohoa.keys(table, Object.keys(table));
  const choose = (deed) => () => (mode === "differ" && current() ? deed(current()) : false);
  sohoa.keys({ 1: choose((row) => decide(row.number, row.date)), 2: choose((row) => decide(row.again.number, row.again.date)) });

  at("entry").addEventListener("submit", (event) => { event.preventDefault(); });
  at("take").addEventListener("click", () => { if (current()) take(current()); });
  at("first-right").addEventListener("click", choose((row) => decide(row.number, row.date)));
  at("second-right").addEventListener("click", choose((row) => decide(row.again.number, row.again.date)));
  for (const field of [numberField, dateField]) field.addEventListener("input", () => { touched = true; field.classList.remove("likely"); wrong(field, false); });
  document.querySelectorAll("[data-does]").forEach((button) => button.addEventListener("click", () => does[button.dataset.does]()));
  document.querySelectorAll("[data-mode]").forEach((button) => button.addEventListener("click", () => enterMode(button.dataset.mode)));
  at("print").addEventListener("click", () => window.print());

  let asked = null;
  const soon = (facts) => {
    if (facts && (facts.book !== sohoa.book || facts.window === tab)) return;
    clearTimeout(asked);
    asked = setTimeout(() => load().catch(() => null), RELOAD_MS);
  };
  ["changed", "developed"].forEach((event) => sohoa.on(event, soon));
  sohoa.onceAgain(() => { saves.next(); soon(); });
  enterMode("type").then(saves.next);
})();
