// The name that was chosen last stands first the next time.
"use strict";
(() => {
  const form = document.getElementById("enter");
  if (!form) return;
  const last = localStorage.getItem("sohoa-name");
  for (const choice of form.querySelectorAll("input[name=name]")) if (choice.value === last) choice.checked = true;
  form.addEventListener("submit", () => localStorage.setItem("sohoa-name", new FormData(form).get("name")));
  form.addEventListener("change", (event) => { if (event.target.name === "name") document.getElementById("pin").focus(); });
})();
