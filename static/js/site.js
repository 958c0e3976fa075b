// Comfort only: every page is complete without this file.
(() => {
  "use strict";
  // The server writes 0–9 in every language (web/i18n/cldr.py); a browser would not in Arabic. Made when it is needed:
  // it took longer than all the rest of this file, on the line of whoever waits for the page.
  let digits;
  const inDigits = (number) => {
    digits ??= new Intl.NumberFormat(document.documentElement.lang || undefined, { numberingSystem: "latn" });
    return digits.format(number);
  };

  // The count keeps up while somebody looks at it.
  const counter = document.querySelector("[data-tally-url]");
  const refresh = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(counter.dataset.tallyUrl, { credentials: "omit", signal: AbortSignal.timeout?.(20000) });
      if (!answer.ok) return;
      const { total, exact } = await answer.json();
      if (!Number.isSafeInteger(total) || (!exact && !total)) return;
      for (const place of document.querySelectorAll("[data-total]")) place.textContent = inDigits(total);
    } catch { /* The line is down: the figure on the page stays. */ }
  };
  if (counter) {
    setInterval(refresh, 30000);
    document.addEventListener("visibilitychange", refresh);
  }

  // How somebody came is a word in our own address; the form carries it, sealed with the rest.
  const via = new URLSearchParams(location.search).get("via");
  if (via) for (const field of document.querySelectorAll("input[name=via]")) field.value = via;

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

  // What filling in the form needs comes when somebody begins to. Without it, the form works as well.
  const form = document.querySelector("form[data-script]");
  let coming;
  const come = () => coming ??= import(form.dataset.script);
  // An answer that never comes must not keep a signature: after this many milliseconds it goes as without script.
  const PATIENCE = 8000;
  const within = (work) => Promise.race([work, new Promise((_, end) => setTimeout(end, PATIENCE))]);
  const finished = async () => (await come()).finish();
  let sending = false;
  form?.addEventListener("focusin", come, { once: true });
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sending) return;
    sending = true;
    form.setAttribute("aria-busy", "true");
    const said = form.querySelector("[data-sending]");
    said.textContent = said.dataset.sending;
    form.elements.took.value = Math.round(performance.now());
    history.replaceState({ ...history.state, sent: true }, "");
    try { await within(finished()); } catch { /* The line is down, or stalls: sent as without script. */ }
    form.submit();
  });
  // Back from the next page: the button is to work again, and what was signed is for nobody else at this device to read.
  // What was sent and not taken stays: no thanks follow it then. A browser that cannot say so empties the form.
  const wasTaken = () => {
    const { navigation } = window;
    if (!navigation?.currentEntry) return true;
    return navigation.entries().slice(navigation.currentEntry.index + 1).some(({ url }) => /\/thanks\/$/.test(url));
  };
  addEventListener("pageshow", () => {
    if (form && history.state?.sent && wasTaken()) {
      for (const field of form.elements) {
        if (field.name && field.name !== "via") field.value = "";
      }
      form.querySelector("[data-meant]").hidden = true;
    }
    sending = false;
    form?.removeAttribute("aria-busy");
    form?.querySelector("[data-sending]").replaceChildren();
  });
})();
