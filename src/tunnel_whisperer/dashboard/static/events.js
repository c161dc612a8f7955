// What changed, from this machine's process, for as long as somebody looks: a page that is not seen keeps no
// connection, as a browser has six for one host, and a dozen tabs would leave none to load a page with.
// Each topic is an event `tw:<topic>` at the body, for the live parts; `tw:again` has all of them loaded.
"use strict";

(() => {
  const { events, seen: first } = document.body.dataset;
  if (!events) return;
  const UNSEEN_MS = 5000; // a tab that is looked at again soon needs no new connection
  const AGAIN_MS = [1000, 2000, 4000, 8000];
  const topics = new URLSearchParams(events.slice(events.indexOf("?"))).getAll("topic");
  const banner = document.getElementById("lost");
  let source = null;
  let seen = first;
  let failures = 0;
  let leaving;
  let coming;

  function open() {
    clearTimeout(leaving);
    clearTimeout(coming);
    if (source || document.hidden) return;
    source = new EventSource(`${events}&after=${seen}`);
    source.addEventListener("ready", back);
    source.addEventListener("error", broken);
    for (const topic of topics) {
      source.addEventListener(topic, (event) => {
        seen = event.lastEventId;
        htmx.trigger(document.body, `tw:${topic}`);
      });
    }
  }

  function close() {
    clearTimeout(coming);
    source?.close();
    source = null;
  }

  function back() {
    if (!failures) return;
    failures = 0;
    banner.hidden = true;
    htmx.trigger(document.body, "tw:again"); // what was missed meanwhile
  }

  async function broken() {
    close();
    const pause = AGAIN_MS[Math.min(failures, AGAIN_MS.length - 1)];
    failures += 1;
    coming = setTimeout(open, pause);
    try {
      const answer = await fetch("/api/v1/role", { headers: { Accept: "application/json" } });
      if (answer.status === 401) location.assign("/login");
      if (answer.ok) return; // the stream alone broke
    } catch {
      // nobody there
    }
    if (failures) banner.hidden = false;
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(leaving);
    if (document.hidden) leaving = setTimeout(close, UNSEEN_MS);
    else open();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    open();
    htmx.trigger(document.body, "tw:again");
  });
  open();
})();
