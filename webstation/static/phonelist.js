// The list of photos on a phone: how each stands, in words, with a bar while it is sent, and what a person can do about it.
"use strict";

window.SohoaList = class {
  // `say(code, facts)` gives words; `again(input, photo)` and `giveUp(photo)` are called when a person asks for it.
  constructor(list, say, isSafe, again, giveUp) {
    Object.assign(this, { list, say, isSafe, again, giveUp, rows: new Map() });
  }

  show(photo) {
    const row = this.rows.get(photo.id) || this.newRow(photo), safe = this.isSafe(photo);
    const looks = !photo.replaced && photo.findings.length > 0;
    row.item.className = looks ? "look" : safe ? "safe" : "";
    row.state.textContent = this.state(photo);
    row.state.className = safe ? "state safe-words" : "state";
    row.bar.hidden = photo.state !== "queued" || !photo.part;
    row.bar.value = photo.part || 0;
    row.finding.textContent = looks ? photo.findings.map((reason) => this.say("look_again", { reason })).join("\n") : "";
    row.again.hidden = !looks;
    row.giveUp.hidden = !["queued", "refused"].includes(photo.state);
    if (photo.thumb && !row.picture.src) row.picture.src = URL.createObjectURL(photo.thumb);
  }

  remove(photo) {
    this.list.removeChild(this.rows.get(photo.id).item);
    this.rows.delete(photo.id);
  }

  state(photo) {
    if (photo.replaced) return this.say("replaced");
    if (photo.state === "queued" && photo.part) return this.say("sending", { percent: Math.round(100 * photo.part) });
    if (photo.state === "refused") return "";
    if (photo.state === "looked_at" && !photo.findings.length) return this.say("looked_at") + ", " + this.say("good");
    return this.say(photo.state);
  }

  newRow(photo) {
    const made = (name, className, text) => {
      const element = document.createElement(name);
      element.className = className;
      if (text) element.textContent = text;
      return element;
    };
    const said = made("div", "said"), row = {
      item: made("li", ""), picture: made("img", ""), state: made("p", "state"), finding: made("p", "finding"),
      bar: made("progress", ""), again: made("label", "deed small", this.say("again")),
      giveUp: made("button", "deed small", this.say("give_up")),
    };
    row.picture.alt = "";
    row.bar.max = 1;
    row.bar.setAttribute("aria-label", this.say("sending", { percent: "" }));
    row.giveUp.type = "button";
    row.giveUp.addEventListener("click", () => this.giveUp(photo));
    row.again.appendChild(this.camera(photo));
    [made("p", "number", String(photo.number)), row.state, row.bar, row.finding, row.again, row.giveUp]
      .forEach((part) => said.appendChild(part));
    row.item.appendChild(row.picture);
    row.item.appendChild(said);
    this.list.insertBefore(row.item, this.list.firstChild); // the newest is seen first
    this.rows.set(photo.id, row);
    return row;
  }

  camera(photo) {
    const input = document.createElement("input");
    Object.assign(input, { type: "file", accept: "image/*" });
    input.setAttribute("capture", "environment");
    input.addEventListener("change", () => this.again(input, photo));
    return input;
  }
};
