// What every screen has: orders to the station, its events, words, messages, keys, sounds. Plain scripts for browsers of 2020.
"use strict";

if (!Element.prototype.replaceChildren) { // Chrome before 86
  Element.prototype.replaceChildren = function replaceChildren(...inner) {
    this.textContent = "";
    this.append(...inner);
  };
}

const sohoa = (() => {
  const body = document.body;
  const listeners = {};
  let source = null;

  function say(code, facts) {
    const sentence = (window.SOHOA_WORDS || {})[code];
    if (sentence === undefined) return code;
    return sentence.replace(/\{(\w+)[^}]*\}/g, (whole, name) => (facts && name in facts ? written(facts[name]) : whole));
  }

  function written(value) {
    if (typeof value !== "number") return String(value);
    const options = { maximumFractionDigits: Math.abs(value) >= 10 ? 1 : 2 };
    return value.toLocaleString(body.dataset.language === "vi" ? "vi-VN" : "en-GB", options);
  }

  class Refused extends Error {
    constructor(status, code, message) {
      super(message);
      this.status = status;
      this.code = code;
    }
  }

  // Sends an order, or asks; gives the answer's JSON (or the answer itself, with options.raw). Throws Refused in the person's words.
  async function ask(method, url, order, options) {
    const request = { method, headers: { Accept: "application/json" }, credentials: "same-origin", cache: "no-store" };
    if (options && options.signal) request.signal = options.signal;
    if (method === "POST") {
      request.headers["Content-Type"] = "application/json";
      request.headers["X-Sohoa"] = body.dataset.token || "";
      request.body = JSON.stringify(order || {});
    }
    let response;
    try {
      response = await fetch(url, request);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refused(0, "station_away", say("station_away"));
    }
    if (response.ok) return options && options.raw ? response : response.json();
    let told = { code: "http", message: say("http_error", { status: response.status }) };
    try {
      told = (await response.json()).error || told;
    } catch (error) { /* not JSON: the sentence above stands */ }
    if (response.status === 401) location.assign("/");
    throw new Refused(response.status, told.code, told.message);
  }

  const post = (url, order, options) => ask("POST", url, order, options);
  const get = (url, options) => ask("GET", url, null, options);

  // The same, where a refusal is told to the person and the answer is then null.
  async function order(url, facts) {
    try {
      return await post(url, facts);
    } catch (error) {
      tell(error.message, "bad");
      return null;
    }
  }

  // A message at the foot of the screen; a bad one stays until it is put away.
  function tell(text, kind) {
    const place = document.getElementById("messages");
    const message = element("div", { class: "message " + (kind || "good"), role: kind === "bad" ? "alert" : "status" }, text);
    const away = element("button", { type: "button", class: "away", "aria-label": say("put_away") }, "×");
    away.addEventListener("click", () => message.remove());
    message.append(away);
    place.append(message);
    while (place.children.length > 3) place.firstElementChild.remove();
    if (kind !== "bad") setTimeout(() => message.remove(), 6000);
  }

  function element(name, attributes, ...inner) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === false || value === null || value === undefined) continue;
      if (key in made && typeof value === "function") made[key] = value;
      else made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...inner.filter((item) => item !== null && item !== undefined));
    return made;
  }

  // Calls `heard(facts)` for each event of that name; the connection is made once, and again when it is lost.
  function on(name, heard) {
    const known = listeners[name];
    listeners[name] = [...(known || []), heard];
    if (!source) connect();
    else if (!known) listen(name);
  }

  function connect() {
    source = new EventSource("/events");
    source.addEventListener("open", () => link(true));
    source.addEventListener("error", () => {
      link(false);
      if (source.readyState === EventSource.CLOSED) setTimeout(connectAgain, 3000);
    });
    Object.keys(listeners).forEach(listen);
  }

  // The browser tries no more where the station said no, and some do not where it is away. A station that knows this person
  // no longer, as after a restart, leads to the entrance.
  const connectAgain = () => get("/people", { raw: true }).then(connect, connect);

  function listen(name) {
    source.addEventListener(name, (event) => {
      const facts = JSON.parse(event.data);
      for (const listener of listeners[name]) listener(facts);
    });
  }

  // After the connection was lost, whatever is shown may be old.
  let lost = false;
  const again = [];
  function link(there) {
    document.getElementById("link").hidden = there;
    if (there && lost) again.forEach((heard) => heard());
    lost = !there;
  }
  const onceAgain = (heard) => again.push(heard);

  // Gives a function that asks anew within so many ms: one request after another, for an answer that overtakes another one
  // would show what was. What fails is told elsewhere: the station is away.
  function anew(refresh) {
    let timer = null, underway = false, again = false;
    async function run() {
      timer = null;
      again = underway;
      if (underway) return;
      underway = true;
      try {
        await refresh();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      } finally {
        underway = false;
      }
      if (again) run();
    }
    return (wait) => { timer = timer || setTimeout(run, wait); };
  }

  // Two tones that cannot be taken for each other: up is good, down is bad. Browsers allow sound after the first key or click.
  let sound = null;
  function beep(good) {
    try {
      sound = sound || new (window.AudioContext || window.webkitAudioContext)();
      const start = sound.currentTime;
      (good ? [660, 880] : [330, 220, 220]).forEach((pitch, index) => {
        const tone = sound.createOscillator();
        const volume = sound.createGain();
        tone.frequency.value = pitch;
        tone.type = good ? "sine" : "square";
        volume.gain.setValueAtTime(good ? 0.25 : 0.12, start + index * 0.14);
        volume.gain.exponentialRampToValueAtTime(0.001, start + index * 0.14 + 0.13);
        tone.connect(volume).connect(sound.destination);
        tone.start(start + index * 0.14);
        tone.stop(start + index * 0.14 + 0.14);
      });
    } catch (error) { /* a PC without sound */ }
  }

  // Keys of a screen: { "Enter": fn, "ctrl+z": fn, "?": fn }. Fields keep their keys, but for those of `anywhere`.
  function keys(table, anywhere) {
    document.addEventListener("keydown", (event) => {
      const name = (event.ctrlKey ? "ctrl+" : "") + (event.altKey ? "alt+" : "") + (event.shiftKey && event.key.length > 1 ? "shift+" : "") +
        (event.key.length === 1 ? event.key.toLowerCase() : event.key);
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox";
      const pressed = table[name];
      if (!pressed || event.isComposing || document.querySelector("dialog[open], .dialog:not([hidden])")) return;
      if (typing && !(anywhere || []).includes(name)) return;
      if (event.target.tagName === "BUTTON" && (name === "Enter" || name === " ")) return;
      if (event.target.type === "checkbox" && name === " ") return;
      if (pressed(event) !== false) event.preventDefault();
    });
  }

  // Dialogs are plain elements: <dialog> came to old browsers too late.
  function show(dialog) {
    dialog.hidden = false;
    dialog.before_ = document.activeElement;
    const first = dialog.querySelector("[autofocus], input, select, button");
    if (first) first.focus();
  }
  function hide(dialog) {
    dialog.hidden = true;
    if (dialog.before_) dialog.before_.focus();
  }
  document.addEventListener("keydown", (event) => {
    const open = document.querySelector(".dialog:not([hidden])");
    if (!open) return;
    if (event.key === "Escape") hide(open);
    if (event.key === "Tab") keepWithin(open, event);
  });
  function keepWithin(dialog, event) {
    const stops = [...dialog.querySelectorAll("button, input, select, textarea, a[href]")].filter((item) => !item.disabled && item.offsetParent);
    if (!stops.length) return;
    const last = event.shiftKey ? stops[0] : stops[stops.length - 1];
    if (document.activeElement === last || !dialog.contains(document.activeElement)) {
      event.preventDefault();
      (event.shiftKey ? stops[stops.length - 1] : stops[0]).focus();
    }
  }

  // What a form holds, as an order.
  function facts(form) {
    const held = {};
    for (const field of form.elements) {
      if (!field.name) continue;
      if (field.type === "radio" && !field.checked) continue;
      held[field.name] = field.type === "checkbox" ? field.checked : field.type === "number" ? (field.value === "" ? null : Number(field.value)) : field.value;
    }
    return held;
  }

  // Forms with data-order send themselves; what a refusal says stands beside the form's button.
  function orders() {
    for (const form of document.querySelectorAll("form[data-order]")) {
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        const told = form.querySelector(".refusal");
        if (told) told.textContent = "";
        try {
          const done = await post(form.dataset.order, facts(form));
          location.assign(done.go || form.dataset.go || location.href);
        } catch (error) {
          if (told) told.textContent = error.message;
          else tell(error.message, "bad");
          const pin = error.code === "person_wrong_pin" && form.elements.pin;
          if (pin) { pin.value = ""; pin.focus(); }
          beep(false);
        }
      });
    }
    for (const button of document.querySelectorAll("button[data-order]")) {
      button.addEventListener("click", async () => {
        if (button.dataset.confirm && !window.confirm(button.dataset.confirm)) return;
        const done = await order(button.dataset.order, JSON.parse(button.dataset.facts || "{}"));
        if (done) location.assign(done.go || button.dataset.go || location.href);
      });
    }
    for (const button of document.querySelectorAll("[data-opens]")) {
      button.addEventListener("click", () => show(document.getElementById(button.dataset.opens)));
    }
    for (const button of document.querySelectorAll("[data-closes]")) {
      button.addEventListener("click", () => hide(button.closest(".dialog")));
    }
  }

  // What is wrong with a field is said in its own words (its title), not in those of the browser, whose language may be another.
  document.addEventListener("invalid", (event) => { if (event.target.title) event.target.setCustomValidity(event.target.title); }, true);
  document.addEventListener("input", (event) => { if (event.target.setCustomValidity) event.target.setCustomValidity(""); });

  document.addEventListener("DOMContentLoaded", () => {
    orders();
    if (body.dataset.token) on("trouble", (trouble) => { tell(say("trouble_" + trouble.code), "bad"); beep(false); });
    const help = document.getElementById("card");
    if (help) keys({ "?": () => show(help) });
  });

  return { say, written, ask, post, get, order, tell, element, on, onceAgain, anew, beep, keys, show, hide, facts, Refused, book: body.dataset.book };
})();
