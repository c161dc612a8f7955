// The log as it goes on. Lines are held back while somebody reads further up, or has pressed Pause; what
// is held and what is shown are bounded, and the page is touched once for each frame that is drawn.
"use strict";

(() => {
  const MOST = 2000;
  const LEVELS = new Set(["debug", "info", "warning", "error", "critical"]);
  const box = document.getElementById("log");
  const pause = document.getElementById("log-pause");
  const toEnd = document.getElementById("log-end");
  const state = document.getElementById("log-state");
  const offset = Number(box.dataset.offset);
  let after = box.dataset.after;
  let held = []; // lines that are not shown yet
  let unseen = 0; // how many there were, also those that were dropped
  let missed = 0;
  let paused = false;
  let drawing = false;
  let source = null;
  let retry = 0;

  const atEnd = () => box.scrollHeight - box.scrollTop - box.clientHeight < 24;
  const say = (words) => {
    if (state.textContent !== words) state.textContent = words;
  };

  function made(line) {
    const row = document.createElement("div");
    if (LEVELS.has(line.level)) row.className = line.level;
    const at = new Date((line.time + offset) * 1000).toISOString().slice(11, 23);
    row.textContent = `${at} ${line.level.padEnd(7)} ${line.logger}: ${line.text}`;
    return row;
  }

  function told(words) {
    const row = document.createElement("div");
    row.className = "warning";
    row.textContent = words;
    return row;
  }

  function draw() {
    drawing = false;
    const stays = paused || !atEnd();
    if (!stays && (held.length || missed)) {
      document.getElementById("log-none")?.remove();
      const rows = held.map(made);
      const dropped = missed + unseen - held.length;
      if (dropped) rows.unshift(told(`.. ${dropped} lines between these are not shown: too many came at once`));
      held = [];
      unseen = missed = 0;
      box.append(...rows);
      while (box.childElementCount > MOST) box.firstElementChild.remove();
      box.scrollTop = box.scrollHeight;
    }
    toEnd.hidden = !stays;
    toEnd.textContent = unseen ? `To the newest line (${unseen} more)` : "To the newest line";
    if (source?.readyState === EventSource.OPEN)
      say(paused ? "Paused." : stays ? "Waiting while you read." : "Live.");
  }

  function soon() {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(draw);
  }

  // -- the stream: open while somebody can see it ------------------------------------------------------

  function close() {
    clearTimeout(retry);
    source?.close();
    source = null;
  }

  function open() {
    close();
    source = new EventSource(`${box.dataset.stream}&after=${after}`);
    source.addEventListener("ready", soon);
    source.addEventListener("missed", (event) => {
      missed += Number(event.data);
      soon();
    });
    source.addEventListener("lines", (event) => {
      const lines = JSON.parse(event.data);
      after = event.lastEventId;
      unseen += lines.length;
      held = held.length ? held.concat(lines).slice(1 - MOST) : lines.slice(1 - MOST); // and a line that says so
      soon();
    });
    source.onerror = () => {
      say("No connection. Trying again ..");
      if (source?.readyState === EventSource.CLOSED) retry = setTimeout(open, 3000);
    };
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);

  // -- who reads decides -------------------------------------------------------------------------------

  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    pause.setAttribute("aria-pressed", String(paused));
    if (!paused) box.scrollTop = box.scrollHeight;
    soon();
  });
  toEnd.addEventListener("click", () => {
    if (paused) pause.click();
    box.scrollTop = box.scrollHeight;
    box.focus({ preventScroll: true });
    soon();
  });
  box.addEventListener("scroll", soon, { passive: true });

  document.getElementById("log-again").hidden = true;
  pause.hidden = false;
  box.scrollTop = box.scrollHeight;
  if (!document.hidden) open();
})();
