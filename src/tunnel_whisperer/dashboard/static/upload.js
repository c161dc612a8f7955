// A file before it is sent: one that is too large is told at once, and a passphrase is asked for only where
// the file is encrypted. Without this script both come after it was sent.
"use strict";

for (const form of document.querySelectorAll("form[data-upload]")) {
  const field = form.querySelector('input[type="file"]');
  const large = form.querySelector("[data-too-large]");
  const secret = form.querySelector("[data-passphrase]");
  const button = form.querySelector("button");
  if (secret && "hide" in secret.dataset) secret.hidden = true;
  field.addEventListener("change", async () => {
    const file = field.files[0];
    large.hidden = !file || file.size <= Number(form.dataset.limit);
    button.disabled = !large.hidden;
    if (!file || !secret || !large.hidden) return;
    const head = await file.slice(0, 64).text();
    secret.hidden = !/^\s*(age-encryption\.org\/|-----BEGIN AGE ENCRYPTED FILE-----)/.test(head);
    const passphrase = secret.querySelector("input");
    if (secret.hidden) passphrase.value = "";
    else passphrase.focus();
  });
}
