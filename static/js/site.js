// Comfort only: every page is complete without this file.
(() => {
  "use strict";
  // The server writes 0–9 in every language (config/cldr.py); a browser would not in Arabic.
  const { format: inDigits } = new Intl.NumberFormat(document.documentElement.lang || undefined, { numberingSystem: "latn" });

  // The count keeps up while somebody looks at it.
  const counter = document.querySelector("[data-tally-url]");
  const refresh = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(counter.dataset.tallyUrl, { credentials: "omit" });
      if (!answer.ok) return;
      const { total } = await answer.json();
      if (!Number.isSafeInteger(total)) return;
      for (const place of document.querySelectorAll("[data-total]")) place.textContent = inDigits(total);
    } catch { /* The line is down: the figure on the page stays. */ }
  };
  if (counter) {
    setInterval(refresh, 30000);
    document.addEventListener("visibilitychange", refresh);
  }

  // "Copy the link", where the browser allows it.
  for (const button of document.querySelectorAll("[data-copy]")) {
    const field = document.getElementById(button.dataset.copy);
    if (!field || !navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(field.value);
        button.textContent = button.dataset.done;
      } catch { field.select(); }
    });
  }

  // The number of a signature that is just being counted. Without script, the page reloads itself.
  const waiting = document.querySelector("[data-awaiting]");
  const ask = async (left) => {
    try {
      const answer = await fetch(location.href, { credentials: "omit" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = page.querySelector("[data-number]");
      if (found) return void waiting.replaceChildren(...found.childNodes);
    } catch { /* Try again. */ }
    if (left) setTimeout(ask, 2000, left - 1);
  };
  if (waiting) setTimeout(ask, 2000, 30);
})();
