// The shelf: counts go up by themselves; pages without a book find theirs.
"use strict";
(() => {
  const { say } = sohoa;
  const COLOURS = { packed: " good", closed: " good", changed_since: " warn", repack: " warn" };
  const unsorted = Number(document.getElementById("shelf").dataset.unsorted);

  async function refresh() {
    const shelf = await sohoa.get("/books.json");
    const rows = document.querySelectorAll("[data-row]");
    if (shelf.rows.length !== rows.length || shelf.unsorted.length !== unsorted) return location.reload();
    for (const row of shelf.rows) {
      const place = document.querySelector(`[data-row="${row.book}"]`);
      if (!place) return location.reload();
      place.querySelector("[data-count]").textContent = sohoa.written(row.captures);
      const state = place.querySelector("[data-state]");
      state.textContent = say("state_" + row.state);
      state.className = "chip" + (COLOURS[row.state] || "");
      const empty = place.querySelector("[data-empty]");
      if (empty) empty.hidden = row.state !== "empty";
    }
  }
  const asking = sohoa.anew(refresh), soon = () => asking(400);
  for (const event of ["received", "developed", "changed", "packing"]) sohoa.on(event, soon);
  sohoa.onceAgain(soon);

  const lost = document.getElementById("unsorted");
  if (lost) {
    lost.addEventListener("submit", async (event) => {
      event.preventDefault();
      const done = await sohoa.order(`/books/${sohoa.facts(lost).book}/assign`, { captures: ["all"] });
      if (done) location.reload();
    });
  }
})();
