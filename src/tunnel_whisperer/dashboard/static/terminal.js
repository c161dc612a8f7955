// The terminal at the relay's machine: xterm.js at this end of a WebSocket, ssh at the other.
"use strict";

(() => {
  const CHUNK = 16 * 1024; // bytes of a message: a long paste is several
  const place = document.getElementById("terminal");
  const open = document.getElementById("terminal-open");
  const close = document.getElementById("terminal-close");
  const state = document.getElementById("terminal-state");
  const aloud = document.getElementById("terminal-aloud");

  const encoder = new TextEncoder();
  let socket = null;
  let shown = null;
  let fit = null;

  const tell = (kind, words) => {
    state.className = `state ${kind}`;
    state.textContent = words;
  };

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const theme = () => ({
    background: colour("--paper"),
    foreground: colour("--ink"),
    cursor: colour("--accent"),
    selectionBackground: colour("--line"),
  });

  const say = (value) => {
    if (socket && socket.readyState === WebSocket.OPEN) socket.send(value);
  };

  const type = (bytes) => {
    for (let at = 0; at < bytes.length; at += CHUNK) say(bytes.slice(at, at + CHUNK));
  };

  const size = () => {
    if (!shown || place.hidden) return;
    fit.fit();
    say(JSON.stringify({ rows: shown.rows, columns: shown.cols }));
  };

  const make = () => {
    shown = new Terminal({
      theme: theme(),
      fontFamily: colour("--mono") || "monospace",
      fontSize: 14,
      scrollback: 5000,
      minimumContrastRatio: 4.5,
      screenReaderMode: aloud.checked,
    });
    fit = new FitAddon.FitAddon();
    shown.loadAddon(fit);
    shown.open(place);
    shown.textarea.setAttribute("aria-describedby", "terminal-keys");
    shown.onData((text) => type(encoder.encode(text)));
    shown.onBinary((text) => type(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
    shown.attachCustomKeyEventHandler((event) => {
      if (event.ctrlKey && event.shiftKey && event.key.toLowerCase() === "l") {
        event.preventDefault();
        if (event.type === "keydown") close.focus();
        return false;
      }
      return true;
    });
    new ResizeObserver(size).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (shown.options.theme = theme()));
  };

  aloud.addEventListener("change", () => {
    if (shown) shown.options.screenReaderMode = aloud.checked;
  });

  const ended = (words) => {
    if (!socket) return;
    socket = null;
    tell("off", words);
    open.disabled = false;
    close.disabled = true;
    if (place.contains(document.activeElement) || document.activeElement === close) open.focus();
  };

  open.addEventListener("click", () => {
    place.hidden = false;
    if (!shown) make();
    shown.reset();
    open.disabled = true;
    close.disabled = false;
    tell("busy", "connecting");
    const mine = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/relay/terminal`);
    let why = "closed";
    mine.binaryType = "arraybuffer";
    socket = mine;
    mine.addEventListener("open", () => {
      size();
      shown.focus();
    });
    mine.addEventListener("message", (event) => {
      if (mine !== socket) return;
      if (typeof event.data === "string") {
        why = `ended: ${JSON.parse(event.data).ended}`;
        return;
      }
      tell("good", "connected");
      const bytes = new Uint8Array(event.data);
      shown.write(bytes, () => mine === socket && say(JSON.stringify({ taken: bytes.length })));
    });
    mine.addEventListener("close", () => mine === socket && ended(why));
  });

  close.addEventListener("click", () => {
    const mine = socket;
    ended("closed");
    if (mine) mine.close();
  });
})();
