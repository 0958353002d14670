// Packing: what is open, how far it is, what came of it.
"use strict";
(() => {
  const { say, element } = sohoa;
  const base = `/books/${sohoa.book}`;
  const at = (id) => document.getElementById(id);

  async function refresh() {
    const { checks, packing, packed, outdated, folder } = await sohoa.get(`${base}/pack.json`);
    at("checks").replaceChildren(...checks.map((check) => element("li", { class: check.good ? "" : "open" },
      element("span", { class: "skip" }, say(check.good ? "check_good" : "check_open") + ": "),
      check.go ? element("a", { href: check.go }, check.text) : check.text)));
    at("anyway").hidden = checks.every((check) => check.good);
    const running = packing.state === "running";
    at("pack").disabled = running;
    at("pack").textContent = packed && !running ? say("pack_again") : say("pack_now");
    const checking = packing.what === "verify";
    at("check").disabled = running;
    at("stands").textContent = { idle: packed ? say("pack_done") : say("pack_none"), running: say(checking ? "pack_checking" : "pack_running"),
      done: say(!checking ? "pack_done" : packing.good ? "pack_whole" : "pack_broken"), failed: say("cannot_pack") }[packing.state];
    at("running").hidden = !running;
    at("step").textContent = packing.of ? `${packing.step} ${sohoa.written(packing.done)} / ${sohoa.written(packing.of)}` : packing.step;
    at("progress").max = packing.of || 1;
    at("progress").value = packing.done;
    at("lines").replaceChildren(...packing.lines.map((line) => element("p", { class: packing.state === "failed" || !packing.good ? "bad-words" : "" }, line)));
    at("where").hidden = !packed;
    at("folder").textContent = folder;
    at("outdated").hidden = !(packed && outdated) || running;
  }
  const soon = sohoa.anew(refresh);

  at("pack").addEventListener("click", async () => { at("pack").disabled = true; await sohoa.order(`${base}/pack`, {}); soon(0); });
  at("check").addEventListener("click", async () => { at("check").disabled = true; await sohoa.order(`${base}/verify`, {}); soon(0); });
  for (const event of ["packing", "developed", "changed"]) sohoa.on(event, (facts) => { if (facts.book === sohoa.book) soon(100); });
  sohoa.onceAgain(() => soon(0));
  soon(0);
})();
