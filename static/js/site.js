// Comfort only: every page is complete without this file. One file, because each costs a request's headers.
(() => {
  "use strict";
  // The server writes 0–9 in every language (config/cldr.py); a browser would not in Arabic. Made when it is needed:
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

  // "Did you mean …?" – help with a slip in the provider's name, never a refusal.
  const email = document.querySelector("[data-providers]");
  const hint = document.querySelector("[data-meant]");
  const near = (one, other) => {
    // One letter too many, missing, wrong, or two swapped.
    if (Math.abs(one.length - other.length) > 1) return false;
    let i = 0, j = 0;
    while (i < one.length && one[i] === other[i]) i++;
    while (j < Math.min(one.length, other.length) - i && one.at(-1 - j) === other.at(-1 - j)) j++;
    const [a, b] = [one.slice(i, one.length - j), other.slice(i, other.length - j)];
    return a.length <= 1 && b.length <= 1 || a.length === 2 && a === b[1] + b[0];
  };
  if (email && hint) email.addEventListener("change", () => {
    const [, , domain] = email.value.trim().toLowerCase().match(/^(.+)@([^@]+)$/) || [];
    const providers = email.dataset.providers.split(" ");
    const meant = domain && !providers.includes(domain) && providers.find((one) => near(domain, one));
    hint.hidden = !meant;
    if (!meant) return;
    const [before, after] = hint.dataset.meant.split("…");
    const take = document.createElement("button");
    take.type = "button";
    take.className = "quiet";
    take.textContent = email.value.trim().replace(/@[^@]*$/, `@${meant}`);
    take.addEventListener("click", () => { email.value = take.textContent; hint.hidden = true; email.focus(); });
    hint.replaceChildren(before, take, after);
  });

  // How long filling in the form took, and a flood's price where one is asked for. Without it, the form works as well.
  const form = document.querySelector("form[data-work-url]");
  const FRESH = 10 * 60000; // milliseconds: the server takes a solution for fifteen minutes
  let begun = 0;
  let done;
  let sending = false;

  // Begins with the first key press, and is finished before most people are.
  const work = () => {
    if (done && Date.now() - begun < FRESH) return done;
    begun = Date.now();
    done = (async () => {
      try {
        const answer = await fetch(form.dataset.workUrl, { credentials: "omit" });
        if (answer.status !== 200) return "";
        const { solve } = await import(form.dataset.solver);
        return await solve(await answer.json());
      } catch { return ""; } // The line is down, or the browser cannot: the signature is sent without.
    })();
    return done;
  };
  form?.addEventListener("input", work, { once: true });
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sending) return;
    sending = true;
    form.elements.took.value = Math.round(performance.now());
    form.setAttribute("aria-busy", "true");
    form.elements.work.value = await work();
    form.submit();
  });
  // Back from the next page: the button is to work again.
  addEventListener("pageshow", () => { sending = false; form?.removeAttribute("aria-busy"); });
})();
