// What is to be saved, sent one after another behind the typing, and kept in the browser until the station has it or says no.
"use strict";

// `send(item)` posts an item; `heard.saved(done, item)`, `heard.refused(item, error)` and `heard.changed()` are told what came of it.
const saveQueue = (store, send, heard) => {
  const AGAIN_MS = 2000, MOST_WAIT_MS = 5000;
  let items = read(), sending = false, away = ""; // why nothing can be saved at the moment

  function read() {
    try {
      return JSON.parse(localStorage.getItem(store) || "[]").map((item) => ({ ...item, was: null }));
    } catch (error) {
      return [];
    }
  }

  function keep() {
    try {
      if (items.length) localStorage.setItem(store, JSON.stringify(items));
      else localStorage.removeItem(store);
    } catch (error) { /* a browser that keeps nothing: it is still saved, only not across a crash */ }
  }

  const waiting = () => items.filter((item) => item.state === "waits");
  const of = (id, mode) => items.find((item) => item.id === id && item.mode === mode);

  // What is said again of a case before it was sent takes the place of what was said first.
  function put(item) {
    const earlier = items.find((one) => one.id === item.id && one.mode === item.mode && !one.sent);
    drop(earlier);
    items.push({ ...item, state: "waits", was: earlier && earlier.state === "waits" ? earlier.was : item.was });
    keep();
    next();
  }

  function drop(item) {
    items = items.filter((one) => one !== item);
    keep();
  }

  async function next() {
    const [item] = waiting();
    if (sending || !item) return;
    sending = item.sent = true;
    try {
      const done = await send(item);
      away = "";
      if (done.case) items.filter((one) => one !== item && one.id === item.id && one.seen === item.seen).forEach((one) => { one.seen = done.case.version; });
      drop(item);
      heard.saved(done, item);
    } catch (error) {
      item.sent = false;
      if (error.status === 0 || error.status === 401 || error.status >= 500) {
        away = error.message;
        setTimeout(next, AGAIN_MS);
      } else {
        Object.assign(item, { state: "refused", message: error.message, field: (error.code || "").split("_")[0] });
        await heard.refused(item, error);
      }
    }
    sending = false;
    keep();
    heard.changed();
    if (!away) next();
  }

  // Until nothing waits. Throws sohoa.Refused where the station does not answer.
  async function settled() {
    for (let waited = 0; waiting().length && waited < MOST_WAIT_MS; waited += 30) await new Promise((done) => setTimeout(done, 30));
    if (waiting().length) throw new sohoa.Refused(0, "waits", standing());
  }

  // What is to be told of what waits; nothing while the station answers.
  const standing = () => (away && waiting().length ? sohoa.say("cases_waits", { number: waiting().length, why: away }) : "");

  window.addEventListener("beforeunload", (event) => {
    if (!waiting().length) return;
    event.preventDefault();
    event.returnValue = "";
  });

  const refused = () => items.filter((item) => item.state === "refused");
  return { put, drop, of, waiting, refused, next, settled, standing };
};
