// Rows of a form about ports: "More rows" adds them here, and what is typed into an end's field chooses it.
"use strict";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-more-rows]");
  if (!button) return;
  event.preventDefault(); // without a script it sends the form, and gets it back with more rows
  const body = button.closest("fieldset").querySelector("tbody");
  const number = body.rows.length + 1;
  const row = body.rows[body.rows.length - 1].cloneNode(true);
  for (const field of row.querySelectorAll("input")) {
    field.value = "";
    field.setAttribute("aria-label", field.getAttribute("aria-label").replace(/\d+$/, number));
  }
  body.append(row);
  row.querySelector("input").focus();
});

document.addEventListener("input", (event) => {
  const chosen = event.target.dataset.chooses;
  if (chosen) document.getElementById(chosen).checked = true;
});
