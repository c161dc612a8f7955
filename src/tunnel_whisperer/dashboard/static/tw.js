// What pages need a script for besides live parts (events.js): copying, dropping a file, and forms that are
// sent once. Everything else works without.
"use strict";

(() => {
  // htmx asks with the page's token, as the gate wants it from scripts.
  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector('meta[name="csrf"]');
    if (token) event.detail.headers["X-CSRF-Token"] = token.content;
  });

  // What was unfolded stays so when its part is loaded again.
  let unfolded = [];
  document.addEventListener("htmx:beforeSwap", (event) => {
    unfolded = [...event.detail.target.querySelectorAll("details[open][id]")].map((each) => each.id);
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
    unfolded = [];
  });

  // -- small things --------------------------------------------------------------------------------

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const before = button.textContent;
    const label = button.getAttribute("aria-label");
    button.removeAttribute("aria-label"); // what it says now is what a screen reader is to say
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      const range = document.createRange(); // no right to the clipboard: it is marked, for Ctrl-C
      range.selectNodeContents(button.parentElement.querySelector("code"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = "Press Ctrl-C";
    }
    setTimeout(() => {
      button.textContent = before;
      if (label) button.setAttribute("aria-label", label);
    }, 2000);
  });

  // A form that takes its time is sent once. A download leaves the page as it is.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent && form.dataset.sent > Date.now() - 3000) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = Date.now();
  });

  // A file can be dropped on its field's area.
  document.addEventListener("dragover", (event) => {
    const area = event.target.closest("[data-drop]");
    if (!area) return;
    event.preventDefault();
    area.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => event.target.closest("[data-drop]")?.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    const area = event.target.closest("[data-drop]");
    if (!area) return;
    event.preventDefault();
    area.classList.remove("over");
    const field = area.querySelector('input[type="file"]');
    field.files = event.dataTransfer.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });

  // The menu begins closed where it would fill the screen.
  const menu = document.querySelector("details.menu");
  if (menu && matchMedia("(max-width: 52rem)").matches) menu.open = false;
})();
