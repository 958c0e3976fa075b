// The number of a signature that is just being counted. Without script, the page reloads itself.
const waiting = document.querySelector("[data-awaiting]");
const ask = async (left) => {
  try {
    const answer = await fetch(location.href, { credentials: "omit", signal: AbortSignal.timeout?.(10000) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.querySelector("[data-number]");
    if (found) return void waiting.replaceChildren(...found.childNodes);
  } catch { /* Try again. */ }
  if (left) setTimeout(ask, 2000, left - 1);
};
if (waiting) setTimeout(ask, 2000, 30);
